using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Sniffing;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Connections;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>The way of a plaintext connection to a port that speaks HTTP: every request on it is judged, its client being nobody.</summary>
internal sealed partial class InboundPlaintextConnection
{
    private ProtocolPeek? _peek;
    private ChannelConnection? _httpConnection;
    private Http1Client? _httpClient;

    public override void BeginDrain() => _httpClient?.BeginDrain();

    /// <summary>HTTP/2 is not read: its connection is judged as one that carries no requests, which falls back to nothing looser.</summary>
    private async ValueTask<bool> SpeaksHttp1Async()
    {
        Settle();
        _peek = new ProtocolPeek(_client);
        PeekResult first = await _peek.WaitAsync(Context.Services.Http.HeadTime);
        _peek = null;
        return Record.Reason == CloseReason.None && first.Protocol != SniffedProtocol.Http2;
    }

    private async Task ServeHttpAsync(Workload destination, ConnectionFacts facts)
    {
        TimeSpan patience = TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs);
        if (await Gate.AdmitForRequestsAsync(Context, this, destination, facts, patience) is not RequestGate gate)
        {
            return;
        }

        var server = new InboundServer(Context, Pod, Record, gate, destination, _destination!);
        _httpConnection = ChannelConnection.Start(
            _client,
            new ConnectionOptions { IdleLimit = TimeSpan.FromMilliseconds(Options.IdleTimeoutMs) },
            Record.Destination,
            Record.Client);
        _httpClient = new Http1Client(_httpConnection, Context.Loop, Context.Services.Http, server);
        Http1ClientEnd end = await _httpClient.RunAsync();
        await _httpConnection.DisposeAsync();
        bool isIdle = end == Http1ClientEnd.Gone && _httpConnection.End == ConnectionEnd.IdleTimeout;
        Record.TryEnd(isIdle ? CloseReason.IdleTimeout : HttpReasons.ReasonFor(end), server.Refusal);
    }
}
