using Mesh.Interop.Linux;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Relay;

/// <summary>One direction of a relay: reads a source, writes a target, holds only what the target refused.</summary>
/// <remarks>
/// Between two sockets it copies while reads are small and splices once they are large (<c>bench/Mesh.Bench.Micro/Relay</c>): a splice
/// moves a page for the price of a pointer, but takes a pipe and a third call to learn that nothing more has arrived. Whichever way,
/// nothing more is taken from the source before the target has taken all.
/// </remarks>
internal sealed class RelayDirection : IReadyHandler
{
    /// <summary>Bytes of reads that filled the whole buffer, with no smaller one between, after which a direction splices.</summary>
    private const int SpliceAfterBytes = 128 * 1024;

    /// <summary>A direction whose source runs dry after less than this goes back to copying.</summary>
    private const int SplicedRunBytesMin = 32 * 1024;

    private readonly ChannelRelay _relay;
    private readonly ByteChannel _source;
    private readonly ByteChannel _target;
    private readonly bool _isTowardsUpstream;
    private readonly EventLoop _loop;
    private HeldBytes _held;
    private SpliceLane? _lane;
    private int _fullReadBytes;
    private long _runBytes;
    private bool _splices;
    private bool _sourceEnded;
    private bool _deferred;

    public RelayDirection(ChannelRelay relay, ByteChannel source, ByteChannel target, bool isTowardsUpstream)
    {
        _relay = relay;
        _source = source;
        _target = target;
        _isTowardsUpstream = isTowardsUpstream;
        _loop = source.Loop;
        _held = new HeldBytes(relay.Limits.Buffers);
        ActiveMs = _loop.NowMs;
    }

    /// <summary>When bytes last moved, in the loop's milliseconds.</summary>
    public long ActiveMs { get; private set; }

    /// <summary>The source ended, and everything it sent has been delivered.</summary>
    public bool IsFinished { get; private set; }

    public void OnReady(EpollEvents events)
    {
        _deferred = false;
        Pump();
    }

    /// <summary>Moves what can be moved, within the turn's budget.</summary>
    public void Pump()
    {
        if (IsFinished || _deferred || _relay.HasEnded)
        {
            return;
        }

        int budgetBytes = _relay.Limits.BytesPerTurnMax;
        int budgetReads = _relay.Limits.ReadsPerTurnMax;
        bool mayHaveMore = true;
        while (mayHaveMore && TryFlush())
        {
            if (_sourceEnded)
            {
                IsFinished = true;
                _target.CloseWrite();
                _relay.OnDirectionFinished();
                break;
            }

            if (budgetBytes <= 0 || budgetReads-- == 0)
            {
                _deferred = true;
                _loop.RunNextTurn(this);
                break;
            }

            mayHaveMore = _splices ? TrySplice(ref budgetBytes) : TryCopy(ref budgetBytes);
        }

        _lane?.ReturnIfEmpty();
    }

    /// <summary>Gives back what is held; its bytes are gone.</summary>
    public void Release()
    {
        _held.Clear(_loop.Buffers);
        _lane?.Return();
    }

    /// <summary>Reads once and writes it. False when there is nothing to read, or the relay ended.</summary>
    private bool TryCopy(ref int budgetBytes)
    {
        byte[] buffer = _loop.Scratch;
        IoResult read = _source.Read(buffer);
        switch (read.Status)
        {
            case IoStatus.Done:
                budgetBytes -= read.Bytes;
                ConsiderSplicing(read.Bytes, buffer.Length);
                return TryDeliver(buffer.AsSpan(0, read.Bytes));
            case IoStatus.End:
                _sourceEnded = true;
                return true;
            case IoStatus.WouldBlock:
                return false;
            default:
                _relay.OnChannelBroken(_source, read.Error);
                return false;
        }
    }

    /// <summary>Fills the lane once, for the next flush to drain. False when there is nothing to take, or the relay ended.</summary>
    private bool TrySplice(ref int budgetBytes)
    {
        if (!_lane!.MayFill)
        {
            return false;
        }

        if (!_lane.TryLease())
        {
            GoBackToCopying();
            return true;
        }

        SysResult taken = _lane.Fill(budgetBytes);
        if (taken.Ok)
        {
            _sourceEnded = taken.Count == 0;
            _runBytes += taken.Count;
            budgetBytes -= taken.Count;
            return true;
        }

        switch (taken.Error)
        {
            case Errno.EAGAIN:
                if (_runBytes is > 0 and < SplicedRunBytesMin)
                {
                    GoBackToCopying();
                }

                _runBytes = 0;
                return false;

            // Not the stream's fault: a security profile forbids the call, or the socket is of a kind that cannot.
            case Errno.EPERM or Errno.ENOSYS or Errno.EINVAL:
                _loop.Pipes.OnRefusedByKernel(_loop.NowMs);
                GoBackToCopying();
                return true;
            default:
                _relay.OnChannelBroken(_source, taken.Error);
                return false;
        }
    }

    private void ConsiderSplicing(int readBytes, int offeredBytes)
    {
        _fullReadBytes = readBytes == offeredBytes ? _fullReadBytes + readBytes : 0;
        if (_fullReadBytes >= SpliceAfterBytes && _source is TcpChannel source && _target is TcpChannel target)
        {
            _lane ??= new SpliceLane(source, target, _relay.Limits.Pipes);
            _splices = true;
            _runBytes = 0;
        }
    }

    private void GoBackToCopying()
    {
        _splices = false;
        _fullReadBytes = 0;
    }

    /// <summary>Writes, and holds what was refused. False when the relay ended.</summary>
    private bool TryDeliver(ReadOnlySpan<byte> bytes)
    {
        IoResult written = _target.Write(bytes);
        if (written.Status == IoStatus.Failed)
        {
            _relay.OnChannelBroken(_target, written.Error);
            return false;
        }

        Count(written.Bytes);
        if (_held.TryAppend(bytes[written.Bytes..], _loop.Buffers))
        {
            return true;
        }

        _relay.End(RelayEnd.BufferLimit);
        return false;
    }

    /// <summary>Offers the target what is held. True when nothing is held any more; false otherwise, or when the relay ended.</summary>
    private bool TryFlush()
    {
        while (!_held.IsEmpty)
        {
            IoResult written = _target.Write(_held.First);
            switch (written.Status)
            {
                case IoStatus.Done:
                    Count(written.Bytes);
                    _held.Consume(written.Bytes, _loop.Buffers);
                    break;
                case IoStatus.WouldBlock:
                    return false;
                default:
                    _relay.OnChannelBroken(_target, written.Error);
                    return false;
            }
        }

        while (_lane is { IsEmpty: false })
        {
            SysResult given = _lane.Drain();
            if (given.Ok)
            {
                Count(given.Count);
                continue;
            }

            if (!given.WouldBlock)
            {
                _relay.OnChannelBroken(_target, given.Error);
            }

            return false;
        }

        return true;
    }

    private void Count(int bytes)
    {
        if (bytes == 0)
        {
            return;
        }

        ActiveMs = _loop.NowMs;
        if (_isTowardsUpstream)
        {
            _relay.Meter.AddSent(bytes);
        }
        else
        {
            _relay.Meter.AddReceived(bytes);
        }
    }
}
