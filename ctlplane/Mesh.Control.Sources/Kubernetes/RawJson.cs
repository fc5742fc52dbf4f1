using System.Text;
using System.Text.Json;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// Reads JSON into raw nodes without positions, leaving out what is not kept before it takes memory. Strict: bounded depth and size, no key
/// twice. Used by one thread at a time.
/// </summary>
internal sealed class RawJson(StringPool pool)
{
    private const int DepthMax = 64;
    private const int NodeCountMax = 200_000;
    private const int TextScratchChars = 256;

    private int _nodeCount;
    private int _depthBefore;

    /// <summary>Reads the mapping the reader stands at the beginning of, and leaves the reader on its end.</summary>
    /// <exception cref="UnreadableException">It is not such a mapping.</exception>
    /// <exception cref="JsonException">The text is not JSON.</exception>
    public RawMapping ReadMapping(ref Utf8JsonReader reader, KeptFields kept)
    {
        _nodeCount = 0;
        _depthBefore = reader.CurrentDepth;
        return reader.TokenType == JsonTokenType.StartObject
            ? ReadMapping(ref reader, kept, path: string.Empty)
            : throw new UnreadableException(string.Empty, "Not an object.");
    }

    /// <summary>Whether two nodes say the same.</summary>
    public static bool AreSame(RawNode left, RawNode right)
    {
        switch (left, right)
        {
            case (RawScalar leftScalar, RawScalar rightScalar):
                return leftScalar.Kind == rightScalar.Kind && leftScalar.Text == rightScalar.Text;
            case (RawSequence leftItems, RawSequence rightItems):
                return AreSame(leftItems, rightItems);
            case (RawMapping leftFields, RawMapping rightFields):
                return AreSame(leftFields, rightFields);
            default:
                return false;
        }
    }

    private static bool AreSame(RawSequence left, RawSequence right)
    {
        bool isSame = left.Items.Count == right.Items.Count;
        for (int index = 0; isSame && index < left.Items.Count; index++)
        {
            isSame = AreSame(left.Items[index], right.Items[index]);
        }

        return isSame;
    }

    private static bool AreSame(RawMapping left, RawMapping right)
    {
        bool isSame = left.Entries.Count == right.Entries.Count;
        for (int index = 0; isSame && index < left.Entries.Count; index++)
        {
            isSame = left.Entries[index].Key == right.Entries[index].Key
                && AreSame(left.Entries[index].Value, right.Entries[index].Value);
        }

        return isSame;
    }

    private RawMapping ReadMapping(ref Utf8JsonReader reader, KeptFields kept, string path)
    {
        var entries = new List<RawEntry>();
        Advance(ref reader);
        while (reader.TokenType != JsonTokenType.EndObject)
        {
            string name = TextOf(ref reader);
            Advance(ref reader);
            if (kept.Find(name) is not { } below)
            {
                reader.Skip();
            }
            else
            {
                string pathOfValue = ReferenceEquals(kept, below) ? path : Join(path, name);
                entries.Add(new RawEntry(name, default, ReadNode(ref reader, below, pathOfValue)));
            }

            Advance(ref reader);
        }

        RequireDistinct(entries, path);
        entries.TrimExcess();
        return new RawMapping(entries, default);
    }

    private RawSequence ReadSequence(ref Utf8JsonReader reader, KeptFields kept, string path)
    {
        var items = new List<RawNode>();
        Advance(ref reader);
        while (reader.TokenType != JsonTokenType.EndArray)
        {
            items.Add(ReadNode(ref reader, kept, path));
            Advance(ref reader);
        }

        items.TrimExcess();
        return new RawSequence(items, default);
    }

    private RawNode ReadNode(ref Utf8JsonReader reader, KeptFields kept, string path)
    {
        if (++_nodeCount > NodeCountMax)
        {
            throw new UnreadableException(path, $"More than {NodeCountMax} values in one object.");
        }

        if (reader.CurrentDepth - _depthBefore > DepthMax)
        {
            throw new UnreadableException(path, $"Nested deeper than {DepthMax} levels.");
        }

        return reader.TokenType switch
        {
            JsonTokenType.StartObject => ReadMapping(ref reader, kept, path),
            JsonTokenType.StartArray => ReadSequence(ref reader, kept, path),
            JsonTokenType.String => new RawScalar(TextOf(ref reader), ScalarKind.Text, default),
            JsonTokenType.True => new RawScalar("true", ScalarKind.Boolean, default),
            JsonTokenType.False => new RawScalar("false", ScalarKind.Boolean, default),
            JsonTokenType.Null => new RawScalar("null", ScalarKind.Null, default),
            JsonTokenType.Number => NumberOf(ref reader),
            _ => throw new UnreadableException(path, "Not a value."),
        };
    }

    private RawScalar NumberOf(ref Utf8JsonReader reader)
    {
        bool isInteger = reader.ValueSpan.IndexOfAny((byte)'.', (byte)'e', (byte)'E') < 0;
        return new RawScalar(TextOf(ref reader), isInteger ? ScalarKind.Integer : ScalarKind.Number, default);
    }

    private string TextOf(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            return Encoding.ASCII.GetString(reader.ValueSpan);
        }

        try
        {
            if (reader.ValueSpan.Length > TextScratchChars)
            {
                return reader.GetString()!;
            }

            Span<char> scratch = stackalloc char[TextScratchChars];
            return pool.Take(scratch[..reader.CopyString(scratch)]);
        }
        catch (InvalidOperationException)
        {
            throw new UnreadableException(string.Empty, "A text that is not UTF-8.");
        }
    }

    private static void RequireDistinct(List<RawEntry> entries, string path)
    {
        if (entries.Count < 2)
        {
            return;
        }

        var seen = new HashSet<string>(entries.Count, StringComparer.Ordinal);
        foreach (RawEntry entry in entries)
        {
            if (!seen.Add(entry.Key))
            {
                throw new UnreadableException(Join(path, entry.Key), $"Key '{entry.Key}' occurs twice in one object.");
            }
        }
    }

    private static void Advance(ref Utf8JsonReader reader)
    {
        if (!reader.Read())
        {
            throw new UnreadableException(string.Empty, "The text ends in the middle of an object.");
        }
    }

    private static string Join(string path, string key) => path.Length == 0 ? key : $"{path}.{key}";
}
