using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>Workloads that are alike to every rule: the pods of one template, however many there are.</summary>
internal sealed class Workload
{
    /// <summary>The first of them.</summary>
    public required Entry Entry { get; init; }

    public required Labels Labels { get; init; }

    public required string ServiceAccount { get; init; }

    /// <summary>Name (or empty) and number of what the containers declare.</summary>
    public required IReadOnlyList<(string Name, int Number)> Ports { get; init; }

    public string Namespace => Entry.Namespace;

    /// <summary>Null for an object that is or makes no workload.</summary>
    public static Workload? Of(Entry entry) => Kinds.Of(entry.Source.Key) switch
    {
        Kinds.Pod => OfPod(entry, entry.Root),
        "batch/CronJob" => OfPod(entry, entry.Spec["jobTemplate"]["spec"]["template"]),
        Kinds.WorkloadEntry => OfEntry(entry, entry.Spec["labels"], entry.Spec["serviceAccount"]),
        Kinds.WorkloadGroup =>
            OfEntry(entry, entry.Spec["metadata"]["labels"], entry.Spec["template"]["serviceAccount"]),
        string kind when Kinds.PodMakers.Contains(kind) => OfPod(entry, entry.Spec["template"]),
        _ => null,
    };

    private static Workload OfPod(Entry entry, Field pod)
    {
        Field account = pod["spec"]["serviceAccountName"];
        return new Workload
        {
            Entry = entry,
            Labels = pod["metadata"]["labels"].ToLabels(),
            ServiceAccount = account.Text.Length > 0 ? account.Text : "default",
            Ports =
            [
                .. pod["spec"]["containers"].Items.Concat(pod["spec"]["initContainers"].Items)
                    .SelectMany(container => container["ports"].Items)
                    .Select(port => (port["name"].Text, port["containerPort"].Number ?? 0)),
            ],
        };
    }

    private static Workload OfEntry(Entry entry, Field labels, Field account) => new()
    {
        Entry = entry,
        Labels = labels.ToLabels(),
        ServiceAccount = account.Text.Length > 0 ? account.Text : "default",
        Ports = [],
    };
}
