using System.Buffers;
using Mesh.Control.Model.Inputs;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Mesh.Control.Sources.Files;

/// <summary>
/// Reads YAML (and so JSON) into raw nodes, the way Kubernetes does: no custom tags, no merge keys, no key twice. Aliases share the node
/// they refer to, so a file cannot grow in memory beyond what is written in it; for the limits they count as what they stand for, because
/// whoever reads the nodes meets them once for each alias.
/// </summary>
internal sealed class YamlDocuments
{
    private const int DepthMax = 64;
    private const int NodeCountMax = 4_000_000;
    private const string CoreTagPrefix = "tag:yaml.org,2002:";

    private static readonly SearchValues<char> s_hexDigits = SearchValues.Create("0123456789abcdefABCDEF");

    private readonly Parser _parser;
    private readonly Dictionary<AnchorName, Anchored> _anchors = [];
    private long _nodeCount;

    /// <summary>The greatest depth met since it was last reset.</summary>
    private int _deepest;

    private YamlDocuments(TextReader text) => _parser = new Parser(text);

    /// <summary>The roots of all documents, empty documents left out.</summary>
    /// <exception cref="ManifestFormatException">The text is not YAML, or not of the kind above.</exception>
    public static List<RawNode> Read(TextReader text)
    {
        var documents = new YamlDocuments(text);
        try
        {
            return documents.ReadStream();
        }
        catch (YamlException exception)
        {
            throw new ManifestFormatException(PositionOf(exception.Start), string.Empty, $"Not valid YAML: {exception.Message}");
        }
        catch (Exception exception) when (exception is not (ManifestFormatException or OutOfMemoryException))
        {
            // For some broken texts the parser fails in ways of its own; the last thing it understood is the best position there is.
            Mark mark = documents._parser.Current?.End ?? Mark.Empty;
            throw new ManifestFormatException(PositionOf(mark), string.Empty, "Not valid YAML.");
        }
    }

    private List<RawNode> ReadStream()
    {
        var roots = new List<RawNode>();
        while (_parser.MoveNext())
        {
            switch (_parser.Current)
            {
                case DocumentStart:
                    _anchors.Clear();
                    Advance();
                    RawNode root = ReadNode(depth: 0);
                    if (root is not RawScalar { Kind: ScalarKind.Null })
                    {
                        roots.Add(root);
                    }

                    break;
                case StreamStart or StreamEnd or DocumentEnd:
                    break;
                default:
                    throw Unexpected();
            }
        }

        return roots;
    }

    /// <summary>Reads the node the parser stands on, and leaves the parser on its last event.</summary>
    private RawNode ReadNode(int depth)
    {
        ParsingEvent start = _parser.Current ?? throw Unexpected();
        SourcePosition position = PositionOf(start.Start);
        if (start is AnchorAlias alias)
        {
            Anchored shared = _anchors.GetValueOrDefault(alias.Value)
                ?? throw new ManifestFormatException(position, string.Empty, $"Alias *{alias.Value} refers to nothing before it.");
            Count(shared.NodeCount, depth + shared.Height, position);
            return shared.Node;
        }

        Count(nodes: 1, depth, position);
        long countBefore = _nodeCount - 1;
        int deepestBefore = _deepest;
        _deepest = depth;
        RawNode node = start switch
        {
            Scalar scalar => ReadScalar(scalar, position),
            SequenceStart sequence => ReadSequence(sequence, position, depth),
            MappingStart mapping => ReadMapping(mapping, position, depth),
            _ => throw Unexpected(),
        };
        if (start is NodeEvent { Anchor.IsEmpty: false } anchored)
        {
            _anchors[anchored.Anchor] = new Anchored(node, _nodeCount - countBefore, _deepest - depth);
        }

        _deepest = Math.Max(_deepest, deepestBefore);
        return node;
    }

    private void Count(long nodes, int depth, SourcePosition position)
    {
        if (depth > DepthMax)
        {
            throw new ManifestFormatException(position, string.Empty, $"Nested deeper than {DepthMax} levels.");
        }

        _deepest = Math.Max(_deepest, depth);
        _nodeCount += nodes;
        if (_nodeCount > NodeCountMax)
        {
            throw new ManifestFormatException(
                position,
                string.Empty,
                $"More than {NodeCountMax} values in one file, aliases counted as what they stand for.",
                "Split the file.");
        }
    }

    private RawSequence ReadSequence(SequenceStart start, SourcePosition position, int depth)
    {
        RequireCoreTag(start.Tag, "seq", position);
        var items = new List<RawNode>();
        Advance();
        while (_parser.Current is not SequenceEnd)
        {
            items.Add(ReadNode(depth + 1));
            Advance();
        }

        return new RawSequence(items, position);
    }

    private RawMapping ReadMapping(MappingStart start, SourcePosition position, int depth)
    {
        RequireCoreTag(start.Tag, "map", position);
        var entries = new List<RawEntry>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        Advance();
        while (_parser.Current is not MappingEnd)
        {
            SourcePosition keyPosition = PositionOf(_parser.Current!.Start);
            if (_parser.Current is not Scalar key)
            {
                throw new ManifestFormatException(keyPosition, string.Empty, "A key must be a plain string.");
            }

            if (key is { Value: "<<", IsQuotedImplicit: false })
            {
                throw new ManifestFormatException(keyPosition, "<<", "Merge keys are not supported.", "Write the fields out.");
            }

            if (!seen.Add(key.Value))
            {
                throw new ManifestFormatException(keyPosition, key.Value, $"Key '{key.Value}' occurs twice in one object.");
            }

            string name = key.Value;
            Advance();
            entries.Add(new RawEntry(name, keyPosition, ReadNode(depth + 1)));
            Advance();
        }

        return new RawMapping(entries, position);
    }

