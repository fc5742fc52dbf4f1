using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Mesh.Node.Model.Policies.Requests;

/// <summary>
/// A pattern of path segments: <c>{*}</c> stands for exactly one that is not empty, <c>{**}</c> for whatever is left, and only after all
/// <c>{*}</c>. Immutable; any thread.
/// </summary>
public sealed class PathTemplate : IEquatable<PathTemplate>
{
    private const string AnySegment = "{*}";
    private const string AnyRest = "{**}";

    /// <summary>Segments before the rest, without their slashes; null stands for any.</summary>
    private readonly ImmutableArray<byte[]?> _segments;

    /// <summary>What follows the rest, with its slash; null where the template has no rest.</summary>
    private readonly byte[]? _tail;

    private PathTemplate(string text, ImmutableArray<byte[]?> segments, byte[]? tail)
    {
        Text = text;
        _segments = segments;
        _tail = tail;
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>Reads a template.</summary>
    /// <returns>
    /// False when it does not begin with a slash, when a brace or an asterisk stands elsewhere than in one of the two forms, when such a
    /// form is not all of its segment, or when one follows <c>{**}</c>.
    /// </returns>
    public static bool TryParse(string text, [NotNullWhen(true)] out PathTemplate? template)
    {
        ArgumentNullException.ThrowIfNull(text);
        template = null;
        if (!text.StartsWith('/'))
        {
            return false;
        }

        var segments = new List<byte[]?>();
        StringBuilder? tail = null;
        foreach (string segment in text[1..].Split('/'))
        {
            switch (segment)
            {
                case AnySegment when tail is null:
                    segments.Add(null);
                    break;
                case AnyRest when tail is null:
                    tail = new StringBuilder();
                    break;
                case { } literal when literal.AsSpan().ContainsAny("{}*"):
                    return false;
                default:
                    if (tail is null)
                    {
                        segments.Add(Encoding.UTF8.GetBytes(segment));
                    }
                    else
                    {
                        tail.Append('/').Append(segment);
                    }

                    break;
            }
        }

        template = new PathTemplate(text, [.. segments], tail is null ? null : Encoding.UTF8.GetBytes(tail.ToString()));
        return true;
    }

    /// <summary>Whether a path is of this form. No allocation.</summary>
    public bool Matches(ReadOnlySpan<byte> path)
    {
        foreach (byte[]? segment in _segments)
        {
            if (path.IsEmpty || path[0] != (byte)'/')
            {
                return false;
            }

            path = path[1..];
            int segmentBytes = path.IndexOf((byte)'/');
            ReadOnlySpan<byte> found = segmentBytes < 0 ? path : path[..segmentBytes];
            if (segment is null ? found.IsEmpty : !found.SequenceEqual(segment))
            {
                return false;
            }

            path = path[found.Length..];
        }

        // The slash before the rest is not part of it: /a/{**} takes in /a/ and not /a.
        return _tail is null ? path.IsEmpty : !path.IsEmpty && path[0] == (byte)'/' && path[1..].EndsWith(_tail);
    }

    public bool Equals(PathTemplate? other) => other is not null && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as PathTemplate);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;
}
