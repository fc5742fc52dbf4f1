using System.Collections.Immutable;

namespace Mesh.Control.Serving.Xds;

/// <summary>All resources of one type at one moment, and what changed since the moment before. Immutable.</summary>
public sealed class TypeSnapshot
{
    private readonly Lazy<OnDemandIndex> _index;

    private TypeSnapshot(
        long generation,
        long previousGeneration,
        IReadOnlyDictionary<string, ServedResource> resources,
        ImmutableArray<ServedResource> changed,
        ImmutableArray<string> removed,
        DateTimeOffset publishedAt)
    {
        Generation = generation;
        PreviousGeneration = previousGeneration;
        Resources = resources;
        Changed = changed;
        Removed = removed;
        PublishedAt = publishedAt;
        _index = new Lazy<OnDemandIndex>(() => new OnDemandIndex(resources.Values));
    }

    /// <summary>Grows by at least one with every snapshot of the type.</summary>
    public long Generation { get; }

    /// <summary>The generation <see cref="Changed"/> and <see cref="Removed"/> start from; 0 for none.</summary>
    public long PreviousGeneration { get; }

    public IReadOnlyDictionary<string, ServedResource> Resources { get; }

    /// <summary>New or different since the previous generation.</summary>
    public ImmutableArray<ServedResource> Changed { get; }

    /// <summary>Gone since the previous generation.</summary>
    public ImmutableArray<string> Removed { get; }

    public DateTimeOffset PublishedAt { get; }

    /// <summary>Made when the first client that subscribes by name needs it.</summary>
    internal OnDemandIndex Index => _index.Value;

    /// <returns>Null when nothing differs from <paramref name="previous"/>.</returns>
    public static TypeSnapshot? Next(TypeSnapshot? previous, IEnumerable<ServedResource> resources, DateTimeOffset now)
    {
        var next = new Dictionary<string, ServedResource>(previous?.Resources.Count ?? 0, StringComparer.Ordinal);
        ImmutableArray<ServedResource>.Builder changed = ImmutableArray.CreateBuilder<ServedResource>();
        foreach (ServedResource resource in resources)
        {
            next.Add(resource.Name, resource);
            if (previous is null
                || !previous.Resources.TryGetValue(resource.Name, out ServedResource? known)
                || known.Version != resource.Version)
            {
                changed.Add(resource);
            }
        }

        ImmutableArray<string> removed = previous is null ? [] : [.. previous.Resources.Keys.Where(name => !next.ContainsKey(name))];
        if (previous is not null && changed.Count == 0 && removed.IsEmpty)
        {
            return null;
        }

        long previousGeneration = previous?.Generation ?? 0;
        return new TypeSnapshot(previousGeneration + 1, previousGeneration, next, changed.ToImmutable(), removed, now);
    }
}

/// <summary>Finds resources by other things than their name.</summary>
internal sealed class OnDemandIndex
{
    private readonly ILookup<string, ServedResource> _byAlias;
    private readonly ILookup<string, ServedResource> _byNode;
    private readonly ILookup<string, ServedResource> _byService;

    public OnDemandIndex(IEnumerable<ServedResource> resources)
    {
        List<ServedResource> all = [.. resources];
        _byAlias = Index(all.SelectMany(resource => resource.Aliases.Select(alias => (alias, resource))));
        _byNode = Index(all.Where(resource => resource.Node.Length > 0).Select(resource => (resource.Node, resource)));
        _byService = Index(all.SelectMany(resource => resource.Services.Select(service => (service, resource))));
    }

    public IEnumerable<ServedResource> ByAlias(string alias) => _byAlias[alias];

    public IEnumerable<ServedResource> OnNode(string node) => _byNode[node];

    public IEnumerable<ServedResource> EndpointsOf(string service) => _byService[service];

    private static ILookup<string, ServedResource> Index(IEnumerable<(string Key, ServedResource Resource)> entries) =>
        entries.ToLookup(entry => entry.Key, entry => entry.Resource, StringComparer.Ordinal);
}
