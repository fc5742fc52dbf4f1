using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Outbound;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>The way of a connection whose port speaks HTTP: its requests are served one by one, each with a route of its own.</summary>
internal sealed partial class OutboundConnection
{
    private HttpSession? _http;

    public override void BeginDrain() => _http?.BeginDrain();

    /// <summary>
    /// Serves the requests of a connection whose port speaks HTTP, or whose client does where the port says nothing, in the version it
    /// begins with.
    /// </summary>
    /// <returns>False when it is to be carried as bytes; true when it has ended.</returns>
    private async ValueTask<bool> TryServeAsync(Workload source)
    {
        var port = DialledPort.Find(Context.Snapshot, source, _destination!);
        if (!port.IsLookedAt)
        {
            return false;
        }

        // Of a port that is many servers' none can say that it speaks first.
        _http = new HttpSession(Context, Record, Settle);
        bool carriesRequests = await _http.LookAsync(_client, port.Protocol, port.KeyFor(source), trustsHints: port.Service is not null);
        if (Record.Reason == CloseReason.None && carriesRequests && port.ReadsRequests(Context.Snapshot, source))
        {
            Record.Service = port.Service;
            Settle();
            var server = new OutboundServer(_origin!, Record, port);
            await _http.ServeAsync(_client, _http.Beginning == Beginning.Http2, server, Pod.Buffers);
        }

        return Record.Reason != CloseReason.None;
    }
}
