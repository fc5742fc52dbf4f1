using System.Buffers;
using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>A stream of a tunnel as protocols see it: a pair of pipes on the tunnel's loop.</summary>
/// <remarks>
/// What <see cref="ChannelConnection"/> is for a channel. Backpressure: credit goes back as the protocol consumes, so no more than the
/// stream's window is held, and that counts towards the pod's budget; output waits for the window and for room in the tunnel. END_STREAM
/// ends a direction; a reset, or a tunnel that is lost, breaks both.
/// </remarks>
internal sealed class StreamConnection : ConnectionContext, ITunnelStreamEvents, ITimerHandler
{
    private const int OutputBytesMax = 64 * 1024;

    /// <summary>A DATA frame that fills one TLS record.</summary>
    private const int FrameBytesMax = 16_384 - 9;

    private readonly TunnelStream _stream;
    private readonly EventLoop _loop;
    private readonly TimeSpan _drainLimit;
    private readonly LoopPipe _input;
    private readonly LoopPipe _output;
    private readonly Action _onOutput;
    private readonly LoopTimer _drain;
    private CountedBytes _held;
    private long _unreadBytes;
    private ValueTaskAwaiter<ReadResult> _read;
    private CancellationTokenSource? _closed;
    private LoopCompletion<bool>? _released;
    private bool _isReadPending;
    private bool _hasInputEnded;
    private bool _hasOutputEnded;
    private bool _isInputUnwanted;
    private bool _isLetGo;

    private StreamConnection(TunnelStream stream, TimeSpan drainLimit, BufferBudget budget)
    {
        _held = new CountedBytes(budget);
        _stream = stream;
        _loop = stream.Tunnel.Loop;
        _drainLimit = drainLimit;
        _input = LoopPipe.Create(_loop, 0);
        _output = LoopPipe.Create(_loop, OutputBytesMax);
        _onOutput = OnOutput;
        _drain = new LoopTimer(_loop, this);
        Transport = new DuplexPipe(new CreditReader(_input.Reader, this), _output.Writer);
    }

    /// <summary>Whether both directions have ended, or the stream was reset or lost.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Whether it was ended because its pod may hold no more of what arrives.</summary>
    public bool IsOverBudget { get; private set; }

    /// <summary>How the stream ended early; null while it has not.</summary>
    public TunnelAbort? End { get; private set; }

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    /// <inheritdoc/>
    [AllowNull]
    public override string ConnectionId
    {
        get => field ??= Guid.NewGuid().ToString("N");
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

        set => throw new NotSupportedException("The tunnel says when a stream is closed.");
    }

    /// <summary>Takes over a stream on which bytes may flow. Loop thread.</summary>
    /// <param name="stream">Owned from here on.</param>
    /// <param name="drainLimit">Time to deliver what was written once the protocol has let go.</param>
    /// <param name="budget">The pod's: what has arrived and was not read counts towards it.</param>
    public static StreamConnection Start(TunnelStream stream, TimeSpan drainLimit, BufferBudget budget)
    {
        var connection = new StreamConnection(stream, drainLimit, budget);
        stream.Events = connection;
        if (!stream.IsAlive)
        {
            connection.Break(new TunnelAbort(IsTunnelLost: true, Http2ErrorCode.NoError));
            return connection;
        }

        connection.Pump();
        return connection;
    }

    /// <summary>Resets the stream. Loop thread.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        _loop.AssertOnThread();
        if (!IsOver)
        {
            _stream.Reset(Http2ErrorCode.Cancel);
            Finish(abortReason);
        }
    }

    /// <inheritdoc/>
    public override void Abort() => Abort(new ConnectionAbortedException());

    /// <summary>Lets the stream go: what was written is delivered first, within the limit. Ends when the stream has. Loop thread.</summary>
#pragma warning disable CA2215 // The base has nothing to dispose of.
    public override async ValueTask DisposeAsync()
