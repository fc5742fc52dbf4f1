using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Rules.Scopes;

/// <summary>The workloads that objects of several kinds select.</summary>
internal static class Selectors
{
    /// <summary>The kinds with a selector of workloads, and where it stands.</summary>
    private static readonly (string Kind, string Selector, string Labels)[] s_all =
    [
        (Kinds.AuthorizationPolicy, "selector", "matchLabels"),
        (Kinds.PeerAuthentication, "selector", "matchLabels"),
        (Kinds.RequestAuthentication, "selector", "matchLabels"),
        (Kinds.Telemetry, "selector", "matchLabels"),
        (Kinds.Sidecar, "workloadSelector", "labels"),
        (Kinds.ServiceEntry, "workloadSelector", "labels"),
        (Kinds.DestinationRule, "workloadSelector", "matchLabels"),
    ];

    public static IEnumerable<(Entry Entry, Field Labels)> All(MeshInput mesh) =>
        from kind in s_all
        from entry in mesh.Subjects(mesh.Of(kind.Kind))
        let labels = entry.Spec[kind.Selector][kind.Labels]
        where labels.Exists && !labels.IsEmptyObject
        select (entry, labels);

    public static Field Of(Entry entry) => s_all.Where(kind => kind.Kind == Kinds.Of(entry.Source.Key))
        .Select(kind => entry.Spec[kind.Selector][kind.Labels])
        .First();

    /// <summary>Whether an object is for all workloads of its namespace.</summary>
    public static bool IsWhole(Entry entry) =>
        (!Of(entry).Exists || Of(entry).IsEmptyObject) && !entry.Spec["targetRefs"].Exists && !entry.Spec["targetRef"].Exists;

    public static IEnumerable<Workload> Select(MeshInput mesh, Entry entry, Labels labels) =>
        entry.Namespace == mesh.Options.RootNamespace && Kinds.Of(entry.Source.Key) != Kinds.ServiceEntry
            ? mesh.Workloads.SelectEverywhere(labels)
            : mesh.Workloads.Select(entry.Namespace, labels);

    public static string TextOf(Labels labels) =>
        string.Join(",", labels.Entries.ToArray().Select(label => $"{label.Key}={label.Value}"));
}

/// <summary>IST0127 and IST0166: what an object selects is there, and can be selected so.</summary>
internal sealed class SelectedWorkloads : IRule
{
    private const string GatewayLabel = "gateway.networking.k8s.io/gateway-name";

    public IEnumerable<Diagnostic> Find(MeshInput mesh)
    {
        foreach ((Entry entry, Field field) in Selectors.All(mesh))
        {
            Labels labels = field.ToLabels();
            List<Workload> selected = [.. Selectors.Select(mesh, entry, labels)];
            if (selected.Count == 0)
            {
                yield return DiagnosticCodes.SelectsNothing.At(
                    entry, field, $"No workload has the labels {Selectors.TextOf(labels)}.");
            }
            else if (Kinds.Of(entry.Source.Key) is Kinds.AuthorizationPolicy or Kinds.RequestAuthentication or Kinds.Telemetry
                && selected.Find(workload => workload.Labels.Find(GatewayLabel) is not null) is { } gateway)
            {
                yield return DiagnosticCodes.SelectorOfKubernetesGateway.At(
                    entry,
                    field,
                    $"A selector does not reach the Gateway {gateway.Namespace}/{gateway.Labels.Find(GatewayLabel)}: targetRefs does.");
            }
        }
    }
}
