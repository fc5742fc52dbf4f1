using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Listeners;
using Mesh.Node.Transport.Relay;
using Mesh.Node.Transport.Tls;
using Mesh.Testing.Certificates;
using Xunit;
using TcpListener = Mesh.Node.Transport.Listeners.TcpListener;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>
/// application ⇄ socket ⇄ stream of a real tunnel over mutual TLS ⇄ socket ⇄ application: two loops as two proxies would have, and plain
/// .NET sockets as the applications.
/// </summary>
internal sealed class TunnelPair : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TestCa _root = TestCa.CreateRoot();
    private readonly Socket _origin = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly List<IDisposable> _owned = [];
    private IPEndPoint _front = null!;

    public EventLoop ClientLoop { get; } = EventLoop.Start("client", 0, new EventLoopOptions());

    public EventLoop ServerLoop { get; } = EventLoop.Start("server", 1, new EventLoopOptions());

    public TunnelConnection ClientTunnel { get; private set; } = null!;

    public TunnelConnection ServerTunnel { get; private set; } = null!;

    /// <summary>How each carried connection ended on the client's side, in order of ending.</summary>
    public List<RelayEnd> ClientEnds { get; } = [];

    /// <summary>How each carried connection ended on the server's side, in order of ending.</summary>
    public List<RelayEnd> ServerEnds { get; } = [];

    public Meter ClientMeter { get; } = new();

    /// <summary>What relays on the server's side are held to.</summary>
    public RelayLimits ServerLimits { get; private init; } = new(Patience);

    public static async Task<TunnelPair> StartAsync(RelayLimits? serverLimits = null)
    {
        var pair = new TunnelPair { ServerLimits = serverLimits ?? new RelayLimits(Patience) };
        await pair.BeginAsync();
        return pair;
    }

    /// <summary>A new application connection carried by the tunnel: the dialling end and the accepted one.</summary>
    public async Task<(Socket Client, Socket Server)> ConnectAsync()
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(_front);
        Socket server = await _origin.AcceptAsync().WaitAsync(Patience);
        server.NoDelay = true;
        return (client, server);
    }

    public static Task<T> OnLoopAsync<T>(EventLoop loop, Func<T> body)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() =>
        {
            try
            {
                done.SetResult(body());
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        });
        return done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        await OnLoopAsync(ClientLoop, () =>
        {
            ClientTunnel.Abort(CloseReason.Completed, null);
            return 0;
        });
        await OnLoopAsync(ServerLoop, () =>
        {
            ServerTunnel?.Abort(CloseReason.Completed, null);
            return 0;
        });
        ClientLoop.Dispose();
        ServerLoop.Dispose();
        _owned.ForEach(o => o.Dispose());
        _origin.Dispose();
        _root.Dispose();
    }

    private async Task BeginAsync()
    {
        _origin.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _origin.Listen(512);
        TlsContext serverContext = ContextFor("server", isServer: true);
        TlsContext clientContext = ContextFor("client", isServer: false);
        IPEndPoint hbone = await ListenAsync(ServerLoop, new ServerSide(this, serverContext));
        ClientTunnel = await OnLoopAsync(ClientLoop, () => OpenTunnelAsync(hbone, clientContext)).Unwrap().WaitAsync(Patience);
        _front = await ListenAsync(ClientLoop, new ClientSide(this));
    }

    private async Task<TunnelConnection> OpenTunnelAsync(IPEndPoint hbone, TlsContext context)
    {
        ConnectResult connected = await new TcpConnector(ClientLoop).ConnectAsync(
            Sockets.OpenTcp(AddressFamily.InterNetwork), hbone, Patience);
        Assert.Equal(ConnectStatus.Connected, connected.Status);
        var tls = new TlsChannel(connected.Channel!, context, AnyPeer.Instance);
        TlsHandshakeResult handshake = await tls.HandshakeAsync(Patience);
        Assert.True(handshake.Status == TlsHandshakeStatus.Done, handshake.Failure?.ToString());
        return TunnelConnection.Start(tls, Http2Role.Client, Http2Profiles.Client, Options, new ClientOwner());
    }

    public static TunnelOptions Options { get; } = new()
    {
        PingInterval = TimeSpan.FromSeconds(10),
        PingTimeout = TimeSpan.FromSeconds(20),
        IdleRelease = TimeSpan.FromMinutes(5),
    };

    private TlsContext ContextFor(string account, bool isServer)
    {
        TestCertificate certificate = _root.Issue($"spiffe://cluster.local/ns/test/sa/{account}");
        TlsContext context = TlsContext.Create(new TlsContextOptions
        {
            IsServer = isServer,
            CertificateChainPem = certificate.ChainPem,
            PrivateKeyPkcs8 = certificate.PrivateKeyPkcs8,
            TrustedRootsPem = _root.CertificatePem,
            TrustDomains = ["cluster.local"],
        });
        _owned.Add(context);
        return context;
    }

    private static Task<IPEndPoint> ListenAsync(EventLoop loop, IAcceptHandler handler) => OnLoopAsync(loop, () =>
    {
        SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Assert.True(Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).Ok);
        Assert.True(Sockets.Listen(listening, 1_024).Ok);
        IPEndPoint at = Sockets.LocalEndPoint(listening);
        Assert.True(TcpListener.TryStart(loop, listening, handler, out _).Ok);
        return at;
    });

    public sealed class Meter : IRelayMeter
    {
        public long Sent { get; private set; }

        public long Received { get; private set; }

        public void AddSent(long bytes) => Sent += bytes;

        public void AddReceived(long bytes) => Received += bytes;
    }

    private sealed class AnyPeer : IPeerVerifier
    {
        public static readonly AnyPeer Instance = new();

        public bool Accept(in PeerCertificateFacts facts, out string? reason)
        {
            reason = null;
            return true;
        }
    }

    private sealed class Ends(List<RelayEnd> ends) : IRelayOwner
    {
        public void OnRelayEnded(RelayEnd end)
        {
            lock (ends)
            {
                ends.Add(end);
            }
        }
    }

    private sealed class ClientOwner : ITunnelOwner
    {
        public void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream) =>
            Assert.Fail("A server opens no streams.");

        public void OnCapacityChanged(TunnelConnection tunnel)
        {
        }

        public void OnGoAway(TunnelConnection tunnel)
        {
        }

        public void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail)
        {
        }
    }

    /// <summary>Accepts application connections and opens a stream for each.</summary>
    private sealed class ClientSide(TunnelPair pair) : IAcceptHandler
    {
        public bool CanAccept => true;

        public void OnAccepted(SocketHandle socket, IPEndPoint peer) => _ = RunAsync(socket);

        public void OnAcceptFailed(Errno error) => Assert.Fail(error.ToString());

        private async Task RunAsync(SocketHandle socket)
        {
            Mesh.Interop.Linux.SocketOptions.NoDelay(socket, true);
            Assert.True(TcpChannel.TryAttach(pair.ClientLoop, socket, out TcpChannel? client).Ok);
            var headers = new HeaderList();
            headers.Add(":method"u8, "CONNECT"u8);
            headers.Add(":authority"u8, "127.0.0.1:1"u8);
            var response = new ConnectResponse(pair.ClientLoop);
            TunnelStream stream = pair.ClientTunnel.TryOpenStream(headers, response)!;
            ConnectAnswer answer = await response.WaitAsync(Patience);
            if (answer.Status != 200)
            {
                client!.Reset();
                return;
            }

            new StreamRelay(
                client!, stream, StreamRelayRole.SocketIsClient, new RelayLimits(Patience), pair.ClientMeter, new Ends(pair.ClientEnds)).Start();
        }
    }

    /// <summary>Takes the tunnel and joins each of its streams to a connection of the origin.</summary>
    private sealed class ServerSide(TunnelPair pair, TlsContext context) : IAcceptHandler, ITunnelOwner
    {
        public bool CanAccept => true;

        public void OnAccepted(SocketHandle socket, IPEndPoint peer) => _ = RunAsync(socket);

        public void OnAcceptFailed(Errno error) => Assert.Fail(error.ToString());

        public void OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream)
        {
            stream.Events = new ConnectResponse(pair.ServerLoop);
            _ = JoinAsync(stream);
        }

        public void OnCapacityChanged(TunnelConnection tunnel)
        {
        }

        public void OnGoAway(TunnelConnection tunnel)
        {
        }

        public void OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail)
        {
        }

        private async Task RunAsync(SocketHandle socket)
        {
            Mesh.Interop.Linux.SocketOptions.NoDelay(socket, true);
            Assert.True(TcpChannel.TryAttach(pair.ServerLoop, socket, out TcpChannel? channel).Ok);
            var tls = new TlsChannel(channel!, context, AnyPeer.Instance);
            TlsHandshakeResult handshake = await tls.HandshakeAsync(Patience);
            Assert.True(handshake.Status == TlsHandshakeStatus.Done, handshake.Failure?.ToString());
            pair.ServerTunnel = TunnelConnection.Start(tls, Http2Role.Server, Http2Profiles.Server, Options, this);
        }

        private async Task JoinAsync(TunnelStream stream)
        {
            ConnectResult connected = await new TcpConnector(pair.ServerLoop).ConnectAsync(
                Sockets.OpenTcp(AddressFamily.InterNetwork), (IPEndPoint)pair._origin.LocalEndPoint!, Patience);
            Assert.Equal(ConnectStatus.Connected, connected.Status);
            Mesh.Interop.Linux.SocketOptions.NoDelay(connected.Channel!.Socket, true);
            var headers = new HeaderList();
            headers.Add(":status"u8, "200"u8);
            stream.Respond(headers, endStream: false);
            new StreamRelay(
                connected.Channel, stream, StreamRelayRole.SocketIsUpstream, pair.ServerLimits, new Meter(), new Ends(pair.ServerEnds)).Start();
        }
    }
}
