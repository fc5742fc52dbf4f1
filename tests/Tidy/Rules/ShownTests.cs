using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Mesh.Tidy.Rules;

/// <summary>Documentation that names a test as its proof proves nothing once that test is gone or called otherwise.</summary>
internal static partial class ShownTests
{
    /// <summary>The table of what the talks show, and the folder of its tests.</summary>
    private const string Table = "tests/EndToEnd/Talks/README.md";

    /// <summary>Every `Class.A_test` of a document is a method of that class.</summary>
    /// <param name="document">A Markdown file.</param>
    /// <param name="tests">Names of <see cref="TestsIn"/>.</param>
    public static IEnumerable<Finding> CheckNamed(SourceFile document, IReadOnlySet<string> tests)
    {
        for (int index = 0; index < document.Lines.Length; index++)
        {
            foreach (Match match in TestName().Matches(document.Lines[index]))
            {
                if (!tests.Contains(match.Groups[1].Value))
                {
                    yield return document.At(index + 1, $"`{match.Groups[1].Value}` is no test.");
                }
            }
        }
    }

    /// <summary>Every test that is named after a row stands in the table.</summary>
    public static IEnumerable<Finding> CheckTable(IEnumerable<SourceFile> documents, IEnumerable<string> tests)
    {
        SourceFile? table = documents.FirstOrDefault(document => document.Path == Table);
        return tests
            .Where(test => test.Contains(".Row_", StringComparison.Ordinal) && table?.Text.Contains($"`{test}`", StringComparison.Ordinal) != true)
            .Select(test => new Finding(Table, 0, $"The table lacks {test}."));
    }

    /// <summary>All methods of classes of tests, as Class.Method.</summary>
    public static HashSet<string> TestsIn(IEnumerable<SourceFile> code) =>
    [
        .. from file in code.Where(file => file.IsUnder("tests"))
           from method in file.Syntax.DescendantNodes().OfType<MethodDeclarationSyntax>()
           let type = method.FirstAncestorOrSelf<TypeDeclarationSyntax>()
           where type is not null && method.AttributeLists.Count > 0
           select $"{type.Identifier.ValueText}.{method.Identifier.ValueText}",
    ];

    [GeneratedRegex(@"`([A-Z][A-Za-z0-9]*\.[A-Z][A-Za-z0-9]*_[A-Za-z0-9_]+)`")]
    private static partial Regex TestName();
}
