using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>One condition on a text of a request: its method, authority, a header, a query parameter. Immutable; any thread.</summary>
public sealed class ValueMatch
{
    private readonly byte[] _bytes;
    private readonly RoutePattern? _pattern;

    private ValueMatch(ValueMatchKind kind, string text, bool ignoresCase = false, RoutePattern? pattern = null)
    {
        Kind = kind;
        Text = text;
        IgnoresCase = ignoresCase;
        _bytes = Encoding.UTF8.GetBytes(text);
        _pattern = pattern;
    }

    /// <summary>Any text, if there is one.</summary>
    public static ValueMatch Present { get; } = new(ValueMatchKind.Present, "");

    public ValueMatchKind Kind { get; }

    /// <summary>What is compared with, as written; empty where any text will do.</summary>
    public string Text { get; }

    /// <summary>ASCII letters are compared without their case.</summary>
    public bool IgnoresCase { get; }

    public static ValueMatch Exact(string text, bool ignoresCase = false) => new(ValueMatchKind.Exact, text, ignoresCase);

    public static ValueMatch Prefix(string text, bool ignoresCase = false) => new(ValueMatchKind.Prefix, text, ignoresCase);

    public static ValueMatch Suffix(string text, bool ignoresCase = false) => new(ValueMatchKind.Suffix, text, ignoresCase);

    public static ValueMatch Pattern(RoutePattern pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return new ValueMatch(ValueMatchKind.Pattern, pattern.Expression, pattern: pattern);
    }

    /// <summary>Whether a text that is there fulfils the condition. No allocation.</summary>
    public bool Matches(ReadOnlySpan<byte> text) => Kind switch
    {
        ValueMatchKind.Present => true,
        ValueMatchKind.Exact => AreEqual(text),
        ValueMatchKind.Prefix => text.Length >= _bytes.Length && AreEqual(text[.._bytes.Length]),
        ValueMatchKind.Suffix => text.Length >= _bytes.Length && AreEqual(text[^_bytes.Length..]),
        _ => _pattern!.Matches(text),
    };

    public override string ToString() => Kind == ValueMatchKind.Present ? "present" : $"{Kind.ToString().ToLowerInvariant()} {Text}";

    private bool AreEqual(ReadOnlySpan<byte> text) =>
        IgnoresCase ? Ascii.EqualsIgnoreCase(text, _bytes) : text.SequenceEqual(_bytes);
}
