namespace Mesh.Node.Transport.Connections;

/// <summary>What every connection of the seam is held to.</summary>
public sealed record ConnectionOptions
{
    /// <summary>Time without a byte in either direction after which the connection is reset; infinite for none.</summary>
    public TimeSpan IdleLimit { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time a connection that the application let go has to deliver what was written.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Bytes that have arrived and not been consumed from which on nothing more is read. One read may go over by
    /// <see cref="EventLoops.EventLoop.ScratchBytes"/>.
    /// </summary>
    public int InputBytesMax { get; init; } = 64 * 1024;

    /// <summary>Bytes written and not taken by the peer from which on a flush waits.</summary>
    public int OutputBytesMax { get; init; } = 64 * 1024;

    /// <summary>Bytes one direction moves in one turn before the other connections of the loop get theirs.</summary>
    public int BytesPerTurnMax { get; init; } = 256 * 1024;

    /// <summary>Reads, and writes, of one connection in one turn, however small.</summary>
    public int CallsPerTurnMax { get; init; } = 64;
}
