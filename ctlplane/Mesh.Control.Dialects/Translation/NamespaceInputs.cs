using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>What one namespace's result depends on besides its own objects. Replaced only when something in it changed.</summary>
/// <param name="MeshMode">PERMISSIVE or STRICT: what holds where nothing narrower says otherwise.</param>
/// <param name="HasPeerAuthentication">Whether the mesh has any PeerAuthentication at all.</param>
/// <param name="SelectingPolicies">The policies of the root namespace that select workloads of every namespace.</param>
/// <param name="Localities">By node.</param>
/// <param name="NodeAddresses">Of all nodes.</param>
/// <param name="Providers">Who may be asked about requests, by name.</param>
/// <param name="IsRegistryOnly">What the mesh's configuration says: workloads go to what the mesh knows and nowhere else.</param>
/// <param name="SidecarIsRegistryOnly">What the root namespace's Sidecar says of it; null where nothing is said.</param>
/// <param name="Telemetry">The root namespace's, for the mesh; null without.</param>
internal sealed record MeshWideInputs(
    MutualTlsMode MeshMode,
    bool HasPeerAuthentication,
    ImmutableArray<AuthorizationPolicySpec> SelectingPolicies,
    ImmutableDictionary<string, Locality> Localities,
    ImmutableHashSet<IPAddress> NodeAddresses,
    ImmutableDictionary<string, ResolvedProvider> Providers,
    bool IsRegistryOnly,
    bool? SidecarIsRegistryOnly,
    TelemetrySpec? Telemetry)
{
    public bool IsSameAs(MeshWideInputs other) =>
        MeshMode == other.MeshMode
        && HasPeerAuthentication == other.HasPeerAuthentication
        && IsRegistryOnly == other.IsRegistryOnly
        && SidecarIsRegistryOnly == other.SidecarIsRegistryOnly
        && ReferenceEquals(Telemetry, other.Telemetry)
        && SelectingPolicies.AsSpan().SequenceEqual(other.SelectingPolicies.AsSpan(), ReferenceEqualityComparer.Instance)
        && Providers.Count == other.Providers.Count
        && Providers.All(entry => other.Providers.TryGetValue(entry.Key, out ResolvedProvider? provider) && provider.IsSameAs(entry.Value))
        && NodeAddresses.SetEquals(other.NodeAddresses)
        && Localities.Count == other.Localities.Count
        && Localities.All(entry => other.Localities.TryGetValue(entry.Key, out Locality? locality) && locality == entry.Value);
}

/// <summary>One namespace's objects, in the order of their keys.</summary>
/// <param name="Name">The namespace's.</param>
/// <param name="Labels">The namespace's own.</param>
/// <param name="Readings">Its objects.</param>
/// <param name="DestinationRules">Those of the whole mesh that may name subsets of services here.</param>
/// <param name="ForeignAddresses">Addresses that endpoints are given here by hand and that pods of other namespaces have.</param>
/// <param name="Allocated">The addresses its hosts were given, which depends on the hosts of the whole mesh.</param>
internal sealed record NamespaceInputs(
    string Name,
    Labels Labels,
    ImmutableArray<Reading> Readings,
    ImmutableArray<DestinationRuleSpec> DestinationRules,
    ImmutableHashSet<IPAddress> ForeignAddresses,
    ImmutableArray<AllocatedHost> Allocated)
{
    public bool IsSameAs(NamespaceInputs other) =>
        ReferenceEquals(Labels, other.Labels)
        && Allocated.AsSpan().SequenceEqual(other.Allocated.AsSpan())
        && DestinationRules.AsSpan().SequenceEqual(other.DestinationRules.AsSpan(), ReferenceEqualityComparer.Instance)
        && ForeignAddresses.SetEquals(other.ForeignAddresses)
        && Readings.AsSpan().SequenceEqual(other.Readings.AsSpan(), ReferenceEqualityComparer.Instance);

    public IEnumerable<T> Specs<T>()
        where T : class => Readings.Select(reading => reading.Spec).OfType<T>();
}
