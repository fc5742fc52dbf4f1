namespace Mesh.Node.Capture.Agent;

/// <summary>What the agent says of one pod. Immutable.</summary>
public sealed record PodReport
{
    /// <summary>By which it is known.</summary>
    public required string Uid { get; init; }

    /// <summary>Namespace and name.</summary>
    public required string Pod { get; init; }

    /// <summary>How far it is.</summary>
    public required PodCondition Condition { get; init; }

    /// <summary>How its connections reach the proxy.</summary>
    public CaptureMode Mode { get; init; }

    /// <summary>What is wrong now; empty when nothing is.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>What was found different at the last repair; empty before the first.</summary>
    public IReadOnlyList<string> LastDrift { get; init; } = [];

    /// <summary>How often its rules were found different and made right.</summary>
    public int Repairs { get; init; }

    /// <summary>When the rules were last read back and found right; null before the first time.</summary>
    public DateTimeOffset? VerifiedAt { get; init; }
}
