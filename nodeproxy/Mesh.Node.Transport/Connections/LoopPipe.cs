using System.IO.Pipelines;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Transport.Connections;

/// <summary>A pipe that lives on a loop: with its memory, and resuming whoever waits in place.</summary>
/// <remarks>
/// What <see cref="Pipe"/> is, for one thread, and therefore without its locks. Both ends are used on the loop. Beyond
/// <see cref="EventLoop.InlineDepthMax"/> whoever waits runs in the next turn.
/// </remarks>
public sealed class LoopPipe
{
    private readonly LoopPipeReader _reader;
    private readonly LoopPipeWriter _writer;

    private LoopPipe(EventLoop loop, int bytesMax)
    {
        var bytes = new PipeBytes(loop.PipeBlocks);
        _reader = new LoopPipeReader(loop, bytes);
        _writer = new LoopPipeWriter(loop, bytes, bytesMax);
        _reader.Writer = _writer;
        _writer.Reader = _reader;
    }

    /// <summary>Where bytes come out.</summary>
    public PipeReader Reader => _reader;

    /// <summary>Where bytes go in.</summary>
    public PipeWriter Writer => _writer;

    /// <summary>What the writer gave last to be written into is not used: an empty pipe holds nothing any more.</summary>
    internal void LetGoOfRoom() => _writer.LetGoOfRoom();

    /// <summary>A pipe of a loop. Loop thread.</summary>
    /// <param name="loop">Where both ends are used.</param>
    /// <param name="bytesMax">
    /// What may be in it unexamined before a flush waits until there is less than half of that; 0 where something else bounds it.
    /// </param>
    public static LoopPipe Create(EventLoop loop, int bytesMax)
    {
        ArgumentNullException.ThrowIfNull(loop);
        loop.AssertOnThread();
        return new LoopPipe(loop, bytesMax);
    }
}
