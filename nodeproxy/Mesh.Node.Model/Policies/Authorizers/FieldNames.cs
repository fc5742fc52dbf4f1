using System.Collections.Immutable;
using System.Text;

namespace Mesh.Node.Model.Policies.Authorizers;

/// <summary>Some names of fields: exactly, by their start, or by their end. Case means nothing. Immutable; any thread.</summary>
public sealed class FieldNames
{
    private readonly ImmutableArray<(TextMatchKind Kind, byte[] Text)> _matches;

    public FieldNames(ImmutableArray<TextMatch> matches)
    {
        Matches = matches;
        _matches = [.. matches.Select(match => (match.Kind, Encoding.UTF8.GetBytes(match.Value.ToLowerInvariant())))];
    }

    /// <summary>No name.</summary>
    public static FieldNames None { get; } = new([]);

    /// <summary>As they were given.</summary>
    public ImmutableArray<TextMatch> Matches { get; }

    /// <summary>Whether a name is among them.</summary>
    /// <param name="name">In lower case.</param>
    public bool Contains(ReadOnlySpan<byte> name)
    {
        foreach ((TextMatchKind kind, byte[] text) in _matches)
        {
            bool isMatch = kind switch
            {
                TextMatchKind.Exact => name.SequenceEqual(text),
                TextMatchKind.Prefix => name.StartsWith(text),
                TextMatchKind.Suffix => name.EndsWith(text),
                _ => true,
            };
            if (isMatch)
            {
                return true;
            }
        }

        return false;
    }
}
