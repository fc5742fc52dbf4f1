using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Mesh.Tidy.Rules;

/// <summary>Comments say why, in words; what is not needed is deleted and not commented out.</summary>
internal static partial class Comments
{
    /// <summary>A reminder nobody is held to.</summary>
    public static IEnumerable<Finding> CheckReminders(SourceFile file)
    {
        foreach (SyntaxTrivia comment in CommentsOf(file))
        {
            foreach (Match match in Reminder().Matches(comment.ToString()))
            {
                yield return file.At(comment, $"'{match.Value}' without an issue number is a promise to nobody.");
            }
        }
    }

    /// <summary>A comment that would compile as a statement was a statement.</summary>
    public static IEnumerable<Finding> CheckCommentedOutCode(SourceFile file)
    {
        foreach (SyntaxTrivia comment in CommentsOf(file))
        {
            string text = comment.ToString();
            if (text.StartsWith("///", StringComparison.Ordinal) || text.StartsWith("/**", StringComparison.Ordinal))
            {
                continue;
            }

            foreach (string line in text.Split('\n'))
            {
                string candidate = line.Trim().TrimStart('/', '*').TrimEnd('/', '*').Trim();
                if (LooksLikeCode(candidate))
                {
                    yield return file.At(comment, $"Commented-out code: '{candidate}'.");
                }
            }
        }
    }

    private static bool LooksLikeCode(string text)
    {
        // Prose may end in a semicolon too, but it does not parse: two words in a row are no expression.
        if (!text.EndsWith(';') && !text.EndsWith('{') && !text.EndsWith('}'))
        {
            return false;
        }

        if (text is "{" or "}" or "};")
        {
            return true;
        }

        string complete = text.EndsWith('{') ? text + "}" : text;
        StatementSyntax statement = SyntaxFactory.ParseStatement(complete);
        bool isOneStatement = statement.FullSpan.Length == complete.Length && !statement.ContainsDiagnostics;
        bool isTwoWords = statement is LocalDeclarationStatementSyntax { Declaration.Variables: [{ Initializer: null }] };
        bool isOneWord = statement is ExpressionStatementSyntax { Expression: IdentifierNameSyntax };
        return isOneStatement && !isTwoWords && !isOneWord;
    }

    private static IEnumerable<SyntaxTrivia> CommentsOf(SourceFile file) => file.Syntax.DescendantTrivia(descendIntoTrivia: false)
        .Where(trivia => trivia.IsKind(SyntaxKind.SingleLineCommentTrivia)
            || trivia.IsKind(SyntaxKind.MultiLineCommentTrivia)
            || trivia.IsKind(SyntaxKind.SingleLineDocumentationCommentTrivia)
            || trivia.IsKind(SyntaxKind.MultiLineDocumentationCommentTrivia));

    // Each word has a class of one letter, so that a search for reminders does not find their rule.
    [GeneratedRegex(@"\b(TO[D]O|FIX[M]E|HA[C]K|X[X]X)\b(?![^\n]*#\d)")]
    private static partial Regex Reminder();
}
