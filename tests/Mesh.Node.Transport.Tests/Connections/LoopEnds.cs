using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Tests.Tls;
using Mesh.Node.Transport.Tls;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

/// <summary>Two ends over real sockets on one loop, the server's accepted by a listener of the seam.</summary>
internal sealed class LoopEnds : IConnectionEnds, ITimerHandler
{
    /// <summary>How long nothing must move for a connection to count as stopped.</summary>
    private static readonly TimeSpan s_quiet = TimeSpan.FromMilliseconds(200);

    private readonly LoopCompletion<bool> _time;
    private readonly LoopTimer _timer;

    private LoopEnds(EventLoop loop, ChannelConnection client, ChannelConnection server)
    {
        _time = new LoopCompletion<bool>(loop);
        _timer = new LoopTimer(loop, this);
        ClientConnection = client;
        ServerConnection = server;
    }

    public ConnectionContext Client => ClientConnection;

    public ConnectionContext Server => ServerConnection;

    public ChannelConnection ClientConnection { get; }

    public ChannelConnection ServerConnection { get; }

    /// <summary>Loop thread.</summary>
    public static async ValueTask<LoopEnds> ConnectAsync(EventLoop loop, ConnectionOptions options, TlsLab? tls)
    {
        var listenerOptions = new ListenerOptions
        {
            Connections = options,
            Tls = tls is null ? null : new ListenerTls(tls.Server, new AnyPeer(), SocketIo.Patience),
        };
        await using IConnectionListener listener = await new LoopListenerFactory(loop, listenerOptions).BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
        ValueTask<ConnectionContext?> accepting = listener.AcceptAsync();
        ConnectResult connected = await new TcpConnector(loop).ConnectAsync(
            Sockets.OpenTcp(System.Net.Sockets.AddressFamily.InterNetwork), (IPEndPoint)listener.EndPoint, SocketIo.Patience);
        ByteChannel channel = connected.Channel!;
        if (tls is not null)
        {
            var secured = new TlsChannel(connected.Channel!, tls.Client, new AnyPeer());
            Assert.Equal(TlsHandshakeStatus.Done, (await secured.HandshakeAsync(SocketIo.Patience)).Status);
            channel = secured;
        }

        ChannelConnection client = ChannelConnection.Start(channel, options, remote: listener.EndPoint);
        var server = Assert.IsType<ChannelConnection>(await accepting);
        Assert.Equal(listener.EndPoint, server.LocalEndPoint);
        return new LoopEnds(loop, client, server);
    }

    public async ValueTask PassTimeAsync(TimeSpan time)
    {
        _timer.Arm(time);
        await _time.WaitAsync();
    }

    public async ValueTask<bool> SettlesAsync(Func<bool> condition)
    {
        await PassTimeAsync(s_quiet);
        return condition();
    }

    public void OnTimer(LoopTimer timer) => _time.TryComplete(true);
}
