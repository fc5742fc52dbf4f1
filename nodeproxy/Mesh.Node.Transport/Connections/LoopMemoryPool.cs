using System.Buffers;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>Lends blocks of the loop's <see cref="BufferPool"/> to pipes, in the shape they ask for. One loop's; no locks.</summary>
internal sealed class LoopMemoryPool(EventLoop loop) : MemoryPool<byte>
{
    // As many as blocks were ever lent at once; each is a few words.
    private readonly Stack<Lease> _free = new();

    public override int MaxBufferSize => BufferPool.BlockBytes;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        loop.AssertOnThread();
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BufferPool.BlockBytes);
        Lease lease = _free.TryPop(out Lease? free) ? free : new Lease(this);
        lease.Begin(loop.Buffers.Rent());
        return lease;
    }

    protected override void Dispose(bool disposing)
    {
        // Blocks belong to the loop, and go with it.
    }

    private void Return(Lease lease, byte[] block)
    {
        loop.AssertOnThread();
        loop.Buffers.Return(block);
        _free.Push(lease);
    }

    private sealed class Lease(LoopMemoryPool pool) : IMemoryOwner<byte>
    {
        private byte[]? _block;

        public Memory<byte> Memory => _block;

        public void Begin(byte[] block) => _block = block;

        public void Dispose()
        {
            if (_block is byte[] block)
            {
                _block = null;
                pool.Return(this, block);
            }
        }
    }
}
