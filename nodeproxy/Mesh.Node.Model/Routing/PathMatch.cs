using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>One condition on the path of a request. Immutable; any thread.</summary>
public sealed class PathMatch
{
    private readonly byte[] _bytes;
    private readonly RoutePattern? _pattern;

    private PathMatch(PathMatchKind kind, string text, bool ignoresCase, RoutePattern? pattern = null)
    {
        Kind = kind;
        Text = text;
        IgnoresCase = ignoresCase;
        _bytes = Encoding.UTF8.GetBytes(text);
        _pattern = pattern;
    }

    public PathMatchKind Kind { get; }

    /// <summary>What is compared with. For <see cref="PathMatchKind.Segments"/> without its last slash, so the root is empty.</summary>
    public string Text { get; }

    /// <summary>ASCII letters are compared without their case; never for a pattern, which can say so itself.</summary>
    public bool IgnoresCase { get; }

    internal ReadOnlySpan<byte> Bytes => _bytes;

    /// <summary>The whole path.</summary>
    public static PathMatch Exact(string path, bool ignoresCase = false) => new(PathMatchKind.Exact, path, ignoresCase);

    /// <summary>The beginning of the path as a string: /foo takes in /foobar. As VirtualService has it.</summary>
    public static PathMatch Prefix(string path, bool ignoresCase = false) => new(PathMatchKind.Prefix, path, ignoresCase);

    /// <summary>The beginning of the path by whole segments: /foo takes in /foo/bar and not /foobar. As HTTPRoute has it.</summary>
    /// <param name="path">A slash at its end means nothing.</param>
    public static PathMatch Segments(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return new PathMatch(PathMatchKind.Segments, path.EndsWith('/') ? path[..^1] : path, ignoresCase: false);
    }

    public static PathMatch Pattern(RoutePattern pattern)
    {
        ArgumentNullException.ThrowIfNull(pattern);
        return new PathMatch(PathMatchKind.Pattern, pattern.Expression, ignoresCase: false, pattern);
    }

    /// <summary>Whether a path fulfils the condition. No allocation.</summary>
    public bool Matches(ReadOnlySpan<byte> path) => Kind switch
    {
        PathMatchKind.Exact => path.Length == _bytes.Length && Begins(path),
        PathMatchKind.Prefix => Begins(path),
        PathMatchKind.Segments => Begins(path) && EndsSegment(path),
        _ => _pattern!.Matches(path),
    };

    /// <summary>
    /// How many bytes of a path that fulfils the condition a rewrite replaces: the prefix, or all of it where there is none.
    /// </summary>
    public int MatchedBytes(ReadOnlySpan<byte> path) =>
        Kind is PathMatchKind.Prefix or PathMatchKind.Segments ? _bytes.Length : path.Length;

    public override string ToString() => $"{Kind.ToString().ToLowerInvariant()} {(Text.Length == 0 ? "/" : Text)}";

    private bool Begins(ReadOnlySpan<byte> path) =>
        path.Length >= _bytes.Length
        && (IgnoresCase ? Ascii.EqualsIgnoreCase(path[.._bytes.Length], _bytes) : path.StartsWith(_bytes));

    private bool EndsSegment(ReadOnlySpan<byte> path) => path.Length == _bytes.Length || path[_bytes.Length] == (byte)'/';
}

/// <inheritdoc cref="PathMatch"/>
public enum PathMatchKind
{
    Exact,
    Prefix,
    Segments,
    Pattern,
}
