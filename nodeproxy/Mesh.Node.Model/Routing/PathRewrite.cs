using System.Buffers;
using System.Text;

namespace Mesh.Node.Model.Routing;

/// <summary>A change of the path before a request is sent on. Immutable; any thread.</summary>
public sealed class PathRewrite
{
    private readonly byte[] _replacement;

    private PathRewrite(string replacement, bool replacesPrefix)
    {
        Replacement = replacement;
        ReplacesPrefix = replacesPrefix;
        _replacement = Encoding.UTF8.GetBytes(replacement);
    }

    public string Replacement { get; }

    /// <summary>Only what the route matched is replaced, and the rest of the path stays.</summary>
    public bool ReplacesPrefix { get; }

    /// <summary>The whole path becomes another; the query stays.</summary>
    public static PathRewrite Whole(string path) => new(path, replacesPrefix: false);

    /// <summary>The part of the path that the route matched becomes another.</summary>
    public static PathRewrite MatchedPart(string prefix) => new(prefix, replacesPrefix: true);

    /// <summary>Writes the new path.</summary>
    /// <param name="path">The request's, which fulfils the match.</param>
    /// <param name="match">The condition it was found by; null when the route asks nothing of the path.</param>
    /// <param name="output">Where it goes: at most the bytes of the path, the replacement and a slash.</param>
    /// <remarks>
    /// By whole segments, exactly one slash joins what replaces and what stays (as HTTPRoute's ReplacePrefixMatch); a prefix that is a
    /// string is replaced as one. A path never becomes empty.
    /// </remarks>
    public void Write(ReadOnlySpan<byte> path, PathMatch? match, IBufferWriter<byte> output)
    {
        ReadOnlySpan<byte> rest = ReplacesPrefix ? path[(match?.MatchedBytes(path) ?? path.Length)..] : [];
        ReadOnlySpan<byte> start = _replacement;
        if (match is { Kind: PathMatchKind.Segments } && !rest.IsEmpty && start.EndsWith((byte)'/'))
        {
            start = start[..^1];
        }

        if (start.IsEmpty && !rest.StartsWith((byte)'/'))
        {
            output.Write("/"u8);
        }

        output.Write(start);
        output.Write(rest);
    }
}
