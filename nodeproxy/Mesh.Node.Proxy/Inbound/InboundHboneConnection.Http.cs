using System.Net;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Http.Clients;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Http.Inbound;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Telemetry;
using Microsoft.AspNetCore.Connections;

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
        if (isHttp2)
        {
            await CarryUnreadAsync(server, _httpConnection, destination, facts);
            return;
        }

        _http = new HttpSession(Context, Record);
        await _http.ServeAsync(_httpConnection, _stream.Tunnel, server);
    }

    /// <summary>
    /// HTTP/2 is not read: it is carried as bytes, if policy admits a connection of which no request is known. Falling back is no escape.
    /// </summary>
    private async Task CarryUnreadAsync(
        InboundServer server, StreamConnection connection, Workload destination, ConnectionFacts facts)
    {
        Context.Telemetry.PartiesKnown(Record);
        if (!Gate.AdmitUnread(Context, this, destination, in facts))
        {
            connection.Abort();
            return;
        }

        DialResult dialled = await server.DialUnreadAsync();
        if (dialled.Connection is not ConnectionContext application)
        {
            Record.TryEnd(dialled.Reason, dialled.Detail);
            connection.Abort();
            return;
        }

        var relay = new PipeRelay(connection, application, Context.Services.Http.Http1);
        PipeRelayEnd end = await relay.RunAsync();
        Record.AddSent(relay.SentBytes);
        Record.AddReceived(relay.ReceivedBytes);
        Record.TryEnd(end switch
        {
            PipeRelayEnd.Completed => CloseReason.Completed,
            PipeRelayEnd.UpstreamBroken => CloseReason.UpstreamReset,
            _ => CloseReason.ClientReset,
        });
    }
}
