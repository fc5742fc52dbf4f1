using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Mesh.Api.Patterns;

/// <summary>
/// Replaces what a regular expression of RE2 matches in a text, as RE2's own substitution does: <c>\1</c> to <c>\9</c> are groups,
/// <c>\0</c> is all of the match, <c>\\</c> is a backslash. Immutable; any thread; allocates a few short strings for a text.
/// </summary>
public sealed class PatternSubstitution
{
    /// <summary>The most characters of a replacement, so that no request can grow without measure.</summary>
    public const int ReplacementCharactersMax = 1_024;

    /// <summary>How many matches of one text are replaced; the rest of it stays.</summary>
    public const int ReplacedMax = 64;

    private readonly Regex _regex;
    private readonly string _replacement;

    private PatternSubstitution(string pattern, string replacement, Regex regex, string translated)
    {
        Pattern = pattern;
        Replacement = replacement;
        _regex = regex;
        _replacement = translated;
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
            || !TryTranslate(replacement, regex, out string? translated, out problem))
        {
            return false;
        }

        substitution = new PatternSubstitution(pattern, replacement, regex, translated);
        return true;
    }

    /// <summary>Writes the text with what is matched replaced.</summary>
    /// <param name="text">UTF-8; what is not is seen as U+FFFD.</param>
    /// <param name="output">Where it goes.</param>
    public void Write(ReadOnlySpan<byte> text, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(output);
        string replaced = _regex.Replace(Encoding.UTF8.GetString(text), _replacement, ReplacedMax);
        output.Advance(Encoding.UTF8.GetBytes(replaced, output.GetSpan(Encoding.UTF8.GetMaxByteCount(replaced.Length))));
    }

    /// <summary>Both as they were written.</summary>
    public override string ToString() => $"{Pattern} to {Replacement}";

    private static bool TryTranslate(
        string replacement, Regex regex, [NotNullWhen(true)] out string? translated, [NotNullWhen(false)] out string? problem)
    {
        translated = null;
        problem = null;
        if (replacement.Length > ReplacementCharactersMax)
        {
            problem = $"a replacement of {replacement.Length} characters; at most {ReplacementCharactersMax} are taken";
            return false;
        }

        var text = new StringBuilder();
        for (int i = 0; i < replacement.Length; i++)
        {
            char character = replacement[i];
            if (character != '\\')
            {
                text.Append(character == '$' ? "$$" : character.ToString());
                continue;
            }

            char next = ++i < replacement.Length ? replacement[i] : '\0';
            if (next == '\\')
            {
                text.Append('\\');
            }
            else if (char.IsAsciiDigit(next) && regex.GetGroupNumbers().Contains(next - '0'))
            {
                text.Append(CultureInfo.InvariantCulture, $"${{{next}}}");
            }
            else
            {
                problem = char.IsAsciiDigit(next)
                    ? $"there is no group \\{next}"
                    : "a backslash stands before a digit or another backslash";
                return false;
            }
        }

        translated = text.ToString();
        return true;
    }
}
