using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Mesh.Tidy.Rules;

/// <summary>A reason that no code gives misleads, and one that no test sees may be given wrongly.</summary>
internal static class CloseReasonCoverage
{
    private const string Enum = "CloseReason";

    /// <summary>The tables of all reasons name each of them, and show nothing.</summary>
    private static readonly string[] s_tables = ["CloseReasons.cs", "CloseReasonTests.cs"];

    private static readonly char[] s_wordEnds = [' ', '=', '"', '\'', ':', ',', '{', '}', '\n'];

    /// <summary>Every reason is given somewhere outside the tables.</summary>
    /// <param name="files">All code: the product, the tests, and the file that declares the enum.</param>
    public static IEnumerable<Finding> CheckGiven(IReadOnlyCollection<SourceFile> files)
    {
        HashSet<string> given = [.. files.Where(file => !IsTable(file) && !IsTest(file)).SelectMany(MembersGiven)];
        return Reasons(files)
            .Where(reason => !given.Contains(reason.Name.ValueText))
            .Select(reason => reason.File.At(reason.Name, $"No code ends a connection as {reason.Name.ValueText}: remove it."));
    }

    /// <summary>Every reason is expected by some test, by member or by name in a log line.</summary>
    /// <inheritdoc cref="CheckGiven"/>
    public static IEnumerable<Finding> CheckExpected(IReadOnlyCollection<SourceFile> files)
    {
        HashSet<string> expected = [.. files.Where(file => !IsTable(file) && IsTest(file)).SelectMany(file => MembersUsed(file).Concat(Words(file)))];
        return Reasons(files)
            .Where(reason => !expected.Contains(reason.Name.ValueText))
            .Select(reason => reason.File.At(reason.Name, $"No test expects {reason.Name.ValueText}."));
    }

    private static IEnumerable<(SourceFile File, SyntaxToken Name)> Reasons(IEnumerable<SourceFile> files) =>
        from file in files.Where(file => NameOf(file) == $"{Enum}.cs")
        from member in file.Syntax.DescendantNodes().OfType<EnumMemberDeclarationSyntax>()
        where member.Identifier.ValueText != "None"
        select (file, member.Identifier);

    private static bool IsTable(SourceFile file) => s_tables.Contains(NameOf(file));

    private static bool IsTest(SourceFile file) => file.IsUnder("tests", "bench");

    private static string NameOf(SourceFile file) => file.Path.Split('/')[^1];

    /// <summary>Uses that say why; to ask whether it was that reason gives it to nobody.</summary>
    private static IEnumerable<string> MembersGiven(SourceFile file) =>
        MembersUsed(file, access => access.FirstAncestorOrSelf<PatternSyntax>() is null
            && access.Parent is not BinaryExpressionSyntax { RawKind: (int)SyntaxKind.EqualsExpression or (int)SyntaxKind.NotEqualsExpression });

    private static IEnumerable<string> MembersUsed(SourceFile file) => MembersUsed(file, _ => true);

    private static IEnumerable<string> MembersUsed(SourceFile file, Func<MemberAccessExpressionSyntax, bool> condition) => file.Syntax
        .DescendantNodes()
        .OfType<MemberAccessExpressionSyntax>()
        .Where(access => access.Expression is SimpleNameSyntax { Identifier.ValueText: Enum } && condition(access))
        .Select(access => access.Name.Identifier.ValueText);

    private static IEnumerable<string> Words(SourceFile file) => file.Syntax.DescendantTokens()
        .Where(token => token.Value is string)
        .SelectMany(token => ((string)token.Value!).Split(s_wordEnds, StringSplitOptions.RemoveEmptyEntries));
}
