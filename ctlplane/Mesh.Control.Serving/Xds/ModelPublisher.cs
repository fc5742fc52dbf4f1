using System.Collections.Immutable;
using Mesh.Api.Identity;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Keys;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Serving.Xds;

/// <summary>Compiles models into resources and publishes them. What did not change is not compiled again. One thread at a time.</summary>
/// <param name="store">Where resources go.</param>
/// <param name="clusterId">The cluster all workloads are of.</param>
/// <param name="trustDomain">Of all identities.</param>
/// <param name="keys">Keys of issuers that are elsewhere; null where nobody fetches any.</param>
public sealed class ModelPublisher(ResourceStore store, string clusterId, TrustDomain trustDomain, IKeyReader? keys = null)
{
    private readonly AddressCompiler _addresses = new(clusterId, trustDomain.Name);
    private Dictionary<string, CompiledNamespace> _compiled = new(StringComparer.Ordinal);
    private Dictionary<ServiceTraffic, ServedResource> _compiledTraffic = new(ReferenceEqualityComparer.Instance);

    /// <returns>Whether anything differs from before.</returns>
    public bool Publish(MeshModel model)
    {
        // Asked first: keys that come meanwhile are another change.
        long keysVersion = keys?.Version ?? 0;
        var next = new Dictionary<string, CompiledNamespace>(StringComparer.Ordinal);
        foreach ((string name, NamespaceModel source) in model.Namespaces)
        {
            next[name] = _compiled.TryGetValue(name, out CompiledNamespace? known) && known.IsOf(source, keysVersion)
                ? known
                : Compile(source, keysVersion);
        }

        var nextTraffic = new Dictionary<ServiceTraffic, ServedResource>(ReferenceEqualityComparer.Instance);
        foreach (ServiceTraffic traffic in model.Traffic)
        {
            nextTraffic.Add(
                traffic, _compiledTraffic.TryGetValue(traffic, out ServedResource? known) ? known : TrafficCompiler.Compile(traffic));
        }

        _compiled = next;
        _compiledTraffic = nextTraffic;
        return store.Publish(new Dictionary<string, IReadOnlyCollection<ServedResource>>
        {
            [TypeUrls.Authorization] = [.. next.Values.SelectMany(compiled => compiled.Policies)],
            [TypeUrls.Traffic] = nextTraffic.Values,
            [TypeUrls.Address] = [.. next.Values.SelectMany(compiled => compiled.Addresses)],
        });
    }

    private CompiledNamespace Compile(NamespaceModel source, long keysVersion) => new(
        source,
        source.Policies.Any(policy => policy.TokenRules.Any(rule => rule.KeyLocation is not null)) ? keysVersion : null,
        [.. source.Services.Select(AddressCompiler.Compile), .. source.Workloads.Select(_addresses.Compile)],
        [.. source.Policies.Select(policy => AuthorizationCompiler.Compile(policy, keys))]);

    /// <param name="Source">What it was made of.</param>
    /// <param name="KeysVersion">Of the keys it was made with; null where it needs none.</param>
    /// <param name="Addresses">Services and workloads.</param>
    /// <param name="Policies">Policies.</param>
    private sealed record CompiledNamespace(
        NamespaceModel Source, long? KeysVersion, ImmutableArray<ServedResource> Addresses, ImmutableArray<ServedResource> Policies)
    {
        public bool IsOf(NamespaceModel source, long keysVersion) =>
            ReferenceEquals(Source, source) && (KeysVersion is null || KeysVersion == keysVersion);
    }
}
