using Mesh.Interop.Linux;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Relay;

/// <summary>One direction of a relay: reads a source, writes a target, holds only what the target refused.</summary>
internal sealed class RelayDirection(ChannelRelay relay, ByteChannel source, ByteChannel target, bool isTowardsUpstream) : IReadyHandler
{
    private readonly EventLoop _loop = source.Loop;
    private HeldBytes _held;
    private bool _sourceEnded;
    private bool _deferred;

    /// <summary>When bytes last moved, in the loop's milliseconds.</summary>
    public long ActiveMs { get; private set; } = source.Loop.NowMs;

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
        if (IsFinished || _deferred || relay.HasEnded)
        {
            return;
        }

        int budgetBytes = relay.Limits.BytesPerTurnMax;
        while (FlushHeld())
        {
            if (_sourceEnded)
            {
                IsFinished = true;
                target.CloseWrite();
                relay.OnDirectionFinished();
                return;
            }

            if (budgetBytes <= 0)
            {
                _deferred = true;
                _loop.RunNextTurn(this);
                return;
            }

            IoResult read = source.Read(_loop.Scratch);
            switch (read.Status)
            {
                case IoStatus.Done:
                    budgetBytes -= read.Bytes;
                    if (!Deliver(_loop.Scratch.AsSpan(0, read.Bytes)))
                    {
                        return;
                    }

                    break;
                case IoStatus.End:
                    _sourceEnded = true;
                    break;
                case IoStatus.WouldBlock:
                    return;
                default:
                    relay.OnChannelBroken(source);
                    return;
            }
        }
    }

    public void Release() => _held.Clear(_loop.Buffers);

    /// <summary>Writes, and holds what was refused. False when the relay ended.</summary>
    private bool Deliver(ReadOnlySpan<byte> bytes)
    {
        IoResult written = target.Write(bytes);
        if (written.Status == IoStatus.Failed)
        {
            relay.OnChannelBroken(target);
            return false;
        }

        Count(written.Bytes);
        if (written.Bytes < bytes.Length)
        {
            _held.Append(bytes[written.Bytes..], _loop.Buffers);
        }

        return true;
    }

    /// <summary>True when nothing is held any more.</summary>
    private bool FlushHeld()
    {
        while (!_held.IsEmpty)
        {
            IoResult written = target.Write(_held.First);
            switch (written.Status)
            {
                case IoStatus.Done:
                    Count(written.Bytes);
                    _held.Consume(written.Bytes, _loop.Buffers);
                    break;
                case IoStatus.WouldBlock:
                    return false;
                default:
                    relay.OnChannelBroken(target);
                    return false;
            }
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
        if (isTowardsUpstream)
        {
            relay.Meter.AddSent(bytes);
        }
        else
        {
            relay.Meter.AddReceived(bytes);
        }
    }
}
