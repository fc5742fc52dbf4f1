using System.Net;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>The way of a stream to a port that speaks HTTP: every request on it is judged.</summary>
internal sealed partial class InboundHboneConnection
{
    private static readonly TimeSpan s_drainLimit = TimeSpan.FromSeconds(10);

    private StreamConnection? _httpConnection;
    private HttpSession? _http;

    public override void BeginDrain() => _http?.BeginDrain();

    private async Task ServeHttpAsync(Workload destination, IPEndPoint target, ConnectionFacts facts)
    {
        // 2.
        TimeSpan patience = TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs);
        if (await Gate.AdmitForRequestsAsync(Context, this, destination, facts, patience) is not RequestGate gate)
        {
            Respond(Record.Reason == CloseReason.PolicyDenied ? ConnectStatusCode.Denied : ConnectStatusCode.Unavailable);
            return;
        }

        // 3. Who cannot be reached is not taken for one that answers.
        var server = new InboundServer(Context, Pod, Record, gate, destination, target);
        if (await server.PrepareAsync() is DialResult failed)
        {
            Refuse(ConnectStatusCode.Unavailable, failed.Reason, failed.Detail);
            return;
        }

        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        // 4. and 5.
        ConnectResponseHeaders.Write(Context.Headers, ConnectStatusCode.Ok, destination);
        _stream.Respond(Context.Headers, endStream: false);
        _httpConnection = StreamConnection.Start(_stream, s_drainLimit);
        _early.DeliverTo(_httpConnection);
        bool isHttp2 = await PrefaceReader.BeginsAsHttp2Async(_httpConnection.Transport.Input);
        Settle();
        _http = new HttpSession(Context, Record);
        await _http.ServeAsync(_httpConnection, _stream.Tunnel, isHttp2, server, Pod.Buffers);
    }
}
