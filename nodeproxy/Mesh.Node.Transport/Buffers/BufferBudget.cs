namespace Mesh.Node.Transport.Buffers;

/// <summary>
/// How many bytes may be held for peers that do not take them, on whatever loops: those of one workload, within those of the node. Any
/// thread; takes no lock. Counted in whole blocks, as memory is.
/// </summary>
public sealed class BufferBudget
{
    private readonly long _bytesMax;
    private readonly BufferBudget? _whole;
    private long _held;

    /// <summary>A budget of its own, or a part of another.</summary>
    /// <param name="bytesMax">Bytes; less than <see cref="BufferPool.BlockBytes"/> forbids holding any.</param>
    /// <param name="whole">What this one also counts towards; null for none.</param>
    public BufferBudget(long bytesMax, BufferBudget? whole = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytesMax);
        _bytesMax = bytesMax;
        _whole = whole;
    }

    /// <summary>Bytes held now.</summary>
    public long HeldBytes => Volatile.Read(ref _held);

    /// <summary>Takes room for one block; false when there is none left here or in the whole.</summary>
    internal bool TryTakeBlock()
    {
        if (Interlocked.Add(ref _held, BufferPool.BlockBytes) <= _bytesMax && _whole?.TryTakeBlock() != false)
        {
            return true;
        }

        Interlocked.Add(ref _held, -BufferPool.BlockBytes);
        return false;
    }

    /// <summary>Gives the room of one block back.</summary>
    internal void GiveBackBlock()
    {
        Interlocked.Add(ref _held, -BufferPool.BlockBytes);
        _whole?.GiveBackBlock();
    }
}
