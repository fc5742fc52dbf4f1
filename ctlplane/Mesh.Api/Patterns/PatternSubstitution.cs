using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;

namespace Mesh.Api.Patterns;

/// <summary>
/// Replaces what a regular expression of RE2 matches in a text, as RE2's own substitution does: <c>\1</c> to <c>\9</c> are groups,
/// <c>\0</c> is all of the match, <c>\\</c> is a backslash. Immutable; any thread; allocates a few short strings for a text.
/// </summary>
public sealed class PatternSubstitution
{
    /// <summary>The most characters of a replacement.</summary>
    public const int ReplacementCharactersMax = 1_024;

    /// <summary>The most references to groups in a replacement.</summary>
    public const int ReferencesMax = 16;

    /// <summary>The most bytes that a text may become, unless it was longer before.</summary>
    public const int ResultBytesMax = 16 * 1024;

    /// <summary>How many matches of one text are replaced; the rest of it stays.</summary>
    public const int ReplacedMax = 64;

    private readonly Regex _regex;
    private readonly ImmutableArray<Part> _parts;

    private PatternSubstitution(string pattern, string replacement, Regex regex, ImmutableArray<Part> parts)
    {
        Pattern = pattern;
        Replacement = replacement;
        _regex = regex;
        _parts = parts;
    }

    /// <summary>As it was written.</summary>
    public string Pattern { get; }

    /// <inheritdoc cref="Pattern"/>
    public string Replacement { get; }

    /// <param name="pattern">In RE2's syntax.</param>
    /// <param name="replacement">What takes the place of each match.</param>
    /// <param name="substitution">Null when it is refused.</param>
    /// <param name="problem">Why it is refused, for people; null when it is not.</param>
    public static bool TryCompile(
        string pattern,
        string replacement,
        [NotNullWhen(true)] out PatternSubstitution? substitution,
        [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(replacement);
        substitution = null;
        if (!PatternSyntax.TryCompileSearch(pattern, out Regex? regex, out problem)
            || !TryParse(replacement, regex, out ImmutableArray<Part> parts, out problem))
        {
            return false;
        }

        substitution = new PatternSubstitution(pattern, replacement, regex, parts);
        return true;
    }

    /// <summary>Writes the text with what is matched replaced.</summary>
    /// <param name="text">UTF-8; what is not is seen as U+FFFD.</param>
    /// <param name="output">Where it goes.</param>
    /// <returns>
    /// False, and nothing is written, when it would become longer than both <see cref="ResultBytesMax"/> and what it was. What is made on
    /// the way is no longer either.
    /// </returns>
    public bool TryWrite(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        int bytesMax = Math.Max(ResultBytesMax, text.Length);
        var replaced = new ArrayBufferWriter<char>();

        // No character has less than a byte.
        if (!TryReplace(Encoding.UTF8.GetString(text), replaced, bytesMax))
        {
            return false;
        }

        int bytes = Encoding.UTF8.GetByteCount(replaced.WrittenSpan);
        if (bytes > bytesMax)
        {
            return false;
        }

        output.Advance(Encoding.UTF8.GetBytes(replaced.WrittenSpan, output.GetSpan(bytes)));
        return true;
    }

    /// <summary>Both as they were written.</summary>
    public override string ToString() => $"{Pattern} to {Replacement}";

    private static bool TryParse(
        string replacement, Regex regex, out ImmutableArray<Part> parts, [NotNullWhen(false)] out string? problem)
    {
        parts = [];
        problem = null;
        if (replacement.Length > ReplacementCharactersMax)
        {
            problem = $"a replacement of {replacement.Length} characters; at most {ReplacementCharactersMax} are taken";
            return false;
        }

        ImmutableArray<Part>.Builder read = ImmutableArray.CreateBuilder<Part>();
        var text = new StringBuilder();
        int references = 0;
        for (int i = 0; i < replacement.Length; i++)
        {
            if (replacement[i] != '\\')
            {
                text.Append(replacement[i]);
                continue;
            }

            char next = ++i < replacement.Length ? replacement[i] : '\0';
            if (next == '\\')
            {
                text.Append('\\');
            }
            else if (!char.IsAsciiDigit(next))
            {
                problem = "a backslash stands before a digit or another backslash";
                return false;
            }
            else if (!regex.GetGroupNumbers().Contains(next - '0'))
            {
                problem = $"there is no group \\{next}";
                return false;
            }
            else if (++references > ReferencesMax)
            {
                problem = $"more than {ReferencesMax} references to groups";
                return false;
            }
            else
            {
                read.Add(new Part(text.ToString(), next - '0'));
                text.Clear();
            }
        }

        read.Add(new Part(text.ToString(), Group: null));
        parts = read.ToImmutable();
        return true;
    }

    private static bool TryAppend(ReadOnlySpan<char> text, ArrayBufferWriter<char> replaced, int charactersMax)
    {
        if (text.Length > charactersMax - replaced.WrittenCount)
        {
            return false;
        }

        replaced.Write(text);
        return true;
    }

    private bool TryReplace(string text, ArrayBufferWriter<char> replaced, int charactersMax)
    {
        int end = 0;
        Match match = _regex.Match(text);
        for (int i = 0; i < ReplacedMax && match.Success; i++, match = match.NextMatch())
        {
            if (!TryAppend(text.AsSpan(end, match.Index - end), replaced, charactersMax))
            {
                return false;
            }

            end = match.Index + match.Length;
            foreach (Part part in _parts)
            {
                if (!TryAppend(part.Text, replaced, charactersMax)
                    || (part.Group is int group && !TryAppend(match.Groups[group].ValueSpan, replaced, charactersMax)))
                {
                    return false;
                }
            }
        }

        return TryAppend(text.AsSpan(end), replaced, charactersMax);
    }

    /// <summary>A text, and the group behind it; none behind the last.</summary>
    private readonly record struct Part(string Text, int? Group);
}
