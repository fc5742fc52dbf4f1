namespace Mesh.Node.Transport.Buffers;

/// <summary>
/// Blocks for bytes that must wait: taken when a write is refused, given back when they have gone out. One loop's; no locks.
/// </summary>
/// <remarks>An idle connection holds none, so memory follows what is stalled and not what is connected.</remarks>
public sealed class BufferPool(int pooledBytesMax)
{
    /// <summary>Bytes of one block: what one TLS record carries, and small enough to stay in cache.</summary>
    public const int BlockBytes = 16 * 1024;

    private readonly Stack<byte[]> _free = new();

    /// <summary>Blocks handed out and not returned. Written by the loop thread, read by any.</summary>
    public int OutstandingBlocks { get; private set; }

    /// <summary>A block of <see cref="BlockBytes"/>; its content is whatever it held before.</summary>
    public byte[] Rent()
    {
        OutstandingBlocks++;
        return _free.TryPop(out byte[]? block) ? block : GC.AllocateUninitializedArray<byte>(BlockBytes);
    }

    /// <summary>Gives a block back. It must not be touched afterwards.</summary>
    public void Return(byte[] block)
    {
        OutstandingBlocks--;
        if ((long)_free.Count * BlockBytes < pooledBytesMax)
        {
            _free.Push(block);
        }
    }
}
