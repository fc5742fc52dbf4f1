namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>What limits and expiry look at in the key of an istio series.</summary>
internal interface ISeriesKey
{
    /// <summary>The client's workload.</summary>
    WorkloadLabels Source { get; }

    /// <summary>The server's workload.</summary>
    WorkloadLabels Destination { get; }

    /// <summary>The service that was asked for.</summary>
    ServiceLabels Service { get; }

    /// <summary>The workload of this node that the series is about: whose limit it counts against.</summary>
    WorkloadLabels Local { get; }
}
