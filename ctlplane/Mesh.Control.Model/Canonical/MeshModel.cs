using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Model.Canonical;

/// <summary>
/// Everything one namespace contributes. The unit of incremental work: an unchanged namespace is the same instance from one model to the
/// next, and nobody downstream looks at it again.
/// </summary>
public sealed record NamespaceModel
{
    public required string Name { get; init; }

    public ImmutableArray<Workload> Workloads { get; init; } = [];

    public ImmutableArray<Service> Services { get; init; } = [];

    public ImmutableArray<AuthorizationPolicy> Policies { get; init; } = [];

    /// <summary>Which service accounts have a live pod on which node, whether captured or not: what the CA may sign for whom.</summary>
    public ImmutableHashSet<Placement> Placements { get; init; } = [];

    public ImmutableArray<Diagnostic> Diagnostics { get; init; } = [];
}

public readonly record struct Placement(string Node, string ServiceAccount);

/// <summary>The mesh as configured, replaced whole on every change.</summary>
public sealed record MeshModel(ImmutableSortedDictionary<string, NamespaceModel> Namespaces)
{
    /// <summary>
    /// Of the services of which something is said, in the order of their names. What is said in one namespace reaches services and clients
    /// of others, so it is no namespace's own. While nothing of it changes, entries are the same instances from one model to the next.
    /// </summary>
    public ImmutableArray<ServiceTraffic> Traffic { get; init; } = [];

    public static MeshModel Empty { get; } =
        new(ImmutableSortedDictionary.Create<string, NamespaceModel>(StringComparer.Ordinal));

    /// <summary>Whether <paramref name="node"/> runs a live pod of that service account.</summary>
    public bool RunsOn(string node, string @namespace, string serviceAccount) =>
        node.Length > 0
        && Namespaces.TryGetValue(@namespace, out NamespaceModel? model)
        && model.Placements.Contains(new Placement(node, serviceAccount));
}
