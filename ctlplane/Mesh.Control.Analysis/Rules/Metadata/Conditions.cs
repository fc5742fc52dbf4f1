using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.Metadata;

/// <summary>IST0171: what a controller has written into the status of an object is good.</summary>
internal sealed class Conditions : IRule
{
    private static readonly string[] s_groups =
        ["networking.istio.io", "security.istio.io", "telemetry.istio.io", "gateway.networking.k8s.io"];

    /// <summary>Conditions whose falseness is bad news; others are false when all is well.</summary>
    private static readonly string[] s_wanted = ["Accepted", "Programmed", "ResolvedRefs", "Reconciled", "WaypointBound", "Ready"];

    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from entry in mesh.Subjects(mesh.All)
        where s_groups.Contains(entry.Source.Key.Group)
        from condition in ConditionsOf(entry.Root["status"])
        where condition["status"].Text == "False" && s_wanted.Contains(condition["type"].Text)
        select DiagnosticCodes.NegativeCondition.At(
            entry,
            condition,
            $"Its status has a condition that is not met: {condition["type"].Text} is False"
                + (condition["message"].Text is { Length: > 0 } message ? $" ({message})." : "."));

    private static IEnumerable<Field> ConditionsOf(Field status) => status["conditions"].Items
        .Concat(status["parents"].Items.SelectMany(parent => parent["conditions"].Items))
        .Concat(status["listeners"].Items.SelectMany(listener => listener["conditions"].Items));
}
