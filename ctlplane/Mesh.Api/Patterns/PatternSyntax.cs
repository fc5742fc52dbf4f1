using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;

namespace Mesh.Api.Patterns;

/// <summary>
/// The regular expressions people write in routes: RE2's, matched against the whole of a text in time linear in its length. Both planes
/// read them here, so that what one takes the other does too. Pure.
/// </summary>
/// <remarks>
/// The runtime's engine without backtracking does the matching. Where it would read an expression otherwise than RE2, the expression is
/// refused: a route that means something else than its author thinks is worse than none. One difference stays: \d, \w and \s take in
/// what is not ASCII.
/// </remarks>
public static class PatternSyntax
{
    /// <summary>The most characters of an expression (reference B.1).</summary>
    public const int CharactersMax = 1_024;

    /// <summary>States of an automaton before an expression is too large; RE2's own limit is of this order.</summary>
    private const int AutomatonSizeMax = 10_000;

    static PatternSyntax() => AppContext.SetData("REGEX_NONBACKTRACKING_MAX_AUTOMATA_SIZE", AutomatonSizeMax);

    /// <summary>Compiles an expression.</summary>
    /// <param name="expression">In RE2's syntax, 1 to <see cref="CharactersMax"/> characters.</param>
    /// <param name="regex">Matches the whole of a text and nothing less; null when the expression is refused.</param>
    /// <param name="problem">Why it is refused, for people; null when it is not.</param>
    public static bool TryCompile(
        string expression, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? problem) =>
        TryCompile(expression, isWhole: true, out regex, out problem);

    /// <summary>Compiles an expression that may match any part of a text.</summary>
    /// <inheritdoc cref="TryCompile(string, out Regex?, out string?)"/>
    internal static bool TryCompileSearch(
        string expression, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? problem) =>
        TryCompile(expression, isWhole: false, out regex, out problem);

    private static bool TryCompile(
        string expression, bool isWhole, [NotNullWhen(true)] out Regex? regex, [NotNullWhen(false)] out string? problem)
    {
        ArgumentNullException.ThrowIfNull(expression);
        regex = null;
        problem = ProblemOf(expression);
        if (problem is not null)
        {
            return false;
        }

        try
        {
            string dialect = expression.Replace("(?P<", "(?<", StringComparison.Ordinal);
            regex = new Regex(isWhole ? $@"\A(?:{dialect})\z" : dialect, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
            return true;
        }
        catch (RegexParseException exception)
        {
            // What is not closed is noticed behind what closes the whole.
            int offset = Math.Min(exception.Offset - (isWhole ? @"\A(?:".Length : 0), expression.Length);
            problem = $"not a regular expression: {exception.Error} at character {offset + 1}";
        }
        catch (NotSupportedException)
        {
            // What needs backtracking cannot be bounded in time, and what repeats too much cannot be bounded in memory.
            problem = "a regular expression that looks around, refers back or repeats too much cannot be matched in bounded time";
        }

        return false;
    }

    private static string? ProblemOf(string expression)
    {
        if (expression.Length is 0 or > CharactersMax)
        {
            return expression.Length == 0
                ? "an empty regular expression matches nothing"
                : $"a regular expression of {expression.Length} characters; at most {CharactersMax} are taken";
        }

        bool isInClass = false;
        for (int i = 0; i < expression.Length; i++)
        {
            switch (expression[i])
            {
                case '\\':
                    i++;
                    break;
                case '[' when !isInClass:
                    isInClass = true;

                    // A bracket that comes first, also behind a negation, is a member of the class and does not close it.
                    i += expression.AsSpan(i + 1).StartsWith("^") ? 1 : 0;
                    i += expression.AsSpan(i + 1).StartsWith("]") ? 1 : 0;
                    break;
                case '[' when expression.AsSpan(i + 1).StartsWith(":"):
                    return $"the class {Excerpt(expression, i)} by name is not supported: write its characters";
                case '[' when expression[i - 1] == '-':
                    return $"the bracket within a class at character {i + 1} is not supported: write it as \\[";
                case ']':
                    isInClass = false;
                    break;
                default:
                    break;
            }
        }

        return null;
    }

    private static string Excerpt(string expression, int start)
    {
        int end = expression.IndexOf(']', start);
        return end < 0 ? expression[start..] : expression[start..(end + 1)];
    }
}
