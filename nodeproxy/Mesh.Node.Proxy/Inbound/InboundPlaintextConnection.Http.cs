using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>The way of a plaintext connection that may carry requests: each is judged, its client being nobody.</summary>
internal sealed partial class InboundPlaintextConnection
{
    private HttpSession? _http;

    public override void BeginDrain() => _http?.BeginDrain();

    /// <summary>
    /// Serves the requests of a connection that could be allowed one; refuses another at once, whatever its client might have said.
    /// </summary>
    /// <returns>
    /// True when it carries what is not read and may go on as bytes: it was judged again as one that carries no requests, which falls back
    /// to nothing looser. False when it has ended.
    /// </returns>
    private async ValueTask<bool> ServeHttpAsync(Workload destination, PortProtocol protocol, ConnectionFacts facts)
    {
        TimeSpan patience = TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs);
        if (await Gate.AdmitForRequestsAsync(Context, this, destination, facts, patience) is not RequestGate gate)
        {
            return false;
        }

        _http = new HttpSession(Context, Record, Settle);
        bool carriesRequests = await _http.LookAsync(
            _client,
            protocol,
            InboundDestination.KeyOf(Record, destination, _destination!.Port),
            trustsHints: !PolicyEvaluator.ReadsRequests(Context.Snapshot, destination));
        if (Record.Reason != CloseReason.None)
        {
            return false;
        }

        if (!carriesRequests)
        {
            Context.Telemetry.PartiesKnown(Record);
            return await Gate.AdmitUnreadAsync(
                Context, this, destination, facts with { ServerName = Record.ServerName }, patience);
        }

        Settle();
        var server = new InboundServer(Context, Pod, Record, gate, destination, _destination!);
        await _http.ServeAsync(_client, _http.Beginning == Beginning.Http2, server, Pod.Buffers);
        return false;
    }
}
