namespace Mesh.Node.Transport.EventLoops;

/// <summary>The limits one loop works within.</summary>
public sealed class EventLoopOptions
{
    /// <summary>
    /// Descriptors reported by one wait. Larger batches delay the end of the turn, smaller ones cost more calls. 16 to 4096.
    /// </summary>
    public int EventsPerWaitMax { get; init; } = 256;

    /// <summary>Handed-over pieces of work run in one turn; the rest waits for the next, so sockets are never starved.</summary>
    public int PostedWorkPerTurnMax { get; init; } = 256;

    /// <summary>
    /// Time a turn takes for what is ready, and again for handed-over work, before the loop looks anew at what has become ready: what a
    /// workload with little to do waits for others at most, and the piece of work that was running when the time was over. Half of it is
    /// the part of one share (see <see cref="ShareOrder"/>). Shorter turns cost more looks: one is about 1 µs.
    /// </summary>
    public TimeSpan TurnLimit { get; init; } = TimeSpan.FromMicroseconds(250);

    /// <summary>TLS handshakes begun and not finished on this loop; further ones wait in the listener's queue.</summary>
    public int HandshakesMax { get; init; } = 512;

    /// <summary>
    /// Steps of TLS handshakes taken in one turn; the rest waits for the next. A step is a signature or the check of one, a few tenths of a
    /// millisecond, so this bounds what a storm of handshakes adds to the turn of everybody else: a further one is begun only when what has
    /// become ready meanwhile has been looked at.
    /// </summary>
    public int HandshakeStepsPerTurnMax { get; init; } = 2;

    /// <summary>
    /// A loop that completes no turn for this long while work waits for it ends the process (see <see cref="LoopWatchdog"/>).
    /// </summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Bytes of pooled buffers this loop keeps for reuse; more are given back to the garbage collector.</summary>
    public int PooledBytesMax { get; init; } = 8 << 20;

    /// <summary>
    /// Pipes of <see cref="Buffers.PipePool.PipeBytes"/> that connections of this loop may hold at once, which bounds what stalled readers
    /// pin in the kernel. 0 forbids splicing.
    /// </summary>
    public int PipesMax { get; init; } = 64;
}
