using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>A workload as the baggage header tells it.</summary>
internal static class WorkloadBaggage
{
    public static Baggage For(Workload workload) => new()
    {
        Cluster = NullIfEmpty(workload.ClusterId),
        Namespace = workload.Namespace,
        WorkloadKind = workload.Type switch
        {
            WorkloadType.CronJob => BaggageWorkloadKind.CronJob,
            WorkloadType.Job => BaggageWorkloadKind.Job,
            WorkloadType.Pod => BaggageWorkloadKind.Pod,
            _ => BaggageWorkloadKind.Deployment,
        },
        WorkloadName = NullIfEmpty(workload.ControllerName) ?? workload.Name,
        ServiceName = NullIfEmpty(workload.CanonicalName),
        ServiceVersion = NullIfEmpty(workload.CanonicalRevision),
        Region = NullIfEmpty(workload.Locality.Region),
        Zone = NullIfEmpty(workload.Locality.Zone),
    };

    private static string? NullIfEmpty(string text) => text.Length == 0 ? null : text;
}
