using Mesh.Node.Transport.Buffers;

namespace Mesh.Node.Transport.Relay;

/// <summary>How a relay came to its end.</summary>
public enum RelayEnd
{
    /// <summary>Both sides finished sending and everything was delivered.</summary>
    Completed,

    /// <summary>The client's connection broke; the upstream was reset.</summary>
    ClientBroken,

    /// <summary>The upstream's connection broke; the client was reset.</summary>
    UpstreamBroken,

    /// <summary>The client stopped acknowledging (TCP user time-out or keep-alive); the upstream was reset.</summary>
    ClientUnresponsive,

    /// <summary>The upstream stopped acknowledging (TCP user time-out or keep-alive); the client was reset.</summary>
    UpstreamUnresponsive,

    /// <summary>Nothing moved either way for the idle limit; both were reset.</summary>
    IdleTimeout,

    /// <summary>One direction had ended and nothing moved the other way for the half-open limit; both were reset.</summary>
    HalfOpenTimeout,

    /// <summary>What one side did not take was more than the budget of the workload or the node lets be held; both were reset.</summary>
    BufferLimit,

    /// <summary>The owner ended it; both were reset.</summary>
    Aborted,
}

/// <summary>Learns, once, that a relay has ended. Both sides are closed by then.</summary>
public interface IRelayOwner
{
    /// <summary>Runs on the loop thread.</summary>
    void OnRelayEnded(RelayEnd end);
}

/// <summary>Counts what a relay has delivered. Called on the loop thread, for each chunk.</summary>
public interface IRelayMeter
{
    /// <summary>Bytes from client to upstream.</summary>
    void AddSent(long bytes);

    /// <summary>Bytes from upstream to client.</summary>
    void AddReceived(long bytes);
}

/// <summary>What every relay is held to.</summary>
/// <param name="IdleLimit">Time without a byte in either direction after which both sides are reset.</param>
public sealed record RelayLimits(TimeSpan IdleLimit)
{
    /// <summary>Bytes one direction moves in one turn before the other connections of the loop get theirs.</summary>
    public int BytesPerTurnMax { get; init; } = 512 * 1024;

    /// <summary>Reads of one direction in one turn, however small: a source may hold thousands of records of a few bytes.</summary>
    public int ReadsPerTurnMax { get; init; } = 64;

    /// <summary>The workload's share of the pipes that large streams go through; null leaves only the loop's own limit.</summary>
    public PipeBudget? Pipes { get; init; }

    /// <summary>The workload's share of the bytes that may be held for peers that do not take them; null for no limit.</summary>
    public BufferBudget? Buffers { get; init; }

    /// <summary>As <see cref="IdleLimit"/>, once one direction has ended; null for the same.</summary>
    public TimeSpan? HalfOpenLimit { get; init; }

    /// <summary>What silence is measured against.</summary>
    public TimeSpan LimitOf(bool isHalfOpen) => isHalfOpen && HalfOpenLimit is TimeSpan limit && limit < IdleLimit ? limit : IdleLimit;
}
