using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Mesh.Tidy.Rules;

/// <summary>A reason that no code gives misleads, and one that no test sees may be given wrongly.</summary>
internal static class CloseReasonCoverage
{
    private const string Enum = "CloseReason";

    private static readonly char[] s_wordEnds = [' ', '=', '"', '\'', ':', ',', '{', '}', '\n'];

    /// <summary>Every reason is given somewhere outside its own table, and is expected by some test other than the table's.</summary>
    /// <param name="declaration">The file that declares the enum.</param>
    /// <param name="product">Code that may give reasons.</param>
    /// <param name="tests">Code that may expect them, by member or by name in a log line.</param>
    public static IEnumerable<Finding> Check(SourceFile declaration, IEnumerable<SourceFile> product, IEnumerable<SourceFile> tests)
    {
        HashSet<string> given = [.. product.SelectMany(MembersUsed)];
        HashSet<string> expected = [.. tests.SelectMany(file => MembersUsed(file).Concat(Words(file)))];
        foreach (EnumMemberDeclarationSyntax member in declaration.Syntax.DescendantNodes().OfType<EnumMemberDeclarationSyntax>())
        {
            string reason = member.Identifier.ValueText;
            if (reason == "None")
            {
                continue;
            }

            if (!given.Contains(reason))
            {
                yield return declaration.At(member.Identifier, $"No code ends a connection as {reason}: remove it.");
            }

            if (!expected.Contains(reason))
            {
                yield return declaration.At(member.Identifier, $"No test expects {reason}.");
            }
        }
    }

    private static IEnumerable<string> MembersUsed(SourceFile file) => file.Syntax.DescendantNodes()
        .OfType<MemberAccessExpressionSyntax>()
        .Where(access => access.Expression is SimpleNameSyntax { Identifier.ValueText: Enum })
        .Select(access => access.Name.Identifier.ValueText);

    private static IEnumerable<string> Words(SourceFile file) => file.Syntax.DescendantTokens()
        .Where(token => token.Value is string)
        .SelectMany(token => ((string)token.Value!).Split(s_wordEnds, StringSplitOptions.RemoveEmptyEntries));
}