#pragma warning restore CA2215
    {
        _loop.AssertOnThread();
        if (_isLetGo)
        {
            return;
        }

        _isLetGo = true;
        if (!IsOver)
        {
            _drain.Arm(_drainLimit);
        }

        await Transport.Input.CompleteAsync();
        await Transport.Output.CompleteAsync();
        FinishIfEnded();
        if (!IsOver)
        {
            _released = new LoopCompletion<bool>(_loop);
            await _released.WaitAsync();
        }
    }

    void ITunnelStreamEvents.OnResponse(HeaderList headers, bool endStream)
    {
        // Trailers carry nothing for a byte stream; their END_STREAM is the end of the direction.
        if (endStream)
        {
            OnInputEnd();
        }
    }

    void ITunnelStreamEvents.OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        if (_isLetGo || _hasInputEnded)
        {
            // For nobody: the peer may go on until it has said its last.
            _stream.Consumed(data.Length);
        }
        else if (!data.IsEmpty)
        {
            _unreadBytes += _isInputUnwanted ? 0 : data.Length;
            _input.Writer.Write(data);
            if (!endStream)
            {
                // Whoever waits for these bytes runs inside this call. It completes at once, since the window is what bounds the pipe.
                ValueTask<FlushResult> flushed = _input.Writer.FlushAsync();
                Debug.Assert(flushed.IsCompleted, "A pipe without a bound lets nobody wait.");
            }

            // What the protocol took inside that call was never held.
            if (_unreadBytes > 0 && !IsOver && !_held.TryHold(_unreadBytes))
            {
                IsOverBudget = true;
                Abort(new ConnectionAbortedException("The pod holds as much as it may."));
                return;
            }
        }

        if (endStream)
        {
            OnInputEnd();
        }
    }

    void ITunnelStreamEvents.OnSendable() => Pump();

    void ITunnelStreamEvents.OnAborted(TunnelAbort abort)
    {
        // NO_ERROR after the whole of its direction only asks us to stop sending (RFC 9113 §8.1).
        if (!abort.IsTunnelLost && abort.Code == Http2ErrorCode.NoError && _hasInputEnded)
        {
            StopOutput();
            FinishIfEnded();
            return;
        }

        Break(abort);
    }

    void ITunnelStreamEvents.OnFinished() => FinishIfEnded();

    void ITimerHandler.OnTimer(LoopTimer timer) => Abort(new ConnectionAbortedException("The peer did not take the rest in time."));

    private void OnInputEnd()
    {
        if (!_hasInputEnded)
        {
            _hasInputEnded = true;
            _input.Writer.Complete();
            FinishIfEnded();
        }
    }

    private void Pump()
    {
        while (!_hasOutputEnded && !IsOver && !_isReadPending)
        {
#pragma warning disable CA2012 // Consumed once: by TryWrite when it has completed, and else by OnOutput.
            ValueTaskAwaiter<ReadResult> read = _output.Reader.ReadAsync().GetAwaiter();
#pragma warning restore CA2012
            if (!read.IsCompleted)
            {
                _read = read;
                _isReadPending = true;
                read.UnsafeOnCompleted(_onOutput);
                return;
            }

            if (!TryWrite(read))
            {
                return;
            }
        }
    }

    private void OnOutput()
    {
        _loop.AssertOnThread();
        _isReadPending = false;
        if (!IsOver && !_hasOutputEnded && TryWrite(_read))
        {
            Pump();
        }
    }

    /// <summary>Writes what is there. False when not all of it may be sent now, or there will be no more.</summary>
    private bool TryWrite(ValueTaskAwaiter<ReadResult> read)
    {
        ReadResult result;
        try
        {
#pragma warning disable VSTHRD002 // It has completed: nothing blocks.
            result = read.GetResult();
#pragma warning restore VSTHRD002
        }
#pragma warning disable CA1031 // Whatever the protocol completed its output with: the peer must not take it for a whole stream.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Abort(new ConnectionAbortedException(fault.Message, fault));
            return false;
        }

        ReadOnlySequence<byte> rest = result.Buffer;
        while (!rest.IsEmpty)
        {
            Span<byte> room = _stream.Reserve((int)Math.Min(rest.Length, FrameBytesMax));
            if (room.IsEmpty)
            {
                _output.Reader.AdvanceTo(rest.Start);
                return false;
            }

            int bytes = (int)Math.Min(rest.Length, room.Length);
            rest.Slice(0, bytes).CopyTo(room);
            _stream.Commit(bytes, endStream: false);
            rest = rest.Slice(bytes);
        }

        // Whoever waits for room runs inside this call, and may have ended the stream when it returns.
        _output.Reader.AdvanceTo(rest.Start);
        if (IsOver || !result.IsCompleted)
        {
            return !IsOver;
        }

        StopOutput();
        _stream.CompleteSend();
        FinishIfEnded();
        return false;
    }

    private void StopOutput()
    {
        if (!_hasOutputEnded)
        {
            _hasOutputEnded = true;
            _output.Reader.Complete();
        }
    }

    private void FinishIfEnded()
    {
        if (_hasInputEnded && _hasOutputEnded)
        {
            Finish(null);
        }
    }

    private void Break(TunnelAbort abort)
    {
        End ??= abort;
        Finish(new ConnectionResetException(abort.IsTunnelLost ? "The tunnel was lost." : $"The peer reset the stream: {abort.Code}."));
    }

    private void Finish(Exception? error)
    {
        if (IsOver)
        {
            return;
        }

        IsOver = true;
        _drain.Cancel();

        // Whoever waits runs inside these calls, and finds the connection over whatever it looks at.
        _closed?.Cancel();
        StopOutput();
        if (!_hasInputEnded)
        {
            _hasInputEnded = true;
            _input.Writer.Complete(error);
        }

        _released?.TryComplete(true);
    }

    private void OnConsumed(int bytes)
    {
        _unreadBytes -= bytes;
        if (!_held.IsEmpty)
        {
            _held.TryHold(_unreadBytes);
        }

        _stream.Consumed(bytes);
    }

    /// <summary>What is there goes, and what comes is not kept.</summary>
    private void OnInputUnwanted()
    {
        _isInputUnwanted = true;
        _unreadBytes = 0;
        _held.TryHold(0);
    }

    /// <summary>Returns to the peer the credit of what is consumed.</summary>
    private sealed class CreditReader(PipeReader reader, StreamConnection connection) : PipeReader
    {
        private ReadOnlySequence<byte> _offered;

        public override bool TryRead(out ReadResult result)
        {
            bool isRead = reader.TryRead(out result);
            if (isRead)
            {
                _offered = result.Buffer;
            }

            return isRead;
        }

        [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            ReadResult result = await reader.ReadAsync(cancellationToken);
            _offered = result.Buffer;
            return result;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            long bytes = _offered.Slice(0, consumed).Length;
            _offered = default;
            reader.AdvanceTo(consumed, examined);
            if (bytes > 0)
            {
                connection.OnConsumed((int)bytes);
            }
        }

        public override void CancelPendingRead() => reader.CancelPendingRead();

        public override void Complete(Exception? exception = null)
        {
            reader.Complete(exception);
            connection.OnInputUnwanted();
        }
    }
}
