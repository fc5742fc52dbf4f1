using System.Net;
using Mesh.Interop.Linux;
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

    /// <summary>Absolute path of its network namespace; where <see cref="Network"/> finds it, what messages call it.</summary>
    public required string NetworkNamespace { get; init; }

    /// <summary>Finds its network namespace; null where <see cref="NetworkNamespace"/> is a path for as long as the pod lives.</summary>
    internal IPodNetwork? Network { get; init; }

    /// <summary>Differs when its sandbox or a container was made anew, so that its namespace is looked at again. May be empty.</summary>
    public string Incarnation { get; init; } = "";

    /// <summary>Its addresses, as far as the source knows them.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [];

    /// <summary>All its annotations.</summary>
    public IReadOnlyDictionary<string, string> Annotations { get; init; } = new Dictionary<string, string>();

    /// <summary>Its health probes.</summary>
    public IReadOnlyList<PodProbe> Probes { get; init; } = [];

    /// <summary>Namespace and name, for messages.</summary>
    public string DisplayName => $"{Namespace}/{Name}";

    /// <summary>Opens its network namespace as it is now. The caller owns it.</summary>
    /// <exception cref="PodNotStartedException">It has none yet.</exception>
    /// <exception cref="CaptureException">None is found, though it should have one.</exception>
    /// <exception cref="PosixException">It cannot be opened.</exception>
    internal NetNamespace OpenNetwork() => Network?.Open() ?? NetNamespace.OpenPath(NetworkNamespace);

    /// <summary>The same pod in the namespace that the runtime says.</summary>
    /// <param name="networkNamespace">Its absolute path.</param>
    /// <param name="addresses">The addresses it has, where the source knows none yet.</param>
    public PodSpec In(string networkNamespace, IReadOnlyList<IPAddress> addresses) => new()
    {
        Uid = Uid,
        Name = Name,
        Namespace = Namespace,
        ServiceAccount = ServiceAccount,
        NetworkNamespace = networkNamespace,
        Incarnation = Incarnation,
        Addresses = Addresses.Count > 0 ? Addresses : addresses,
        Annotations = Annotations,
        Probes = Probes,
    };

    /// <summary>Whether another says the same: sources read files again and again.</summary>
    public bool Says(PodSpec other) =>
        (Uid, Name, Namespace, ServiceAccount, NetworkNamespace, Incarnation)
            == (other.Uid, other.Name, other.Namespace, other.ServiceAccount, other.NetworkNamespace, other.Incarnation)
        && Addresses.SequenceEqual(other.Addresses)
        && Probes.SequenceEqual(other.Probes)
        && Annotations.Count == other.Annotations.Count
        && Annotations.All(entry => other.Annotations.TryGetValue(entry.Key, out string? value) && value == entry.Value);
}
