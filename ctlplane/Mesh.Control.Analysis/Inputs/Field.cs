using System.Globalization;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>
/// A value of an object, or the place where one could be, with the way to it. Says nothing about what is of the wrong shape: whoever reads
/// the object for the mesh has said it. Safe for several threads.
/// </summary>
internal sealed class Field
{
    private readonly RawNode? _node;
    private readonly Field? _parent;
    private readonly string _key;
    private readonly int _index;

    private Field(RawNode? node, Field? parent, string key, int index)
    {
        _node = node is RawScalar { Kind: ScalarKind.Null } ? null : node;
        _parent = parent;
        _key = key;
        _index = index;
    }

    public bool Exists => _node is not null;

    /// <summary>Whether it is an object without any field.</summary>
    public bool IsEmptyObject => _node is RawMapping { Entries.Count: 0 };

    public bool IsObject => _node is RawMapping;

    /// <summary>Empty when it is no string.</summary>
    public string Text => _node is RawScalar { Kind: ScalarKind.Text } scalar ? scalar.Text : string.Empty;

    /// <summary>Null when it is no whole number.</summary>
    public int? Number => _node is RawScalar { Kind: ScalarKind.Integer } scalar
        && int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value)
            ? value
            : null;

    public bool IsTrue => _node is RawScalar { Kind: ScalarKind.Boolean, Text: "true" or "True" or "TRUE" };

    public SourcePosition Position => _node?.Position ?? _parent?.Position ?? default;

    /// <summary>Path as people write it: <c>spec.http[0].route[1].destination.host</c>.</summary>
    public string Path
    {
        get
        {
            if (_parent is null)
            {
                return string.Empty;
            }

            string parent = _parent.Path;
            return _index >= 0 ? string.Create(CultureInfo.InvariantCulture, $"{parent}[{_index}]")
                : parent.Length == 0 ? _key
                : $"{parent}.{_key}";
        }
    }

    public Field this[string key]
    {
        get
        {
            // Not RawMapping.Find: it keeps an index of large mappings, and others read the same object now.
            if (_node is RawMapping mapping)
            {
                foreach (RawEntry entry in mapping.Entries)
                {
                    if (entry.Key == key)
                    {
                        return new Field(entry.Value, this, key, index: -1);
                    }
                }
            }

            return new Field(node: null, this, key, index: -1);
        }
    }

    /// <summary>The elements of a list; none when it is no list.</summary>
    public IEnumerable<Field> Items => _node is RawSequence sequence
        ? sequence.Items.Select((item, index) => new Field(item, this, string.Empty, index))
        : [];

    /// <summary>The fields of an object; none when it is no object.</summary>
    public IEnumerable<Field> Entries => _node is RawMapping mapping
        ? mapping.Entries.Select(entry => new Field(entry.Value, this, entry.Key, index: -1))
        : [];

    /// <summary>The name of the field in its object.</summary>
    public string Key => _key;

    public static Field Of(RawObject source) => new(source.Fields, parent: null, string.Empty, index: -1);

    /// <summary>Follows a path as <see cref="Path"/> writes it, as far as it leads.</summary>
    public Field Walk(string path)
    {
        Field at = this;
        foreach (string step in path.Split(['.', '['], StringSplitOptions.RemoveEmptyEntries))
        {
            Field? next = step.EndsWith(']')
                && int.TryParse(step.AsSpan(0, step.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out int index)
                    ? at.Items.ElementAtOrDefault(index)
                    : at[step];
            if (next is not { Exists: true })
            {
                break;
            }

            at = next;
        }

        return at;
    }

    /// <summary>Of a mapping of strings, its entries.</summary>
    public Labels ToLabels() => _node is RawMapping mapping
        ? Labels.Of(mapping.Entries
            .Where(entry => entry.Value is RawScalar)
            .Select(entry => KeyValuePair.Create(entry.Key, ((RawScalar)entry.Value).Text)))
        : Labels.Empty;

    /// <summary>The value written in one way: two that are equal have the same, whatever the order of their fields.</summary>
    /// <param name="except">A field of this object that does not count.</param>
    public string Canonical(string except = "") => _node switch
    {
        RawScalar scalar => scalar.Kind == ScalarKind.Text ? $"'{scalar.Text}'" : scalar.Text,
        RawSequence => $"[{string.Join(',', Items.Select(item => item.Canonical()))}]",
        RawMapping => $"{{{string.Join(',', Entries.Where(entry => entry.Exists && entry.Key != except)
            .OrderBy(entry => entry.Key, StringComparer.Ordinal)
            .Select(entry => $"{entry.Key}:{entry.Canonical()}"))}}}",
        _ => "null",
    };
}
