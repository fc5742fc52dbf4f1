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
using Mesh.Node.Transport.Channels;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>The way of a stream that may carry requests: each is judged.</summary>
internal sealed partial class InboundHboneConnection
{
    private static readonly TimeSpan s_drainLimit = TimeSpan.FromSeconds(10);

    private StreamConnection? _httpConnection;
    private HttpSession? _http;
    private InboundServer? _adopting;
    private bool _declaresHttp;

    public override void BeginDrain() => _http?.BeginDrain();

    /// <summary>What becomes of a stream, by what its port declares and what its client is said to begin with.</summary>
    private enum Reading
    {
        /// <summary>It is carried as bytes, and nobody looks at them.</summary>
        None,

        /// <summary>Its client is looked at, once it was answered.</summary>
        Look,

        /// <summary>Its requests are read.</summary>
        Requests,
    }

    /// <summary>
    /// The far proxy has looked already, and a limit that was waited out there is not waited out again; but where policy asks what is
    /// carried, only what is seen here counts.
    /// </summary>
    private static Reading ReadingOf(PortProtocol protocol, Beginning told, bool asksRequests) => (protocol, told) switch
    {
        (PortProtocol.Http or PortProtocol.Detect, Beginning.Http1 or Beginning.Http2) => Reading.Requests,
        (PortProtocol.Http, _) => Reading.Look,
        (PortProtocol.Detect, Beginning.Unknown) => Reading.Look,

        // For the name it asks for, which is already on its way.
        (PortProtocol.Detect or PortProtocol.Tls, Beginning.Tls) => Reading.Look,
        (PortProtocol.Detect or PortProtocol.Tls, Beginning.SilenceExpected) when asksRequests => Reading.Look,
        (PortProtocol.Tls, Beginning.Unknown) when asksRequests => Reading.Look,
        _ => Reading.None,
    };

    /// <summary>Judges a stream that may carry requests by its connection alone, and one that nobody looks into strictly.</summary>
    /// <returns>
    /// What every request must pass; null where none is read, or the stream is refused, and then the record has its reason.
    /// </returns>
    private async ValueTask<RequestGate?> AdmitAsync(Workload destination, ConnectionFacts facts, Reading reading)
    {
        TimeSpan patience = TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs);
        bool isAdmitted;
        RequestGate? gate = null;
        if (reading == Reading.None)
        {
            isAdmitted = await Gate.AdmitAsync(Context, this, destination, facts, patience);
        }
        else
        {
            gate = await Gate.AdmitForRequestsAsync(Context, this, destination, facts, patience);
            isAdmitted = gate is not null;
        }

        if (!isAdmitted)
        {
            Respond(Record.Reason == CloseReason.PolicyDenied ? ConnectStatusCode.Denied : ConnectStatusCode.Unavailable);
        }

        return gate;
    }

    /// <summary>Serves the requests of a stream whose client is known to ask them.</summary>
    private async Task ServeHttpAsync(InboundServer server, Workload destination)
    {
        // 3. Who cannot be reached is not taken for one that answers.
        bool isHttp2 = _request.Beginning == Beginning.Http2;
        if (await server.PrepareAsync(isHttp2) is DialResult failed)
        {
            Refuse(ConnectStatusCode.Unavailable, failed.Reason, failed.Detail);
            return;
        }

        if (Record.Reason != CloseReason.None)
        {
            return;
        }

        // 4. and 5.
        Answer(destination);
        _http = new HttpSession(Context, Record, Settle);
        await ServeHttpAsync(_http, server, isHttp2);
    }

    private async Task ServeHttpAsync(HttpSession session, InboundServer server, bool isHttp2)
    {
        Settle();
        _httpConnection = StreamConnection.Start(_stream, s_drainLimit, Pod.Buffers);
        _early.DeliverTo(_httpConnection);
        await session.ServeAsync(_httpConnection, _stream.Tunnel, isHttp2, server, Pod.Buffers);
    }

    /// <summary>
    /// Looks at what the client begins with, which it is free to since it was answered, and serves its requests where it asks any. What
    /// carries none is judged again as such: falling back is no escape.
    /// </summary>
    /// <returns>Whether it goes on as bytes.</returns>
    private async ValueTask<bool> TryServeAsync(
        PortProtocol protocol, RequestGate gate, Workload destination, IPEndPoint target, ConnectionFacts facts)
    {
        _http = new HttpSession(Context, Record, Settle);
        _declaresHttp = protocol == PortProtocol.Http;
        TcpChannel application = _application!;
        application.Events = new ApplicationWatch(this);
        ValueTask<bool> look = _http.LookAsync(
            _early,
            protocol,
            InboundDestination.KeyOf(Record, destination, target.Port),
            trustsHints: !PolicyEvaluator.ReadsRequests(Context.Snapshot, destination));
        if (application.MayRead)
        {
            OnApplicationSpoke();
        }

        bool carriesRequests = await look;
        application.Events = null;
        if (Record.Reason != CloseReason.None)
        {
            return false;
        }

        if (!carriesRequests)
        {
            Context.Telemetry.PartiesKnown(Record);
            var patience = TimeSpan.FromMilliseconds(Options.ConfigurationWaitMs);
            return await Gate.AdmitUnreadAsync(Context, this, destination, facts with { ServerName = Record.ServerName }, patience);
        }

        bool isHttp2 = _http.Beginning == Beginning.Http2;
        _adopting = new InboundServer(Context, Pod, Record, gate, destination, target);
        _adopting.Adopt(application, isHttp2);
        _application = null;
        await ServeHttpAsync(_http, _adopting, isHttp2);
        return false;
    }

    /// <summary>A server that speaks first has a client that need not be waited for, unless its port says what its client speaks.</summary>
    private void OnApplicationSpoke()
    {
        if (!_declaresHttp && !ServerGreeting.MayBeSettings(_application!))
        {
            _http!.OnServerSpoke();
        }
    }

    private void Answer(Workload destination)
    {
        ConnectResponseHeaders.Write(Context.Headers, ConnectStatusCode.Ok, destination);
        _stream.Respond(Context.Headers, endStream: false);
    }

    /// <summary>
    /// Watches the application while its client is looked at: one that speaks first need not wait for it, and the end of one is not hidden
    /// from the client.
    /// </summary>
    private sealed class ApplicationWatch(InboundHboneConnection connection) : IChannelEvents
    {
        public void OnReadable() => connection.OnApplicationSpoke();

        public void OnWritable()
        {
        }

        public void OnFault() => connection.Abort(CloseReason.UpstreamReset, null);
    }
}
