namespace Mesh.Node.Transport.Buffers;

/// <summary>
/// Bytes that may be needed again, in order, in blocks of the loop's pool: read as often as one likes, and let go of together. Empty, it
/// holds nothing. What it holds counts towards the budget it was made with.
/// </summary>
/// <remarks>One loop's; no locks.</remarks>
public sealed class RecordedBytes(BufferPool pool, BufferBudget? budget)
{
    private readonly List<byte[]> _blocks = [];

    /// <summary>Bytes held.</summary>
    public long Count { get; private set; }

    /// <summary>Appends a copy; false when the budget has no room for all of it, and then some may have been appended.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int used = (int)(Count % BufferPool.BlockBytes);
            if (used == 0)
            {
                if (budget?.TryTakeBlock() == false)
                {
                    return false;
                }

                _blocks.Add(pool.Rent());
            }

            int taken = Math.Min(bytes.Length, BufferPool.BlockBytes - used);
            bytes[..taken].CopyTo(_blocks[^1].AsSpan(used));
            Count += taken;
            bytes = bytes[taken..];
        }

        return true;
    }

    /// <summary>The contiguous run that begins at an offset; empty at the end.</summary>
    /// <param name="offset">In bytes, 0 to <see cref="Count"/>.</param>
    public ReadOnlyMemory<byte> From(long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, Count);
        if (offset == Count)
        {
            return default;
        }

        int start = (int)(offset % BufferPool.BlockBytes);
        int end = (int)Math.Min(BufferPool.BlockBytes, Count - offset + start);
        return _blocks[(int)(offset / BufferPool.BlockBytes)].AsMemory(start, end - start);
    }

    /// <summary>Gives every block back. What was read of them must not be touched afterwards.</summary>
    public void Clear()
    {
        foreach (byte[] block in _blocks)
        {
            pool.Return(block);
            budget?.GiveBackBlock();
        }

        _blocks.Clear();
        Count = 0;
    }
}
