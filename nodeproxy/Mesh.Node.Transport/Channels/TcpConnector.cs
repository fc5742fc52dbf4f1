using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Channels;

/// <summary>Why no connection came about, or none of it.</summary>
public enum ConnectStatus
{
    /// <summary>Connected.</summary>
    Connected,

    /// <summary>No answer within the time limit.</summary>
    TimedOut,

    /// <summary>The kernel or the network refused; see the errno.</summary>
    Failed,

    /// <summary>The caller gave up.</summary>
    Cancelled,
}

/// <summary>The outcome of a connect.</summary>
public readonly record struct ConnectResult(ConnectStatus Status, Errno Error, TcpChannel? Channel);

/// <summary>Connects one socket, with a time limit. Use once; loop thread.</summary>
/// <param name="share">Whose time of the loop the connection uses.</param>
public sealed class TcpConnector(LoopShare share) : IChannelEvents, ITimerHandler
{
    private readonly LoopCompletion<ConnectStatus> _completion = new(share.Loop);
    private TcpChannel? _channel;

    /// <summary>For a connection that belongs to no workload.</summary>
    public TcpConnector(EventLoop loop)
        : this(loop.OwnShare)
    {
    }

    /// <summary>Connects a socket made for the purpose (marked, bound, in the right namespace); owns it.</summary>
    public async ValueTask<ConnectResult> ConnectAsync(SocketHandle socket, IPEndPoint remote, TimeSpan timeLimit)
    {
        // Before there is a connection: on one machine its other end may have it, and this process be killed, before connect returns.
        SocketOptions.ResetOnClose(socket, true);
        SysResult started = Sockets.Connect(socket, remote);
        if (started.InProgress)
        {
            // Over loopback the other side has answered by now, and who asks again is told so at once (connect(2)).
            started = Sockets.Connect(socket, remote);
        }

        if (!started.Ok && started.Error != Errno.EALREADY)
        {
            socket.Dispose();
            return new ConnectResult(ConnectStatus.Failed, started.Error, null);
        }

        SysResult attached = TcpChannel.TryAttachConnecting(share, socket, out TcpChannel? channel);
        if (!attached.Ok)
        {
            return new ConnectResult(ConnectStatus.Failed, attached.Error, null);
        }

        if (started.Ok)
        {
            return new ConnectResult(ConnectStatus.Connected, Errno.None, channel);
        }

        _channel = channel;
        channel!.Events = this;
        var timer = new LoopTimer(share.Loop, this);
        timer.Arm(timeLimit);
        ConnectStatus status = await _completion.WaitAsync();
        timer.Cancel();
        channel.Events = null;

        Errno error = status == ConnectStatus.Connected ? channel.TakeError() : Errno.None;
        if (error != Errno.None)
        {
            status = ConnectStatus.Failed;
        }

        if (status == ConnectStatus.Connected)
        {
            return new ConnectResult(status, Errno.None, channel);
        }

        channel.Close();
        return new ConnectResult(status, error == Errno.None && status == ConnectStatus.TimedOut ? Errno.ETIMEDOUT : error, null);
    }

    /// <summary>Gives up: the pending connect ends as <see cref="ConnectStatus.Cancelled"/>. Harmless when it has ended.</summary>
    public void Cancel() => _completion.TryComplete(ConnectStatus.Cancelled);

    // A socket in SYN_SENT reports HUP as well; the error, if any, is read once the wait is over.
    void IChannelEvents.OnReadable()
    {
    }

    void IChannelEvents.OnWritable() => _completion.TryComplete(ConnectStatus.Connected);

    void IChannelEvents.OnFault() => _completion.TryComplete(ConnectStatus.Connected);

    void ITimerHandler.OnTimer(LoopTimer timer) => _completion.TryComplete(ConnectStatus.TimedOut);
}
