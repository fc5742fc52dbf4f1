using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Sniffing;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>The way of a plaintext connection to a port that speaks HTTP: every request on it is judged, its client being nobody.</summary>
internal sealed partial class InboundPlaintextConnection
{
    private HttpSession? _http;

    public override void BeginDrain() => _http?.BeginDrain();

    /// <summary>
    /// Serves the requests of a connection that could be allowed one; refuses another at once, whatever its client might have said.
    /// </summary>
    private async Task ServeHttpAsync(Workload destination, ConnectionFacts facts)
    {
        TimeSpan patience = TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs);
        if (await Gate.AdmitForRequestsAsync(Context, this, destination, facts, patience) is not RequestGate gate)
        {
            return;
        }

        _http = new HttpSession(Context, Record);
        PeekResult first = await _http.LookAsync(_client, Context.Services.Http.HeadTime);
        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        Settle();
        bool isHttp2 = first.Protocol == SniffedProtocol.Http2;
        var server = new InboundServer(Context, Pod, Record, gate, destination, _destination!);
        await _http.ServeAsync(_client, isHttp2, server, Pod.Buffers);
    }
}
