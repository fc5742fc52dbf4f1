using System.Collections.Immutable;
using Mesh.Api.Identity;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Serving.Xds;

/// <summary>Compiles models into resources and publishes them. What did not change is not compiled again. One thread.</summary>
public sealed class ModelPublisher(ResourceStore store, string clusterId, TrustDomain trustDomain)
{
    private readonly AddressCompiler _addresses = new(clusterId, trustDomain.Name);
    private Dictionary<string, CompiledNamespace> _compiled = new(StringComparer.Ordinal);
    private Dictionary<ServiceTraffic, ServedResource> _compiledTraffic = new(ReferenceEqualityComparer.Instance);

    /// <returns>Whether anything differs from before.</returns>
    public bool Publish(MeshModel model)
    {
        var next = new Dictionary<string, CompiledNamespace>(StringComparer.Ordinal);
        foreach ((string name, NamespaceModel source) in model.Namespaces)
        {
            next[name] = _compiled.TryGetValue(name, out CompiledNamespace? known) && ReferenceEquals(known.Source, source)
                ? known
                : Compile(source);
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

    private CompiledNamespace Compile(NamespaceModel source) => new(
        source,
        [.. source.Services.Select(AddressCompiler.Compile), .. source.Workloads.Select(_addresses.Compile)],
        [.. source.Policies.Select(AuthorizationCompiler.Compile)]);

    private sealed record CompiledNamespace(
        NamespaceModel Source, ImmutableArray<ServedResource> Addresses, ImmutableArray<ServedResource> Policies);
}
