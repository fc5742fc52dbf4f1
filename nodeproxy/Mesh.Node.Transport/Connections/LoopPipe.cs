using System.IO.Pipelines;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>Makes pipes that live on a loop: with its memory, and resuming whoever waits in place.</summary>
public static class LoopPipe
{
    /// <summary>A pipe of a loop. Loop thread.</summary>
    /// <param name="loop">Where both ends are used.</param>
    /// <param name="bytesMax">What may be in it before a flush waits; 0 where something else bounds it.</param>
    public static Pipe Create(EventLoop loop, int bytesMax)
    {
        ArgumentNullException.ThrowIfNull(loop);
        loop.AssertOnThread();
        return new Pipe(new PipeOptions(
            loop.PipeMemory,
            readerScheduler: loop.PipeScheduler,
            writerScheduler: loop.PipeScheduler,
            pauseWriterThreshold: bytesMax,
            resumeWriterThreshold: bytesMax / 2,
            minimumSegmentSize: BufferPool.BlockBytes,
            useSynchronizationContext: false));
    }
}
