using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Bench.Micro.Http2;

/// <summary>
/// A client and a server engine joined by a copy, the server answering 200 and consuming at once: the least an owner can do.
/// </summary>
internal sealed class LinkedEngines
{
    private readonly byte[] _link = new byte[1024 * 1024];

    public LinkedEngines()
    {
        var server = new Owner(answers: true);
        var client = new Owner(answers: false);
        Client = client.Connection = new Http2Connection(Http2Role.Client, new Http2ConnectionOptions(), client);
        Server = server.Connection = new Http2Connection(Http2Role.Server, new Http2ConnectionOptions(), server);
        Client.Start();
        Server.Start();
        Exchange();
    }

    public Http2Connection Client { get; }

    public Http2Connection Server { get; }

    public static HeaderList Connect()
    {
        var headers = new HeaderList();
        headers.Add(":method"u8, "CONNECT"u8);
        headers.Add(":authority"u8, "10.0.12.34:8080"u8);
        headers.Add("baggage"u8, "k8s.cluster.name=Kubernetes,k8s.namespace.name=shop,k8s.deployment.name=cart,service.name=cart,service.version=v1"u8);
        headers.Add("forwarded"u8, "for=\"10.0.1.2:40123\";host=stock.shop.svc.cluster.local"u8);
        headers.Add("traceparent"u8, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"u8);
        return headers;
    }

    /// <summary>Moves everything both ways until both are silent.</summary>
    public void Exchange()
    {
        while (!Client.Output.IsEmpty || !Server.Output.IsEmpty)
        {
            Move(Client, Server);
            Move(Server, Client);
        }
    }

    private void Move(Http2Connection from, Http2Connection to)
    {
        int bytes = from.Output.UnsentBytes;
        from.Output.Unsent.CopyTo(_link);
        from.Output.Advance(bytes);
        if (to.Receive(_link.AsSpan(0, bytes), nowMs: 0) != Http2ReceiveStatus.Ok)
        {
            throw new InvalidOperationException(to.Error.ToString());
        }
    }

    private sealed class Owner(bool answers) : IHttp2Handler
    {
        private readonly HeaderList _response = Ok();

        public Http2Connection Connection { get; set; } = null!;

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
        {
            if (answers)
            {
                Connection.SendHeaders(stream, _response, endStream);
            }
        }

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            Connection.Consumed(stream, data.Length);
            if (endStream && answers)
            {
                Connection.CompleteSend(stream);
            }
        }

        public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
        {
        }

        public void OnSendWindowOpened(Http2Stream? stream)
        {
        }

        public void OnGoAway(int lastStreamId, Http2ErrorCode code)
        {
        }

        public void OnPingAck(ulong opaque)
        {
        }

        public void OnSettingsChanged()
        {
        }

        public void OnStreamClosed(Http2Stream stream)
        {
        }

        private static HeaderList Ok()
        {
            var headers = new HeaderList();
            headers.Add(":status"u8, "200"u8);
            return headers;
        }
    }
}
