using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Kubernetes;

/// <summary>
/// Reads of a NetworkPolicy (networking.k8s.io) whom it selects and in which directions. Its rules are the network plug-in's business.
/// What cannot be read selects everybody in both directions: traffic then takes the way on which the plug-in sees it.
/// </summary>
internal static class NetworkPolicyReader
{
    private static readonly string[] s_specFields = ["egress", "ingress", "podSelector", "policyTypes"];
    private static readonly string[] s_selectorFields = ["matchExpressions", "matchLabels"];

    public static NetworkPolicySpec Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "A NetworkPolicy needs a spec.");
            return new NetworkPolicySpec(source.Key.Namespace, LabelSelector.Everything, IsIngress: true, IsEgress: true);
        }

        spec.WarnUnknown(s_specFields);
        LabelSelector selector = ReadSelector(spec);
        (bool isIngress, bool isEgress) = ReadTypes(spec);
        return diagnostics.HasErrors
            ? new NetworkPolicySpec(source.Key.Namespace, LabelSelector.Everything, IsIngress: true, IsEgress: true)
            : new NetworkPolicySpec(source.Key.Namespace, selector, isIngress, isEgress);
    }

    /// <summary>Where no type is written, ingress is one and egress is one when there are rules for it.</summary>
    private static (bool IsIngress, bool IsEgress) ReadTypes(FieldReader spec)
    {
        List<TextItem> types = spec.Texts("policyTypes");
        foreach (TextItem type in types.Where(type => type.Text is not ("Ingress" or "Egress")))
        {
            spec.Diagnostics.Error(type.Path, type.Position, $"'{type.Text}' is not a policy type.", "Write Ingress or Egress.");
        }

        return types.Count == 0
            ? (true, spec.Has("egress"))
            : (types.Exists(type => type.Text == "Ingress"), types.Exists(type => type.Text == "Egress"));
    }

    private static LabelSelector ReadSelector(FieldReader spec)
    {
        if (spec.Section("podSelector") is not { } selector)
        {
            return LabelSelector.Everything;
        }

        foreach (string unknown in selector.UnknownKeys(s_selectorFields))
        {
            selector.Error(unknown, "A selector has matchLabels and matchExpressions.", "Check the spelling.");
        }

        return new LabelSelector(
            selector.TextMap("matchLabels"),
            [.. selector.Sections("matchExpressions").Select(ReadRequirement).OfType<LabelRequirement>()]);
    }

    private static LabelRequirement? ReadRequirement(FieldReader expression)
    {
        string? key = expression.RequiredText("key");
        string? written = expression.RequiredText("operator");
        ImmutableArray<string> values = [.. expression.Texts("values").Select(value => value.Text)];
        if (key is null || written is null)
        {
            return null;
        }

        if (!Enum.TryParse(written, out LabelOperator comparison) || !Enum.IsDefined(comparison) || !char.IsLetter(written[0]))
        {
            expression.Error("operator", $"'{written}' is not an operator.", "Write In, NotIn, Exists or DoesNotExist.");
            return null;
        }

        if ((comparison is LabelOperator.In or LabelOperator.NotIn) == values.IsEmpty)
        {
            expression.Error("values", "In and NotIn need values, Exists and DoesNotExist have none.");
            return null;
        }

        return new LabelRequirement(key, comparison, values);
    }
}
