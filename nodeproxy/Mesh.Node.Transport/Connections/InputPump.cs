using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>Moves what arrives on a channel into a pipe: reads when the channel is readable and the application keeps up.</summary>
/// <remarks>
/// A read goes through the loop's scratch space, so that a connection on which nothing arrives holds no block. Only a read that filled all
/// it was offered has more behind it, and the next goes straight into the pipe.
/// </remarks>
internal sealed class InputPump : IReadyHandler
{
    /// <summary>Room worth reading into; less is left unused at the end of a block.</summary>
    private const int RoomBytesMin = 4 * 1024;

    /// <summary>What a peer may still send to an application that has let go, before it is cut off.</summary>
    private const int DiscardedBytesMax = 1024 * 1024;

    private readonly ChannelConnection _connection;
    private readonly ByteChannel _channel;
    private readonly EventLoop _loop;
    private readonly LoopPipe _pipe;
    private readonly PipeWriter _writer;
    private readonly Action _onFlushed;
    private ValueTaskAwaiter<FlushResult> _flush;
    private TurnBudget _budget;
    private int _discardedBytes;
    private bool _flushPending;
    private bool _deferred;
    private bool _readsDirectly;
    private bool _unwanted;

    public InputPump(ChannelConnection connection, ByteChannel channel, LoopPipe pipe, ConnectionOptions options)
    {
        _connection = connection;
        _channel = channel;
        _loop = channel.Loop;
        _pipe = pipe;
        _writer = pipe.Writer;
        _onFlushed = OnFlushed;
        _budget = new TurnBudget(_loop, options);
    }

    /// <summary>The peer has finished sending, and the pipe has been told.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>
    /// An application that wants no more makes the peer wait, until it lets the connection go: then the rest is discarded.
    /// </summary>
    private bool MayGoOn =>
        !HasEnded && !_connection.IsOver && !_flushPending && !_deferred && (!_unwanted || (_connection.IsLetGo && !HasDiscardedEnough));

    private bool HasDiscardedEnough => _discardedBytes >= DiscardedBytesMax;

    /// <summary>Moves what can be moved, within the turn's budget.</summary>
    public void Pump()
    {
        while (MayGoOn)
        {
            if (!_budget.TryTake())
            {
                _deferred = true;
                _loop.RunNextTurn(this);
                return;
            }

            if (!(_unwanted ? TryDiscard() : TryRead()))
            {
                return;
            }
        }
    }

    /// <summary>
    /// Throws away what has arrived for nobody: unread, it would make the kernel answer the close with a reset, which could overtake what
    /// was written last.
    /// </summary>
    /// <returns>Whether the peer may still be sending, so that closing must wait for its end.</returns>
    public bool Discard()
    {
        _unwanted = true;
        Pump();
        return !HasEnded && !HasDiscardedEnough && (_deferred || _discardedBytes > 0);
    }

    /// <summary>Nothing more is read; the application is told why.</summary>
    public void Stop(Exception? error)
    {
        if (!HasEnded)
        {
            HasEnded = true;
            _writer.Complete(error);
        }
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        _deferred = false;
        Pump();
    }

    /// <summary>Reads once. False when there is nothing to read, the application is behind, or the connection ended.</summary>
    private bool TryRead()
    {
        Memory<byte> room = _readsDirectly ? _writer.GetMemory(RoomBytesMin) : _loop.Scratch;
        IoResult read = _channel.Read(room.Span);
        bool wentDirectly = _readsDirectly;
        _readsDirectly = read.Bytes == room.Length;
        switch (read.Status)
        {
            case IoStatus.Done when wentDirectly:
                _writer.Advance(read.Bytes);
                break;
            case IoStatus.Done:
                _writer.Write(room.Span[..read.Bytes]);
                break;
            case IoStatus.WouldBlock:
                if (wentDirectly)
                {
                    _pipe.LetGoOfRoom();
                }

                return false;
            case IoStatus.End:
                HasEnded = true;
                _writer.Complete();
                _connection.OnDirectionEnded();
                return false;
            default:
                _connection.OnBroken(read.Error);
                return false;
        }

        _budget.Spend(read.Bytes);
        _connection.OnMoved();

        // Whoever waits for these bytes runs inside this call, and may have ended the connection when it returns.
#pragma warning disable CA2012 // Consumed once: here when it has completed, and else by OnFlushed.
        ValueTaskAwaiter<FlushResult> flush = _writer.FlushAsync().GetAwaiter();
#pragma warning restore CA2012
        if (flush.IsCompleted)
        {
            return Accept(flush);
        }

        _flush = flush;
        _flushPending = true;
        flush.UnsafeOnCompleted(_onFlushed);
        return false;
    }

    private void OnFlushed()
    {
        _loop.AssertOnThread();
        _flushPending = false;
        if (Accept(_flush))
        {
            Pump();
        }
    }

    /// <summary>Whether the application wants more.</summary>
    private bool Accept(ValueTaskAwaiter<FlushResult> flush)
    {
        if (_connection.IsOver)
        {
            return false;
        }

#pragma warning disable VSTHRD002 // It has completed: nothing blocks.
        _unwanted |= flush.GetResult().IsCompleted;
#pragma warning restore VSTHRD002
        return true;
    }

    private bool TryDiscard()
    {
        IoResult read = _channel.Read(_loop.Scratch);
        switch (read.Status)
        {
            case IoStatus.Done:
                _discardedBytes += read.Bytes;
                _budget.Spend(read.Bytes);
                if (HasDiscardedEnough)
                {
                    _connection.OnDirectionEnded();
                }

                return true;
            case IoStatus.WouldBlock:
                return false;
            default:
                // Its end, or a reset that says the same: what was written has been taken, or never will be.
                HasEnded = true;
                _writer.Complete();
                _connection.OnDirectionEnded();
                return false;
        }
    }
}
