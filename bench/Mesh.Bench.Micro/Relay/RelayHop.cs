using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Listeners;
using Mesh.Node.Transport.Relay;
using Mesh.Node.Transport.Tls;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;
using TcpListener = Mesh.Node.Transport.Listeners.TcpListener;

namespace Mesh.Bench.Micro.Relay;

/// <summary>One proxy on the way: accepts on a loop of its own, connects to the next, and relays. Either side may speak TLS.</summary>
internal sealed class RelayHop : IAcceptHandler, IRelayOwner, IRelayMeter, IPeerVerifier, IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30);

    private readonly EventLoop _loop;
    private readonly IPEndPoint _next;
    private readonly TlsContext? _accepting;
    private readonly TlsContext? _connecting;
    private readonly ManualResetEventSlim _done = new();
    private TcpListener? _listener;
    private ChannelRelay? _relay;

    /// <param name="pipesMax">0 for a relay that never splices.</param>
    /// <param name="next">Where to connect to.</param>
    /// <param name="accepting">Our identity towards whoever connects; null for plain TCP.</param>
    /// <param name="connecting">Our identity towards the next; null for plain TCP.</param>
    public RelayHop(int pipesMax, IPEndPoint next, TlsContext? accepting = null, TlsContext? connecting = null)
    {
        _next = next;
        _accepting = accepting;
        _connecting = connecting;
        _loop = EventLoop.Start("bench-relay", 0, new EventLoopOptions { PipesMax = pipesMax });
        OnLoop(Listen);
    }

    /// <summary>Where it accepts.</summary>
    public IPEndPoint Front { get; private set; } = null!;

    /// <summary>Bytes delivered by splice so far.</summary>
    public long SplicedBytes => _loop.Pipes.SplicedBytes;

    bool IAcceptHandler.CanAccept => true;

    bool IPeerVerifier.Accept(in PeerCertificateFacts facts, out string? reason)
    {
        reason = null;
        return true;
    }

    void IAcceptHandler.OnAccepted(SocketHandle socket, IPEndPoint peer) => _ = RelayAsync(socket);

    void IAcceptHandler.OnAcceptFailed(Errno error) => throw new PosixException(error, "accept");

    void IRelayMeter.AddSent(long bytes)
    {
    }

    void IRelayMeter.AddReceived(long bytes)
    {
    }

    void IRelayOwner.OnRelayEnded(RelayEnd end)
    {
    }

    public void Dispose()
    {
        OnLoop(() =>
        {
            _listener?.Close();
            _relay?.Abort();
        });
        _loop.Dispose();
        _done.Dispose();
    }

    private void Listen()
    {
        SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
        Sockets.Listen(listening, 16).OrThrow("listen");
        TcpListener.TryStart(_loop, listening, this, out _listener).OrThrow("epoll_ctl");
        Front = Sockets.LocalEndPoint(listening);
    }

    private async Task RelayAsync(SocketHandle socket)
    {
        SocketOptions.NoDelay(socket, true);
        TcpChannel.TryAttach(_loop, socket, out TcpChannel? accepted).OrThrow("epoll_ctl");
        SocketHandle upstream = Sockets.OpenTcp(AddressFamily.InterNetwork);
        SocketOptions.NoDelay(upstream, true);
        ConnectResult connected = await new TcpConnector(_loop).ConnectAsync(upstream, _next, s_limit);
        ByteChannel from = await SecureAsync(accepted!, _accepting);
        ByteChannel to = await SecureAsync(connected.Channel!, _connecting);
        _relay = new ChannelRelay(from, to, new RelayLimits(s_limit), this, this);
        _relay.Start();
    }

    private async ValueTask<ByteChannel> SecureAsync(TcpChannel channel, TlsContext? context)
    {
        if (context is null)
        {
            return channel;
        }

        var tls = new TlsChannel(channel, context, this);
        TlsHandshakeResult result = await tls.HandshakeAsync(s_limit);
        return result.Status == TlsHandshakeStatus.Done ? tls : throw new InvalidOperationException($"{result.Status}: {result.Failure}");
    }

    private void OnLoop(Action body)
    {
        _done.Reset();
        _loop.Post(() =>
        {
            body();
            _done.Set();
        });
        _done.Wait();
    }
}
