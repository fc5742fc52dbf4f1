using System.Collections.Immutable;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Kubernetes;

/// <summary>A selector of Kubernetes: every label and every requirement must hold. Empty, it selects everything.</summary>
internal sealed record LabelSelector(Labels MatchLabels, ImmutableArray<LabelRequirement> Requirements)
{
    public static LabelSelector Everything { get; } = new(Labels.Empty, []);

    public bool Selects(Labels labels) => labels.Satisfy(MatchLabels) && Requirements.All(requirement => requirement.Holds(labels));
}

internal enum LabelOperator
{
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// <param name="Key">The label.</param>
/// <param name="Operator">How it is compared.</param>
/// <param name="Values">What it is compared with; empty for the last two operators.</param>
internal sealed record LabelRequirement(string Key, LabelOperator Operator, ImmutableArray<string> Values)
{
    public bool Holds(Labels labels)
    {
        string? value = labels.Find(Key);
        return Operator switch
        {
            LabelOperator.In => value is not null && Values.Contains(value),
            LabelOperator.NotIn => value is null || !Values.Contains(value),
            LabelOperator.Exists => value is not null,
            _ => value is null,
        };
    }
}
