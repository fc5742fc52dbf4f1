using System.Collections.Immutable;

namespace Mesh.Control.Model.Traffic;

/// <summary>Conditions that must all hold. Immutable.</summary>
public sealed record RouteMatch
{
    public PathCondition? Path { get; init; }

    public TextCondition? Method { get; init; }

    public TextCondition? Scheme { get; init; }

    public TextCondition? Authority { get; init; }

    public ImmutableArray<HeaderCondition> Headers { get; init; } = [];

    public ImmutableArray<QueryCondition> Query { get; init; } = [];

    public SourceCondition? Source { get; init; }
}

public enum PathConditionKind
{
    Exact,

    /// <summary>The beginning, as a string.</summary>
    Prefix,

    /// <summary>The beginning, by whole segments.</summary>
    Segments,

    /// <summary>A regular expression that matches all of it.</summary>
    Pattern,
}

public sealed record PathCondition(PathConditionKind Kind, string Text, bool IgnoresCase = false);

public enum TextConditionKind
{
    Exact,
    Prefix,

    /// <summary>A regular expression that matches all of it.</summary>
    Pattern,

    /// <summary>Any text, if there is one.</summary>
    Present,
}

public sealed record TextCondition(TextConditionKind Kind, string Text)
{
    public static TextCondition Present { get; } = new(TextConditionKind.Present, string.Empty);
}

/// <param name="Name">Its case means nothing.</param>
/// <param name="Value">What the value must be.</param>
/// <param name="IsInverted">The condition holds where it is not so.</param>
public sealed record HeaderCondition(string Name, TextCondition Value, bool IsInverted = false);

public sealed record QueryCondition(string Name, TextCondition Value);

/// <summary>Who asks; both must hold where both are there.</summary>
/// <param name="Namespace">Null for any.</param>
/// <param name="WorkloadUids">Null for any; empty for nobody.</param>
public sealed record SourceCondition(string? Namespace, ImmutableArray<string>? WorkloadUids);
