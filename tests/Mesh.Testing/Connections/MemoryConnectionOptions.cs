namespace Mesh.Testing.Connections;

/// <summary>What a pair of connections in memory is held to; the meanings are those of the real transport.</summary>
public sealed record MemoryConnectionOptions
{
    /// <summary>Whose time counts: a fake one, where a test is about time.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Time without a byte in either direction after which both ends are reset; infinite for none.</summary>
    public TimeSpan IdleLimit { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>Time a connection that the application let go has to deliver what was written.</summary>
    public TimeSpan DrainLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Bytes one pipe holds before its writer waits; each way has two.</summary>
    public int BytesMax { get; init; } = 64 * 1024;
}
