using System.Diagnostics;

namespace Mesh.Node.Transport.Buffers;

/// <summary>Bytes that a target did not take yet, in order, in blocks of the loop's pool. Empty, it holds nothing.</summary>
/// <remarks>A mutable struct: keep it in a field that is not readonly. What it holds counts towards the budget it was made with.</remarks>
public struct HeldBytes(BufferBudget? budget)
{
    private Queue<byte[]>? _blocks;
    private byte[]? _last;
    private int _readOffset;
    private int _lastBytes;

    /// <summary>Bytes held.</summary>
    public long Count { get; private set; }

    /// <summary>Whether nothing is held.</summary>
    public readonly bool IsEmpty => Count == 0;

    /// <summary>Appends a copy; false when the budget has no room for all of it, and then some may have been appended.</summary>
    public bool TryAppend(ReadOnlySpan<byte> bytes, BufferPool pool)
    {
        while (!bytes.IsEmpty)
        {
            if (_last is null || _lastBytes == BufferPool.BlockBytes)
            {
                if (budget?.TryTakeBlock() == false)
                {
                    return false;
                }

                _last = pool.Rent();
                _lastBytes = 0;
                (_blocks ??= new Queue<byte[]>()).Enqueue(_last);
            }

            int taken = Math.Min(bytes.Length, BufferPool.BlockBytes - _lastBytes);
            bytes[..taken].CopyTo(_last.AsSpan(_lastBytes));
            _lastBytes += taken;
            Count += taken;
            bytes = bytes[taken..];
        }

        return true;
    }

    /// <summary>The first contiguous run, empty when nothing is held.</summary>
    public readonly ReadOnlySpan<byte> First => FirstMemory.Span;

    /// <summary><see cref="First"/> for whoever keeps it across calls: valid until it is consumed.</summary>
    public readonly ReadOnlyMemory<byte> FirstMemory
    {
        get
        {
            if (_blocks is null || !_blocks.TryPeek(out byte[]? block))
            {
                return default;
            }

            int end = block == _last ? _lastBytes : BufferPool.BlockBytes;
            return block.AsMemory(_readOffset, end - _readOffset);
        }
    }

    /// <summary>Drops bytes from the front of <see cref="First"/>.</summary>
    public void Consume(int bytes, BufferPool pool)
    {
        Debug.Assert(bytes <= First.Length, "Only what First showed can be consumed.");
        _readOffset += bytes;
        Count -= bytes;
        byte[] block = _blocks!.Peek();
        int end = block == _last ? _lastBytes : BufferPool.BlockBytes;
        if (_readOffset < end)
        {
            return;
        }

        _blocks.Dequeue();
        Return(block, pool);
        _readOffset = 0;
        if (block == _last)
        {
            _last = null;
            _lastBytes = 0;
        }
    }

    /// <summary>Gives every block back.</summary>
    public void Clear(BufferPool pool)
    {
        while (_blocks is not null && _blocks.TryDequeue(out byte[]? block))
        {
            Return(block, pool);
        }

        this = new HeldBytes(budget);
    }

    private readonly void Return(byte[] block, BufferPool pool)
    {
        pool.Return(block);
        budget?.GiveBackBlock();
    }
}
