using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Testing.Certificates;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>The far proxy, played by a test: mutual TLS on the port of HBONE, and for each stream whatever the test does with it.</summary>
internal sealed class RawServer : IDisposable
{
    private readonly Socket _listener;
    private readonly TestCertificate _certificate;
    private readonly Action<Session, Http2Stream, int> _onStream;
    private int _tunnels;
    private int _streams;

    private RawServer(Socket listener, TestCertificate certificate, Action<Session, Http2Stream, int> onStream)
    {
        _listener = listener;
        _certificate = certificate;
        _onStream = onStream;
    }

    /// <summary>Tunnels accepted so far.</summary>
    public int TunnelCount => Volatile.Read(ref _tunnels);

    /// <summary>Streams opened so far, over all tunnels.</summary>
    public int StreamCount => Volatile.Read(ref _streams);

    /// <summary>Listens on the node itself.</summary>
    /// <param name="node">The node; it gets the address.</param>
    /// <param name="address">Where.</param>
    /// <param name="serviceAccount">As whom, in the namespace of the node's pods.</param>
    /// <param name="onStream">Called for each stream with its number, from 1, over all tunnels.</param>
    public static async Task<RawServer> StartAsync(
        LabNode node, IPAddress address, string serviceAccount, Action<Session, Http2Stream, int> onStream)
    {
        await node.Host.ExecuteAsync($"ip addr add {address}/32 dev lo");
        Socket listener = node.Host.Network.Run(0, static _ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(address, MeshPorts.Hbone));
        listener.Listen(16);
        var server = new RawServer(listener, node.Issue(serviceAccount), onStream);
        _ = server.AcceptAsync();
        return server;
    }

    /// <summary>Answers a CONNECT as a proxy does that has reached its application; what comes then is sent back.</summary>
    public static void Serve(Session session, Http2Stream stream)
    {
        var headers = new HeaderList();
        headers.Add(":status"u8, "200"u8);
        session.Http2.SendHeaders(stream, headers, endStream: false);
    }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                Socket socket = await _listener.AcceptAsync();
                Interlocked.Increment(ref _tunnels);
                _ = new Session(this).RunAsync(socket);
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    /// <summary>One tunnel. Everything on it happens in the task that reads.</summary>
    public sealed class Session(RawServer server) : IHttp2Handler
    {
        private Socket? _socket;
        private Http2Connection? _http2;
        private byte[] _raw = [];
        private bool _breaksOnceHeard;

        public Http2Connection Http2 => _http2!;

        /// <summary>Sends bytes behind what the engine has to send.</summary>
        public void SendRaw(byte[] bytes) => _raw = bytes;

        /// <summary>The same as <see cref="Break"/>, once the other end has certainly read what this one says first.</summary>
        public void BreakOnceHeard()
        {
            _breaksOnceHeard = true;
            Http2.SendPing(1);
        }

        /// <summary>Resets the connection under the tunnel. Any thread.</summary>
        public void Break()
        {
            _socket!.LingerState = new LingerOption(enable: true, seconds: 0);
            _socket.Close();
        }

        public async Task RunAsync(Socket socket)
        {
            using Socket owned = socket;
            _socket = socket;
            _http2 = new Http2Connection(Http2Role.Server, new Http2ConnectionOptions(), this);
            try
            {
                await using SslStream tls = await RawTls.AcceptAsync(new NetworkStream(socket), server._certificate);
                _http2.Start();
                byte[] part = new byte[16_384];
                while (true)
                {
                    await tls.WriteAsync((byte[])[.. _http2.Output.Unsent, .. _raw]);
                    _http2.Output.Advance(_http2.Output.UnsentBytes);
                    _raw = [];
                    int bytes = await tls.ReadAsync(part);
                    if (bytes == 0 || _http2.Receive(part.AsSpan(0, bytes), Environment.TickCount64) != Http2ReceiveStatus.Ok)
                    {
                        return;
                    }
                }
            }
            catch (Exception ended) when (ended is IOException or SocketException or ObjectDisposedException)
            {
                // The proxy's end of it is what the test looks at.
            }
        }

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream) =>
            server._onStream(this, stream, Interlocked.Increment(ref server._streams));

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
        {
            Http2.Consumed(stream, data.Length);
            data.CopyTo(Http2.ReserveData(stream, data.Length));
            Http2.CommitData(stream, data.Length, endStream);
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
            if (_breaksOnceHeard)
            {
                Break();
            }
        }

        public void OnSettingsChanged()
        {
        }

        public void OnStreamClosed(Http2Stream stream)
        {
        }
    }
}
