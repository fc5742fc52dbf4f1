using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>Moves what an application wrote from a pipe to a channel. What the channel refuses stays in the pipe.</summary>
internal sealed class OutputPump : IReadyHandler
{
    private readonly ChannelConnection _connection;
    private readonly ByteChannel _channel;
    private readonly EventLoop _loop;
    private readonly PipeReader _reader;
    private readonly Action _onRead;
    private ValueTaskAwaiter<ReadResult> _read;
    private TurnBudget _budget;
    private bool _readPending;
    private bool _deferred;

    public OutputPump(ChannelConnection connection, ByteChannel channel, PipeReader reader, ConnectionOptions options)
    {
        _connection = connection;
        _channel = channel;
        _loop = channel.Loop;
        _reader = reader;
        _onRead = OnRead;
        _budget = new TurnBudget(_loop, options);
    }

    /// <summary>The application has finished writing, and the channel has taken all of it and been told.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Moves what can be moved, within the turn's budget, and then waits for the application.</summary>
    public void Pump()
    {
        while (!HasEnded && !_connection.IsOver && !_readPending && !_deferred)
        {
            if (!_budget.TryTake())
            {
                _deferred = true;
                _loop.RunNextTurn(this);
                return;
            }

#pragma warning disable CA2012 // Consumed once: by TryWrite when it has completed, and else by OnRead.
            ValueTaskAwaiter<ReadResult> read = _reader.ReadAsync().GetAwaiter();
#pragma warning restore CA2012
            if (!read.IsCompleted)
            {
                _read = read;
                _readPending = true;
                read.UnsafeOnCompleted(_onRead);
                return;
            }

            if (!TryWrite(read))
            {
                return;
            }
        }
    }

    /// <summary>Nothing more is written; the application's flushes say that nobody takes it.</summary>
    public void Stop()
    {
        if (!HasEnded)
        {
            HasEnded = true;
            _reader.Complete();
        }
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        _deferred = false;
        Pump();
    }

    private void OnRead()
    {
        _loop.AssertOnThread();
        _readPending = false;
        if (!_connection.IsOver && TryWrite(_read))
        {
            Pump();
        }
    }

    /// <summary>Writes what is there. False when the channel took not all of it, or there will be no more.</summary>
    private bool TryWrite(ValueTaskAwaiter<ReadResult> read)
    {
        ReadResult result;
        try
        {
#pragma warning disable VSTHRD002 // It has completed: nothing blocks.
            result = read.GetResult();
#pragma warning restore VSTHRD002
        }
#pragma warning disable CA1031 // Whatever the application completed its output with: the peer must not take it for a whole stream.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            _connection.OnApplicationFaulted(fault);
            return false;
        }

        ReadOnlySequence<byte> buffer = result.Buffer;
        IoResult last = WriteAll(buffer, out long writtenBytes);

        // Whoever waits for room runs inside this call, and may have ended the connection when it returns.
        _reader.AdvanceTo(buffer.GetPosition(writtenBytes));
        if (_connection.IsOver)
        {
            return false;
        }

        if (last.Status == IoStatus.Failed)
        {
            _connection.OnBroken(last.Error);
            return false;
        }

        if (last.Status == IoStatus.WouldBlock)
        {
            return false;
        }

        if (result.IsCompleted)
        {
            HasEnded = true;
            _reader.Complete();
            _channel.CloseWrite();
            _connection.OnDirectionEnded();
            return false;
        }

        return true;
    }

    /// <summary>Writes until all is taken or the channel takes no more, and says how the last write went.</summary>
    private IoResult WriteAll(in ReadOnlySequence<byte> buffer, out long writtenBytes)
    {
        writtenBytes = 0;
        foreach (ReadOnlyMemory<byte> segment in buffer)
        {
            ReadOnlySpan<byte> rest = segment.Span;
            while (!rest.IsEmpty)
            {
                IoResult written = _channel.Write(rest);
                if (written.Status != IoStatus.Done)
                {
                    return written;
                }

                writtenBytes += written.Bytes;
                rest = rest[written.Bytes..];
                _budget.Spend(written.Bytes);
                _connection.OnMoved();
            }
        }

        return IoResult.Done(0);
    }
}
