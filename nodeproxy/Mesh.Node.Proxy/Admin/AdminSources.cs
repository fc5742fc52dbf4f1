using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Node.Proxy.Explain;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Admin;

/// <summary>What the admin pages show. They read; the log's level is all they change.</summary>
public sealed class AdminSources
{
    /// <summary>Metrics, open connections, loops, the log's level.</summary>
    public required NodeTelemetry Telemetry { get; init; }

    /// <summary>The snapshot in force.</summary>
    public required IConfigurationReader Configuration { get; init; }

    /// <summary>What must be done before the node takes traffic, in the order a reader should look at it.</summary>
    public required IReadOnlyList<IReadinessPart> Readiness { get; init; }

    /// <summary>Describes the certificates of this node's workloads; there is no way to a key through it. Any thread.</summary>
    public required Func<IReadOnlyList<CertificateStatus>> Certificates { get; init; }

    /// <summary>The tunnels to other nodes.</summary>
    public required ITunnelLister Tunnels { get; init; }

    /// <summary>The destinations requests are sent to.</summary>
    public required IDestinationLister Destinations { get; init; }

    /// <summary>What came of limits on requests.</summary>
    public required IRateLimitLister RateLimits { get; init; }

    /// <summary>Says what would become of a request.</summary>
    public required IRequestExplainer Explainer { get; init; }

    /// <summary>The pods whose traffic this process carries.</summary>
    public required IPodLister Pods { get; init; }

    /// <summary>The node's configuration file as it was read, JSON. Holds no secret: files that do are named in it, not quoted.</summary>
    public required Func<string> NodeConfigurationJson { get; init; }

    /// <summary>What is wrong with the configuration file as it is now; null while it is in force.</summary>
    public Func<string?> NodeConfigurationProblem { get; init; } = () => null;
}

/// <summary>Something the node must have done before it is ready.</summary>
public interface IReadinessPart
{
    /// <summary>A few words for the list.</summary>
    string Name { get; }

    /// <summary>What it still waits for, or null when it is ready. Any thread; must not wait.</summary>
    string? Pending { get; }
}

/// <summary>The pooled HBONE connections to other nodes.</summary>
public interface ITunnelLister
{
    /// <summary>All of them, of all loops. Any thread.</summary>
    IReadOnlyList<TunnelStatus> List();
}

/// <summary>What is known of one tunnel.</summary>
/// <param name="SourceIdentity">Whose tunnel it is.</param>
/// <param name="SourceAddress">The address of the pod it comes from; null where the kernel chose.</param>
/// <param name="DestinationIdentity">Whom it reaches.</param>
/// <param name="Address">Where its connection goes.</param>
/// <param name="Streams">Connections it carries now.</param>
/// <param name="StreamsMax">Connections it may carry.</param>
/// <param name="State">A word: connecting, open, draining.</param>
public sealed record TunnelStatus(
    string SourceIdentity, string? SourceAddress, string DestinationIdentity, string Address, int Streams, int StreamsMax, string State);

/// <summary>The pods whose traffic this process carries.</summary>
public interface IPodLister
{
    /// <summary>All of them. Any thread.</summary>
    IReadOnlyList<PodStatus> List();
}

/// <summary>What is known of one pod of this node.</summary>
/// <param name="Uid">The pod's.</param>
/// <param name="Name">The pod's.</param>
/// <param name="Namespace">The pod's.</param>
/// <param name="ServiceAccount">The pod's.</param>
/// <param name="State">"Up", "Pending: " and what for, or "Draining".</param>
public sealed record PodStatus(string Uid, string Name, string Namespace, string ServiceAccount, string State);
