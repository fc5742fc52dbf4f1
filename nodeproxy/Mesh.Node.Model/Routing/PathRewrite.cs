using System.Buffers;
using System.Text;
using Mesh.Api.Patterns;

namespace Mesh.Node.Model.Routing;

/// <summary>A change of the path before a request is sent on. Immutable; any thread.</summary>
public sealed class PathRewrite
{
    private readonly byte[] _replacement;
    private readonly PatternSubstitution? _substitution;

    private PathRewrite(PatternSubstitution substitution)
        : this(substitution.Replacement, replacesPrefix: false) => _substitution = substitution;

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

    /// <summary>Each part of the path that an expression matches becomes another.</summary>
    public static PathRewrite Matches(PatternSubstitution substitution)
    {
        ArgumentNullException.ThrowIfNull(substitution);
        return new(substitution);
    }

    /// <summary>Writes the new path.</summary>
    /// <param name="path">The request's, which fulfils the match.</param>
    /// <param name="match">The condition it was found by; null when the route asks nothing of the path.</param>
    /// <param name="output">Where it goes.</param>
    /// <returns>
    /// False when an expression makes it longer than <see cref="PatternSubstitution.TryWrite"/> allows; nothing is written then.
    /// </returns>
    /// <remarks>
    /// By whole segments, exactly one slash joins what replaces and what stays (as HTTPRoute's ReplacePrefixMatch); a prefix that is a
    /// string is replaced as one. A path never becomes empty, and begins with a slash whatever an expression leaves of it. Only an
    /// expression allocates.
    /// </remarks>
    public bool TryWrite(ReadOnlySpan<byte> path, PathMatch? match, IBufferWriter<byte> output)
    {
        if (_substitution is not null)
        {
            return TryWriteSubstituted(path, output);
        }

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
        return true;
    }

    public override string ToString() => _substitution is not null ? $"what matches {_substitution.Pattern} becomes {Replacement}"
        : $"{(ReplacesPrefix ? "matched part" : "whole path")} becomes {Replacement}";

    private bool TryWriteSubstituted(ReadOnlySpan<byte> path, IBufferWriter<byte> output)
    {
        var written = new ArrayBufferWriter<byte>(path.Length + _replacement.Length + 1);
        if (!_substitution!.TryWrite(path, written))
        {
            return false;
        }

        if (!written.WrittenSpan.StartsWith((byte)'/'))
        {
            output.Write("/"u8);
        }

        output.Write(written.WrittenSpan);
        return true;
    }
}
