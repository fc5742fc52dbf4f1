using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Mesh.Node.Transport.Connections;

/// <summary>A channel as protocols see it: a pair of pipes on the channel's loop.</summary>
/// <remarks>
/// Everything runs on the loop, and whoever waits for a pipe is resumed in place. Backpressure: nothing is read while the application is
/// behind, and a flush waits while the peer is. Half-close: the peer's end completes the input and leaves the output open; completing the
/// output sends FIN (after close_notify) and leaves the input open. Completing the output with an exception, and
/// <see cref="Abort(ConnectionAbortedException)"/>, are a reset. After a reset the input throws and flushes say completed.
/// </remarks>
public sealed class ChannelConnection : ConnectionContext, IChannelEvents, ITimerHandler
{
    private static long s_created;

    private readonly ByteChannel _channel;
    private readonly ConnectionOptions _options;
    private readonly InputPump _input;
    private readonly OutputPump _output;
    private readonly LoopTimer _timer;
    private LoopCompletion<bool>? _released;
    private CancellationTokenSource? _closed;
    private long _activeMs;

    private ChannelConnection(ByteChannel channel, ConnectionOptions options, EndPoint? local, EndPoint? remote)
    {
        _channel = channel;
        _options = options;
        LocalEndPoint = local;
        RemoteEndPoint = remote;
        _activeMs = channel.Loop.NowMs;
        _timer = new LoopTimer(channel.Loop, this);
        LoopPipe input = LoopPipe.Create(channel.Loop, options.InputBytesMax);
        LoopPipe output = LoopPipe.Create(channel.Loop, options.OutputBytesMax);
        _input = new InputPump(this, channel, input, options);
        _output = new OutputPump(this, channel, output.Reader, options);
        Transport = new DuplexPipe(input.Reader, output.Writer);
    }

    /// <summary>The channel underneath, for what it knows of the peer. Reading and writing are the connection's.</summary>
    public ByteChannel Channel => _channel;

    /// <summary>How it ended; <see cref="ConnectionEnd.None"/> while it has not.</summary>
    public ConnectionEnd End { get; private set; }

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    /// <inheritdoc/>
    [AllowNull]
    public override string ConnectionId
    {
        get => field ??= $"{_channel.Loop.Index}-{Interlocked.Increment(ref s_created)}";
        set;
    }

    /// <inheritdoc/>
    public override IFeatureCollection Features => field ??= new FeatureCollection();

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items
    {
        get => field ??= new ConnectionItems();
        set;
    }

    /// <inheritdoc/>
    public override CancellationToken ConnectionClosed
    {
        get
        {
            if (_closed is null)
            {
                _closed = new CancellationTokenSource();
                if (IsOver)
                {
                    _closed.Cancel();
                }
            }

            return _closed.Token;
        }

        set => throw new NotSupportedException("The transport says when a connection is closed.");
    }

    /// <summary>Whether it has ended and the channel is closed.</summary>
    internal bool IsOver => End != ConnectionEnd.None;

    /// <summary>Whether the application has disposed it and what it wrote is still on its way.</summary>
    internal bool IsLetGo { get; private set; }

    /// <summary>Takes over a channel that is ready to carry bytes, and moves what is already there. Loop thread.</summary>
    /// <param name="channel">Connected, and for TLS after the handshake. Owned by the connection.</param>
    /// <param name="options">What it is held to.</param>
    /// <param name="local">Our side's address, where one is known.</param>
    /// <param name="remote">The peer's address, where one is known.</param>
    public static ChannelConnection Start(ByteChannel channel, ConnectionOptions options, EndPoint? local = null, EndPoint? remote = null)
    {
        ArgumentNullException.ThrowIfNull(channel);
        ArgumentNullException.ThrowIfNull(options);
        channel.Loop.AssertOnThread();
        var connection = new ChannelConnection(channel, options, local, remote);
        channel.Events = connection;
        connection.ArmIdle();
        connection._output.Pump();
        connection._input.Pump();
        return connection;
    }

    /// <summary>Ends both directions at once with a reset. Any thread.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (_channel.Loop.IsOnThread)
        {
            Finish(ConnectionEnd.Aborted, abortReason);
        }
        else
        {
            _channel.Loop.Post(() => Finish(ConnectionEnd.Aborted, abortReason));
        }
    }

    /// <inheritdoc/>
    public override void Abort() => Abort(new ConnectionAbortedException());

    /// <summary>
    /// Lets the connection go: what was written is delivered first, within <see cref="ConnectionOptions.DrainLimit"/>. Ends when the
    /// channel is closed. Loop thread.
    /// </summary>
#pragma warning disable CA2215 // The base has nothing to dispose of.
    public override async ValueTask DisposeAsync()
#pragma warning restore CA2215
    {
        _channel.Loop.AssertOnThread();
        if (IsLetGo)
        {
            return;
        }

        IsLetGo = true;
        if (!IsOver)
        {
            _timer.Arm(_options.DrainLimit);
        }

        // The input first: a reader that is gone lets the rest be discarded before it is asked whether there is a rest.
        await Transport.Input.CompleteAsync();
        await Transport.Output.CompleteAsync();
        OnDirectionEnded();
        if (!IsOver)
        {
            _released = new LoopCompletion<bool>(_channel.Loop);
            await _released.WaitAsync();
        }
    }

    void IChannelEvents.OnReadable() => _input.Pump();

    void IChannelEvents.OnWritable() => _output.Pump();

    void IChannelEvents.OnFault() => OnBroken(_channel.TakeError());

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        if (IsLetGo)
        {
            Finish(ConnectionEnd.DrainTimeout, new ConnectionAbortedException("The peer did not take the rest in time."));
            return;
        }

        TimeSpan left = _options.IdleLimit - TimeSpan.FromMilliseconds(_channel.Loop.NowMs - _activeMs);
        if (left > TimeSpan.Zero)
        {
            timer.Arm(left);
            return;
        }

        Finish(ConnectionEnd.IdleTimeout, new ConnectionAbortedException("No byte moved for the idle limit."));
    }

    internal void OnMoved() => _activeMs = _channel.Loop.NowMs;

    internal void OnBroken(Errno error) =>
        Finish(ConnectionEnd.Broken, new ConnectionResetException(error == Errno.None ? "The connection broke." : error.ToString()));

    internal void OnApplicationFaulted(Exception fault) =>
        Finish(ConnectionEnd.Aborted, new ConnectionAbortedException(fault.Message, fault));

    /// <summary>A direction has come to its end: once the application has let go and all is written, so has the connection.</summary>
    internal void OnDirectionEnded()
    {
        if (IsLetGo && !IsOver && _output.HasEnded && !_input.Discard())
        {
            Finish(ConnectionEnd.Completed, null);
        }
    }

    private void ArmIdle()
    {
        if (_options.IdleLimit != Timeout.InfiniteTimeSpan)
        {
            _timer.Arm(_options.IdleLimit);
        }
    }

    private void Finish(ConnectionEnd end, Exception? error)
    {
        if (IsOver)
        {
            return;
        }

        End = end;
        _timer.Cancel();
        if (end == ConnectionEnd.Completed)
        {
            _channel.Close();
        }
        else
        {
            _channel.Reset();
        }

        // Whoever waits runs inside these calls, and finds the connection over whatever it looks at.
        _closed?.Cancel();
        _output.Stop();
        _input.Stop(error);
        _released?.TryComplete(true);
    }
}
