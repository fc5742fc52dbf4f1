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
    /// <returns>
    /// True when it carries what is not read, HTTP/2, and may go on as bytes: it was judged again as one that carries no requests, which
    /// falls back to nothing looser. False when it has ended.
    /// </returns>
    private async ValueTask<bool> ServeHttpAsync(Workload destination, ConnectionFacts facts)
    {
        TimeSpan patience = TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs);
        if (await Gate.AdmitForRequestsAsync(Context, this, destination, facts, patience) is not RequestGate gate)
        {
            return false;
        }

        _http = new HttpSession(Context, Record);
        PeekResult first = await _http.LookAsync(_client, Context.Services.Http.HeadTime);
        if (Record.Reason != CloseReason.None)
        {
            return false;
        }

        if (first.Protocol == SniffedProtocol.Http2)
        {
            Context.Telemetry.PartiesKnown(Record);
            return Gate.AdmitUnread(Context, this, destination, in facts);
        }

        Settle();
        await _http.ServeAsync(_client, new InboundServer(Context, Pod, Record, gate, destination, _destination!));
        return false;
    }
}
