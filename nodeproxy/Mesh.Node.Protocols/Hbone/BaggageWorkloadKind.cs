namespace Mesh.Node.Protocols.Hbone;

/// <summary>What kind of object a workload belongs to.</summary>
public enum BaggageWorkloadKind
{
    Pod,
    Deployment,
    CronJob,
    Job,
}
