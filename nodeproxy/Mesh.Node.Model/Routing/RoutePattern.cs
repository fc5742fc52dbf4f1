using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Mesh.Api.Patterns;

namespace Mesh.Node.Model.Routing;

/// <summary>
/// A regular expression as RE2 reads it, matched against the whole of a text in time linear in its length. Immutable; any thread;
/// allocates only while its automaton grows, which is bounded.
/// </summary>
public sealed class RoutePattern
{
    private const int StackCharactersMax = 512;

    private readonly Regex _regex;

    private RoutePattern(string expression, Regex regex)
    {
        Expression = expression;
        _regex = regex;
    }

    /// <summary>The expression as it was written.</summary>
    public string Expression { get; }

    /// <summary>Compiles an expression.</summary>
    /// <param name="expression">As <see cref="PatternSyntax"/> takes it.</param>
    /// <param name="pattern">The compiled expression; null when it is refused.</param>
    /// <param name="problem">Why it is refused, for people; null when it is not.</param>
    public static bool TryCompile(
        string expression, [NotNullWhen(true)] out RoutePattern? pattern, [NotNullWhen(false)] out string? problem)
    {
        pattern = PatternSyntax.TryCompile(expression, out Regex? regex, out problem) ? new RoutePattern(expression, regex) : null;
        return pattern is not null;
    }

    /// <summary>True when the expression matches the whole text.</summary>
    /// <param name="text">UTF-8; what is not is seen as U+FFFD.</param>
    public bool Matches(ReadOnlySpan<byte> text)
    {
        char[]? rented = null;
        Span<char> characters = text.Length <= StackCharactersMax
            ? stackalloc char[StackCharactersMax]
            : rented = ArrayPool<char>.Shared.Rent(text.Length);
        try
        {
            _ = Utf8.ToUtf16(text, characters, out _, out int written, replaceInvalidSequences: true);
            return _regex.IsMatch(characters[..written]);
        }
        finally
        {
            if (rented is not null)
            {
                ArrayPool<char>.Shared.Return(rented);
            }
        }
    }

    public override string ToString() => Expression;
}