    private static RawScalar ReadScalar(Scalar scalar, SourcePosition position)
    {
        if (scalar.Tag.IsEmpty || scalar.Tag.IsNonSpecific)
        {
            ScalarKind kind = scalar.Style == ScalarStyle.Plain && scalar.Tag.IsEmpty ? KindOf(scalar.Value) : ScalarKind.Text;
            return new RawScalar(scalar.Value, kind, position);
        }

        return scalar.Tag.Value switch
        {
            CoreTagPrefix + "str" => new RawScalar(scalar.Value, ScalarKind.Text, position),
            CoreTagPrefix + "int" or CoreTagPrefix + "bool" or CoreTagPrefix + "float" or CoreTagPrefix + "null" =>
                new RawScalar(scalar.Value, KindOf(scalar.Value), position),
            _ => throw new ManifestFormatException(position, string.Empty, $"Tag {scalar.Tag.Value} is not supported."),
        };
    }

    private static void RequireCoreTag(TagName tag, string expected, SourcePosition position)
    {
        if (!tag.IsEmpty && !tag.IsNonSpecific && tag.Value != CoreTagPrefix + expected)
        {
            throw new ManifestFormatException(position, string.Empty, $"Tag {tag.Value} is not supported.");
        }
    }

    /// <summary>What unquoted text means, by YAML 1.1 as Kubernetes' parser reads it: <c>on</c> and <c>yes</c> are booleans.</summary>
    private static ScalarKind KindOf(string text) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ScalarKind.Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => ScalarKind.Boolean,
        "yes" or "Yes" or "YES" or "no" or "No" or "NO" => ScalarKind.Boolean,
        "on" or "On" or "ON" or "off" or "Off" or "OFF" => ScalarKind.Boolean,
        ".inf" or ".Inf" or ".INF" or "-.inf" or "-.Inf" or "-.INF" or "+.inf" or ".nan" or ".NaN" or ".NAN" => ScalarKind.Number,
        _ => KindOfNumber(text),
    };

    private static ScalarKind KindOfNumber(string text)
    {
        ReadOnlySpan<char> rest = text.AsSpan(text[0] is '+' or '-' ? 1 : 0);
        if (rest.IsEmpty || !(char.IsAsciiDigit(rest[0]) || rest[0] == '.'))
        {
            return ScalarKind.Text;
        }

        if (!rest.ContainsAnyExceptInRange('0', '9') || IsPrefixedInteger(rest))
        {
            return ScalarKind.Integer;
        }

        // Digits, one dot, an exponent: anything else that starts with a digit (an address, a date, a version) is text.
        int digits = 0;
        int index = SkipDigits(rest, 0, ref digits);
        if (index < rest.Length && rest[index] == '.')
        {
            index = SkipDigits(rest, index + 1, ref digits);
        }

        if (digits == 0)
        {
            return ScalarKind.Text;
        }

        if (index < rest.Length && rest[index] is 'e' or 'E')
        {
            index++;
            if (index < rest.Length && rest[index] is '+' or '-')
            {
                index++;
            }

            int exponentDigits = 0;
            index = SkipDigits(rest, index, ref exponentDigits);
            if (exponentDigits == 0)
            {
                return ScalarKind.Text;
            }
        }

        return index == rest.Length ? ScalarKind.Number : ScalarKind.Text;
    }

    private static int SkipDigits(ReadOnlySpan<char> text, int index, ref int count)
    {
        while (index < text.Length && char.IsAsciiDigit(text[index]))
        {
            index++;
            count++;
        }

        return index;
    }

    private static bool IsPrefixedInteger(ReadOnlySpan<char> text)
    {
        if (text.Length < 3 || text[0] != '0')
        {
            return false;
        }

        ReadOnlySpan<char> digits = text[2..];
        return text[1] switch
        {
            'x' or 'X' => !digits.ContainsAnyExcept(s_hexDigits),
            'o' => !digits.ContainsAnyExceptInRange('0', '7'),
            'b' => !digits.ContainsAnyExceptInRange('0', '1'),
            _ => false,
        };
    }

    private void Advance()
    {
        if (!_parser.MoveNext())
        {
            throw Unexpected();
        }
    }

    private ManifestFormatException Unexpected() =>
        new(_parser.Current is { } current ? PositionOf(current.Start) : default, string.Empty, "The document ends too early.");

    /// <param name="Node">What the anchor names.</param>
    /// <param name="NodeCount">How many values it is, itself included.</param>
    /// <param name="Height">How deep the deepest of them stands below it.</param>
    private sealed record Anchored(RawNode Node, long NodeCount, int Height);

    private static SourcePosition PositionOf(Mark mark) =>
        new((int)Math.Min(mark.Line, int.MaxValue), (int)Math.Min(mark.Column, int.MaxValue));
}
