using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>
/// Holds what a stream brings before its relay is there to take it. Bounded by the stream's receive window, whose credit is returned only
/// when the relay has passed the bytes on, and by a budget. Lives on the loop.
/// </summary>
internal sealed class EarlyData(EventLoop loop, BufferBudget? budget)
{
    private HeldBytes _held = new(budget);

    /// <summary>The first contiguous run of what is held, empty when nothing is. The first 16 KiB are one run.</summary>
    public ReadOnlySpan<byte> First => _held.First;

    /// <summary>Whether the end has come.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Holds a copy; false when the budget has no room, and then the stream cannot be carried whole.</summary>
    public bool TryHold(ReadOnlySpan<byte> data, bool endStream)
    {
        IsEnded |= endStream;
        return _held.TryAppend(data, loop.Buffers);
    }

    /// <summary>Hands all of it on, in order, and the end after it.</summary>
    public void DeliverTo(ITunnelStreamEvents relay)
    {
        while (!_held.IsEmpty)
        {
            ReadOnlySpan<byte> first = _held.First;
            relay.OnData(first, endStream: false);
            _held.Consume(first.Length, loop.Buffers);
        }

        if (IsEnded)
        {
            relay.OnData(default, endStream: true);
        }
    }

    /// <summary>Lets go of what was not delivered.</summary>
    public void Release() => _held.Clear(loop.Buffers);
}
