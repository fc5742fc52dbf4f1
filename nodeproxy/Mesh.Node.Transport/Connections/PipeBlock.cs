using System.Buffers;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>One piece of what is in a <see cref="LoopPipe"/>. Reused.</summary>
internal sealed class PipeBlock : ReadOnlySequenceSegment<byte>
{
    /// <summary>Where the bytes are; empty while the block is free.</summary>
    public byte[] Bytes { get; private set; } = [];

    /// <summary>The block that follows; null for the last.</summary>
    public PipeBlock? Following => (PipeBlock?)Next;

    /// <summary>Where it begins among all that is in the pipe.</summary>
    public long Start => RunningIndex;

    /// <summary>Begins its use: nothing follows it, and all of it may be written.</summary>
    public void Begin(byte[] bytes)
    {
        Bytes = bytes;
        Memory = bytes;
        RunningIndex = 0;
    }

    /// <summary>Ends it after so many bytes, and goes on in another.</summary>
    public void Append(PipeBlock following, int bytes)
    {
        Memory = Bytes.AsMemory(0, bytes);
        following.RunningIndex = RunningIndex + bytes;
        Next = following;
    }

    /// <summary>Lets go of the bytes and of what follows.</summary>
    public byte[] End()
    {
        byte[] bytes = Bytes;
        Bytes = [];
        Memory = default;
        Next = null;
        return bytes;
    }
}

/// <summary>Lends blocks to the pipes of one loop. No locks.</summary>
internal sealed class PipeBlockPool(EventLoop loop)
{
    // As many as blocks were ever lent at once; each is a few words.
    private readonly Stack<PipeBlock> _free = new();

    /// <summary>A block of <see cref="BufferPool.BlockBytes"/>, or of more where something asks for it in one piece.</summary>
    public PipeBlock Rent(int bytesMin)
    {
        loop.AssertOnThread();
        PipeBlock block = _free.TryPop(out PipeBlock? free) ? free : new PipeBlock();
        block.Begin(bytesMin <= BufferPool.BlockBytes ? loop.Buffers.Rent() : ArrayPool<byte>.Shared.Rent(bytesMin));
        return block;
    }

    public void Return(PipeBlock block)
    {
        loop.AssertOnThread();
        byte[] bytes = block.End();
        if (bytes.Length == BufferPool.BlockBytes)
        {
            loop.Buffers.Return(bytes);
        }
        else
        {
            ArrayPool<byte>.Shared.Return(bytes);
        }

        _free.Push(block);
    }
}
