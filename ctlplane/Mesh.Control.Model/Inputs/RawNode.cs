namespace Mesh.Control.Model.Inputs;

/// <summary>A value of a manifest as written, with its position. Immutable. Sources make them, dialects read them.</summary>
public abstract class RawNode(SourcePosition position)
{
    public SourcePosition Position { get; } = position;
}

/// <summary>What a scalar is, after the rules Kubernetes applies to YAML: only unquoted text can be anything but a string.</summary>
public enum ScalarKind
{
    Text,
    Integer,
    Number,
    Boolean,
    Null,
}

public sealed class RawScalar(string text, ScalarKind kind, SourcePosition position) : RawNode(position)
{
    public string Text { get; } = text;

    public ScalarKind Kind { get; } = kind;
}

public sealed class RawSequence(IReadOnlyList<RawNode> items, SourcePosition position) : RawNode(position)
{
    public IReadOnlyList<RawNode> Items { get; } = items;
}

/// <summary>One key of a mapping.</summary>
public readonly record struct RawEntry(string Key, SourcePosition KeyPosition, RawNode Value);

/// <summary>Entries in the order of the manifest; no key occurs twice.</summary>
public sealed class RawMapping(IReadOnlyList<RawEntry> entries, SourcePosition position) : RawNode(position)
{
    /// <summary>Up to here a scan is as quick as a look-up, and most mappings are shorter.</summary>
    private const int ScannedEntriesMax = 16;

    private Dictionary<string, RawNode>? _byKey;

    public IReadOnlyList<RawEntry> Entries { get; } = entries;

    /// <summary>Finds a key. Not for two threads at once.</summary>
    public RawNode? Find(string key)
    {
        if (Entries.Count > ScannedEntriesMax)
        {
            _byKey ??= Entries.ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal);
            return _byKey.GetValueOrDefault(key);
        }

        for (int index = 0; index < Entries.Count; index++)
        {
            if (string.Equals(Entries[index].Key, key, StringComparison.Ordinal))
            {
                return Entries[index].Value;
            }
        }

        return null;
    }
}
