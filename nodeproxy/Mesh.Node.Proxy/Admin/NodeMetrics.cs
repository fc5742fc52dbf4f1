using Mesh.Node.Model;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Metrics of what the node knows and holds, read from the same sources as the admin pages.</summary>
public static class NodeMetrics
{
    /// <summary>Registers them.</summary>
    public static void Register(AdminSources sources)
    {
        ArgumentNullException.ThrowIfNull(sources);
        MetricRegistry registry = sources.Telemetry.Metrics;
        AddSnapshotGauge("mesh_configuration_complete", "1 once everything needed has arrived.", snapshot => snapshot.IsComplete ? 1 : 0);
        AddSnapshotGauge("mesh_workloads", "Workloads of the mesh.", snapshot => snapshot.WorkloadCount);
        AddSnapshotGauge("mesh_services", "Services of the mesh.", snapshot => snapshot.Services.Count());
        AddSnapshotGauge("mesh_policies", "Authorization policies of the mesh.", snapshot => snapshot.Policies.Count);
        registry.AddGauge(
            "mesh_node_configuration_valid",
            "1 while the node's configuration file is in force, 0 while it has a mistake and the last good one is.",
            () => sources.NodeConfigurationProblem() is null ? 1 : 0);
        registry.AddGauge("mesh_pods", "Pods of this node that are served.", () => sources.Pods.List().Count);
        registry.Add(new TunnelFamily(sources.Tunnels));
        registry.AddGauge(
            "mesh_tunnel_streams",
            "Connections carried by tunnels to other nodes.",
            () => sources.Tunnels.List().Sum(tunnel => tunnel.Streams));
        DestinationMetrics.AddTo(registry, sources.Destinations);
        registry.Add(new RateLimitFamily(sources.RateLimits));
        registry.Add(new CertificateFamily(sources.Certificates));
        registry.Add(new ExpiryFamily(sources.Certificates));

        void AddSnapshotGauge(string name, string help, Func<MeshSnapshot, double> read) =>
            registry.AddGauge(name, help, () => read(sources.Configuration.Current));
    }

    private sealed class TunnelFamily(ITunnelLister tunnels)
        : MetricFamily("mesh_tunnels", MetricType.Gauge, "Tunnels to other nodes, by state.")
    {
        public override IEnumerable<Sample> Collect() => tunnels.List()
            .GroupBy(tunnel => tunnel.State)
            .Select(group => new Sample(LabelSet.Of(("state", group.Key)), group.Count()));
    }

    private sealed class CertificateFamily(Func<IReadOnlyList<CertificateStatus>> certificates)
        : MetricFamily("mesh_certificates", MetricType.Gauge, "Identities of this node's workloads, by the state of their certificate.")
    {
        public override IEnumerable<Sample> Collect()
        {
            IReadOnlyList<CertificateStatus> all = certificates();
            return Enum.GetValues<CertificateState>().Select(state => new Sample(
                LabelSet.Of(("state", CertificateDump.Word(state))), all.Count(certificate => certificate.State == state)));
        }
    }

    /// <summary>The moment to watch: no sample while there is no certificate.</summary>
    private sealed class ExpiryFamily(Func<IReadOnlyList<CertificateStatus>> certificates) : MetricFamily(
        "mesh_certificate_first_expiry_seconds", MetricType.Gauge, "When the first certificate in force expires, since 1970.")
    {
        public override IEnumerable<Sample> Collect() => certificates()
            .Where(certificate => !certificate.Chain.IsEmpty)
            .Select(certificate => certificate.Chain[0].NotAfter)
            .Order()
            .Take(1)
            .Select(first => new Sample(LabelSet.Empty, first.ToUnixTimeSeconds()));
    }
}
