using System.Net;
using Mesh.Node.Capture.Handover;

namespace Mesh.Node.Capture.Pods;

/// <summary>A pod to be captured, as a source names it. Checked; immutable.</summary>
public sealed class PodSpec
{
    /// <summary>By which it is known until it ends.</summary>
    public required string Uid { get; init; }

    /// <summary>Pod name.</summary>
    public required string Name { get; init; }

    /// <summary>Kubernetes namespace.</summary>
    public required string Namespace { get; init; }

    /// <summary>Service account.</summary>
    public required string ServiceAccount { get; init; }

    /// <summary>Absolute path of its network namespace.</summary>
    public required string NetworkNamespace { get; init; }

    /// <summary>Its addresses, as far as the source knows them.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>All its annotations.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>Its health probes.</summary>
    public IReadOnlyList<PodProbe> Probes { get; init; } = [];

    /// <summary>Namespace and name, for messages.</summary>
    public string DisplayName => $"{Namespace}/{Name}";

    /// <summary>Whether another says the same: sources read files again and again.</summary>
    public bool Says(PodSpec other) =>
        (Uid, Name, Namespace, ServiceAccount, NetworkNamespace)
            == (other.Uid, other.Name, other.Namespace, other.ServiceAccount, other.NetworkNamespace)
        && Addresses.SequenceEqual(other.Addresses)
        && Probes.SequenceEqual(other.Probes)
        && Annotations.Count == other.Annotations.Count
        && Annotations.All(entry => other.Annotations.TryGetValue(entry.Key, out string? value) && value == entry.Value);
}
