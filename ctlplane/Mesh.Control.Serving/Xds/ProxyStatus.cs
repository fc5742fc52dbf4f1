using System.Collections.Immutable;

namespace Mesh.Control.Serving.Xds;

/// <summary>One discovery stream, for people to look at.</summary>
public sealed record ProxyStatus
{
    public required string Node { get; init; }

    /// <summary>What the client calls itself.</summary>
    public required string NodeId { get; init; }

    public required string Address { get; init; }

    public required DateTimeOffset ConnectedAt { get; init; }

    /// <summary>Id of the join token it came with; no secret.</summary>
    public required string TokenId { get; init; }

    public required ImmutableArray<TypeStatus> Types { get; init; }

    /// <summary>Types it asked for that are not served here; it was not answered.</summary>
    public required ImmutableArray<string> UnsupportedTypes { get; init; }

    /// <summary>Whether it has confirmed everything that was sent and refuses nothing.</summary>
    public bool IsCurrent => Types.All(
        type => type.Rejected is null && type.Unanswered == 0 && type.AcknowledgedGeneration == type.SentGeneration);

    /// <summary>Since when a response has been waiting for an answer; null when none is.</summary>
    public DateTimeOffset? UnansweredSince => Types.Min(type => type.UnansweredSince);
}

/// <summary>One type on one stream. A generation is a snapshot of that type; 0 means none.</summary>
public sealed record TypeStatus
{
    public required string TypeUrl { get; init; }

    public bool IsWildcard { get; init; }

    public int SubscribedNames { get; init; }

    public long SentGeneration { get; init; }

    public DateTimeOffset? SentAt { get; init; }

    /// <summary>Resources and removals in the last response.</summary>
    public int SentResources { get; init; }

    /// <summary>The last generation the client said it took over.</summary>
    public long AcknowledgedGeneration { get; init; }

    public DateTimeOffset? AcknowledgedAt { get; init; }

    /// <summary>Responses without an answer so far.</summary>
    public int Unanswered { get; init; }

    /// <summary>When the oldest of them was sent.</summary>
    public DateTimeOffset? UnansweredSince { get; init; }

    /// <summary>Set from a refusal until everything in it has been taken in another version, or is gone.</summary>
    public RejectionStatus? Rejected { get; init; }
}

/// <param name="Generation">What was refused.</param>
/// <param name="At">When.</param>
/// <param name="Reason">In the client's words.</param>
/// <param name="Resources">What is refused still; the first few.</param>
public sealed record RejectionStatus(long Generation, DateTimeOffset At, string Reason, ImmutableArray<string> Resources);
