using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Listeners;
using Mesh.Node.Transport.Relay;
using Xunit;
using TcpListener = Mesh.Node.Transport.Listeners.TcpListener;

namespace Mesh.Node.Transport.Tests.Relay;

/// <summary>client ⇄ relay ⇄ server, each leg a real TCP connection, the outer ends plain .NET sockets.</summary>
internal sealed class RelayedPair : IAcceptHandler, IRelayOwner, IRelayMeter, IAsyncDisposable
{
    private readonly LoopFixture _fixture;
    private readonly RelayLimits _limits;
    private readonly Socket _origin = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly TaskCompletionSource<RelayEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TcpListener? _listener;

    private RelayedPair(LoopFixture fixture, RelayLimits limits)
    {
        _fixture = fixture;
        _limits = limits;
    }

    public static RelayLimits Limits { get; } = new(TimeSpan.FromMinutes(1));

    public Socket Client { get; } = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

    public Socket Server { get; private set; } = null!;

    public ChannelRelay Relay { get; private set; } = null!;

    public Task<RelayEnd> Ended => _ended.Task.WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);

    /// <summary>Read when the relay has ended, or on the loop.</summary>
    public long SentBytes { get; private set; }

    public long ReceivedBytes { get; private set; }

    public bool CanAccept => true;

    public static async Task<RelayedPair> StartAsync(LoopFixture fixture, RelayLimits? limits = null)
    {
        var pair = new RelayedPair(fixture, limits ?? Limits);
        pair._origin.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        pair._origin.Listen();
        IPEndPoint front = await fixture.RunAsync(() =>
        {
            SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
            Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
            Sockets.Listen(listening, 16).OrThrow("listen");
            TcpListener.TryStart(fixture.Loop, listening, pair, out pair._listener).OrThrow("epoll_ctl");
            return Sockets.LocalEndPoint(listening);
        });
        await pair.Client.ConnectAsync(front);
        pair.Server = await pair._origin.AcceptAsync();
        pair.Server.NoDelay = true;
        await pair._started.Task.WaitAsync(SocketIo.Patience);
        return pair;
    }

    public async void OnAccepted(SocketHandle socket, IPEndPoint peer)
    {
        TcpChannel.TryAttach(_fixture.Loop, socket, out TcpChannel? client).OrThrow("epoll_ctl");
        ConnectResult upstream = await new TcpConnector(_fixture.Loop).ConnectAsync(
            Sockets.OpenTcp(AddressFamily.InterNetwork), (IPEndPoint)_origin.LocalEndPoint!, SocketIo.Patience);
        Assert.Equal(ConnectStatus.Connected, upstream.Status);
        Relay = new ChannelRelay(client!, upstream.Channel!, _limits, this, this);
        Relay.Start();
        _started.SetResult();
    }

    public void OnAcceptFailed(Errno error) => Assert.Fail(error.ToString());

    public void AddSent(long bytes) => SentBytes += bytes;

    public void AddReceived(long bytes) => ReceivedBytes += bytes;

    public void OnRelayEnded(RelayEnd end) => _ended.SetResult(end);

    public async ValueTask DisposeAsync()
    {
        await _fixture.RunAsync(() =>
        {
            _listener?.Close();
            Relay.Abort();
            return 0;
        });
        Client.Dispose();
        Server.Dispose();
        _origin.Dispose();
    }
}
