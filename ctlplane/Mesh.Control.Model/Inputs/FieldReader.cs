using System.Globalization;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Model.Inputs;

/// <summary>
/// Reads the fields of one mapping. Everything of the wrong shape is reported with its path and position, and reads as absent; explicit
/// null reads as absent without a report, as in Kubernetes.
/// </summary>
public sealed class FieldReader
{
    private readonly RawMapping _fields;
    private readonly ObjectDiagnostics _diagnostics;

    public FieldReader(RawMapping fields, string path, ObjectDiagnostics diagnostics)
    {
        _fields = fields;
        _diagnostics = diagnostics;
        Path = path;
    }

    /// <summary>Path of this mapping; empty for the object itself.</summary>
    public string Path { get; }

    public SourcePosition Position => _fields.Position;

    public IReadOnlyList<RawEntry> Entries => _fields.Entries;

    public ObjectDiagnostics Diagnostics => _diagnostics;

    public string PathOf(string key) => Path.Length == 0 ? key : $"{Path}.{key}";

    /// <summary>Where a field stands, or the mapping itself when it is absent.</summary>
    public SourcePosition PositionOf(string key) => _fields.Find(key)?.Position ?? _fields.Position;

    public bool Has(string key) => Find(key) is not null;

    public void Error(string key, string reason, string hint = "") => _diagnostics.Error(PathOf(key), PositionOf(key), reason, hint);

    public void Warning(string key, string reason, string hint = "", string code = "") =>
        _diagnostics.Warning(PathOf(key), PositionOf(key), reason, hint, code);

    public void Note(string key, string reason, string hint = "") => _diagnostics.Note(PathOf(key), PositionOf(key), reason, hint);

    public string? Text(string key) => Find(key) is { } node ? TextOf(node, PathOf(key)) : null;

    /// <summary>Absent is an error.</summary>
    public string? RequiredText(string key)
    {
        if (Find(key) is null)
        {
            Error(key, "The field is required.");
            return null;
        }

        return Text(key);
    }

    public bool? Flag(string key)
    {
        switch (Find(key))
        {
            case null:
                return null;
            case RawScalar { Kind: ScalarKind.Boolean } scalar:
                return scalar.Text[0] is 't' or 'T' or 'y' or 'Y' || scalar.Text is "on" or "On" or "ON";
            default:
                Error(key, "Must be true or false, without quotes.");
                return null;
        }
    }

    public int? Integer(string key, int min, int max)
    {
        switch (Find(key))
        {
            case null:
                return null;
            case RawScalar { Kind: ScalarKind.Integer } scalar
                when int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
                && value >= min && value <= max:
                return value;
            default:
                Error(key, $"Must be a number from {min} to {max}, without quotes.");
                return null;
        }
    }

    /// <summary>A number that may have a fraction.</summary>
    public double? Number(string key, double min, double max)
    {
        switch (Find(key))
        {
            case null:
                return null;
            case RawScalar { Kind: ScalarKind.Integer or ScalarKind.Number } scalar
                when double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
                && value >= min && value <= max:
                return value;
            default:
                Error(key, string.Create(CultureInfo.InvariantCulture, $"Must be a number from {min} to {max}, without quotes."));
                return null;
        }
    }

    public FieldReader? Section(string key)
    {
        switch (Find(key))
        {
            case null:
                return null;
            case RawMapping mapping:
                return new FieldReader(mapping, PathOf(key), _diagnostics);
            default:
                Error(key, "Must be an object.");
                return null;
        }
    }

    /// <summary>The objects of a list; absent and malformed read as empty.</summary>
    public List<FieldReader> Sections(string key)
    {
        var sections = new List<FieldReader>();
        IReadOnlyList<RawNode> items = Items(key);
        for (int index = 0; index < items.Count; index++)
        {
            string path = $"{PathOf(key)}[{index}]";
            if (items[index] is RawMapping mapping)
            {
                sections.Add(new FieldReader(mapping, path, _diagnostics));
            }
            else
            {
                _diagnostics.Error(path, items[index].Position, "Must be an object.");
            }
        }

        return sections;
    }

    /// <summary>Whether <see cref="Sections"/> returns everything that was written: a list of objects, or nothing.</summary>
    public bool HasOnlySections(string key) => Find(key) switch
    {
        null => true,
        RawSequence sequence => sequence.Items.All(item => item is RawMapping),
        _ => false,
    };

    /// <summary>The strings of a list; absent reads as empty, an item that is not a string is reported and left out.</summary>
    public List<TextItem> Texts(string key)
    {
        var texts = new List<TextItem>();
        IReadOnlyList<RawNode> items = Items(key);
        for (int index = 0; index < items.Count; index++)
        {
            string path = $"{PathOf(key)}[{index}]";
            if (TextOf(items[index], path) is { } text)
            {
                texts.Add(new TextItem(text, path, items[index].Position));
            }
        }

        return texts;
    }

    public IReadOnlyList<RawNode> Items(string key)
    {
        switch (Find(key))
        {
            case null:
                return [];
            case RawSequence sequence:
                return sequence.Items;
            default:
                Error(key, "Must be a list.");
                return [];
        }
    }

    public Labels TextMap(string key)
    {
        if (Section(key) is not { } section)
        {
            return Labels.Empty;
        }

        var entries = new List<KeyValuePair<string, string>>(section.Entries.Count);
        foreach (RawEntry entry in section.Entries)
        {
            if (section.Text(entry.Key) is { } text)
            {
                entries.Add(new KeyValuePair<string, string>(entry.Key, text));
            }
        }

        return Labels.Of(entries);
    }

    /// <summary>The keys that are none of <paramref name="known"/>.</summary>
    public List<string> UnknownKeys(ReadOnlySpan<string> known)
    {
        var unknown = new List<string>();
        foreach (RawEntry entry in _fields.Entries)
        {
            if (!known.Contains(entry.Key))
            {
                unknown.Add(entry.Key);
            }
        }

        return unknown;
    }

    /// <summary>
    /// The keys with an explicit null, such as a key whose values have all been commented out. They read as absent, and where absence
    /// means "any" the reader must look here.
    /// </summary>
    public List<string> NullKeys()
    {
        var keys = new List<string>();
        foreach (RawEntry entry in _fields.Entries)
        {
            if (entry.Value is RawScalar { Kind: ScalarKind.Null })
            {
                keys.Add(entry.Key);
            }
        }

        return keys;
    }

    /// <summary>For kinds where a misspelt field does no harm beyond its absence.</summary>
    public void WarnUnknown(ReadOnlySpan<string> known)
    {
        foreach (string key in UnknownKeys(known))
        {
            Warning(key, "This field is not known and has no effect.", "Check the spelling.");
        }
    }

    private RawNode? Find(string key) => _fields.Find(key) is { } node and not RawScalar { Kind: ScalarKind.Null } ? node : null;

    private string? TextOf(RawNode node, string path)
    {
        switch (node)
        {
            case RawScalar { Kind: ScalarKind.Text } scalar:
                return scalar.Text;
            case RawScalar scalar:
                _diagnostics.Error(path, node.Position, $"Must be a string; {scalar.Text} without quotes is not one.", "Put it in quotes.");
                return null;
            default:
                _diagnostics.Error(path, node.Position, "Must be a string.");
                return null;
        }
    }
}

/// <summary>A string of a list, with where it stands.</summary>
public readonly record struct TextItem(string Text, string Path, SourcePosition Position);
