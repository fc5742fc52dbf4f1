using System.Collections.Frozen;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>A tree of field names: what is kept of an object. A list keeps the same of each of its items. Immutable.</summary>
public sealed class KeptFields
{
    private readonly FrozenDictionary<string, KeptFields>? _fields;

    private KeptFields(FrozenDictionary<string, KeptFields>? fields) => _fields = fields;

    /// <summary>All that is below.</summary>
    public static KeptFields Everything { get; } = new(fields: null);

    /// <summary>
    /// What every object has. Who wrote which field (managedFields) is a third of many objects and nobody's business here.
    /// </summary>
    public static KeptFields Metadata { get; } = Of(
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.creationTimestamp",
        "metadata.deletionTimestamp",
        "metadata.labels",
        "metadata.annotations",
        "metadata.ownerReferences.controller",
        "metadata.ownerReferences.kind",
        "metadata.ownerReferences.name");

    /// <summary>Nothing but these, each a path whose parts are joined by dots, with all that is below it.</summary>
    public static KeptFields Of(params IReadOnlyList<string> paths) => new(paths
        .Select(path => path.Split('.', 2))
        .GroupBy(parts => parts[0], StringComparer.Ordinal)
        .ToFrozenDictionary(
            group => group.Key,
            group => group.Any(parts => parts.Length == 1) ? Everything : Of([.. group.Select(parts => parts[1])]),
            StringComparer.Ordinal));

    /// <summary>The metadata, and these.</summary>
    public static KeptFields WithMetadata(params IReadOnlyList<string> paths)
    {
        var fields = new Dictionary<string, KeptFields>(Of(paths)._fields!, StringComparer.Ordinal)
        {
            ["metadata"] = Metadata.Find("metadata")!,
        };
        return new KeptFields(fields.ToFrozenDictionary(StringComparer.Ordinal));
    }

    /// <returns>What is kept below a field, or null when the field is not kept.</returns>
    public KeptFields? Find(string name) => _fields is null ? this : _fields.GetValueOrDefault(name);
}
