using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What a workload is to istio's metrics: all pods of one deployment have the same labels. Default: unknown.</summary>
internal readonly record struct WorkloadLabels(
    string? Workload,
    string? Namespace,
    string? CanonicalService,
    string? CanonicalRevision,
    string? Cluster,
    string? Region,
    string? Zone)
{
    /// <summary>The labels of <paramref name="workload"/>; unknown for null.</summary>
    /// <param name="workload">Any workload.</param>
    /// <param name="withLocality">Whether region and zone are labels; without, they must not tell series apart.</param>
    public static WorkloadLabels Of(Workload? workload, bool withLocality) => workload is null
        ? default
        : new WorkloadLabels(
            workload.ControllerName,
            workload.Namespace,
            workload.CanonicalName,
            workload.CanonicalRevision,
            workload.ClusterId,
            withLocality ? workload.Locality.Region : null,
            withLocality ? workload.Locality.Zone : null);
}

/// <summary>What a service is to istio's metrics. Default: unknown.</summary>
internal readonly record struct ServiceLabels(string? Hostname, string? Namespace, string? Name)
{
    /// <summary>Where requests go whose destination nothing in the mesh owns; the host they ask for is the client's to choose.</summary>
    public static ServiceLabels Passthrough { get; } = new(null, null, "PassthroughCluster");

    /// <summary>Where nobody goes who may go only to what the mesh knows, and asks for something else.</summary>
    public static ServiceLabels Blocked { get; } = new(null, null, "BlackHoleCluster");

    /// <summary>The labels of <paramref name="service"/>; unknown for null, but for what is passed through or goes nowhere.</summary>
    public static ServiceLabels Of(Service? service, ConnectionPath path = ConnectionPath.Outbound) => (service, path) switch
    {
        (null, ConnectionPath.Passthrough) => Passthrough,
        (null, ConnectionPath.Blocked) => Blocked,
        (null, _) => default,
        _ => new ServiceLabels(service.Hostname, service.Namespace, service.Name),
    };
}

/// <summary>Who spoke to whom and how, as one reporter sees it: what istio series of every protocol have in common.</summary>
internal readonly record struct PartiesKey(
    bool IsSourceReporter,
    WorkloadLabels Source,
    string? SourcePrincipal,
    WorkloadLabels Destination,
    string? DestinationPrincipal,
    ServiceLabels Service,
    bool IsMutualTls) : ISeriesKey
{
    /// <summary>The workload of this node that the series is about: whose limit it counts against.</summary>
    public WorkloadLabels Local => IsSourceReporter ? Source : Destination;

    /// <summary>The key of <paramref name="record"/> as one of the two reporters sees it.</summary>
    public static PartiesKey Of(ConnectionRecord record, bool isSourceReporter, bool withLocality) => new(
        isSourceReporter,
        WorkloadLabels.Of(record.Source, withLocality),
        record.SourceIdentity?.ToString(),
        WorkloadLabels.Of(record.DestinationWorkload, withLocality),
        record.DestinationIdentity?.ToString(),
        ServiceLabels.Of(record.Service, record.Path),
        record.IsMutualTls);
}
