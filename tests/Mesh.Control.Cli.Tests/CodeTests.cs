using System.Collections.Immutable;
using System.Text;
using Mesh.Api.Identity;
using Mesh.Control.Analysis;
using Mesh.Control.Cli.Output;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>
/// One directory for each code: <c>input.yaml</c>, which breaks its rule and no other, what must be said of it, and <c>clean.yaml</c>, the
/// same without the fault, of which nothing is to be said. What is expected was written from the rule and is never taken from an output.
/// </summary>
public sealed class CodeTests
{
    /// <summary>Codes that no manifest can cause.</summary>
    private static readonly string[] s_withoutCase = [DiagnosticCodes.Internal.Code];

    private static string Root => Path.Combine(AppContext.BaseDirectory, "Golden");

    public static TheoryData<string> Codes =>
        [.. Directory.GetDirectories(Root).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal)];

    [Fact]
    public void Every_code_has_a_case() => Assert.Equal(
        DiagnosticCodes.All.Select(code => code.Code).Except(s_withoutCase).Order(StringComparer.Ordinal), Codes.Select(row => row.Data));

    [Theory]
    [MemberData(nameof(Codes))]
    public void What_breaks_a_rule_is_said_with_its_line_and_a_hint(string code) =>
        Assert.Equal(File.ReadAllText(Cli.Golden(code, "expected.txt")), Findings(code, "input.yaml"));

    [Theory]
    [MemberData(nameof(Codes))]
    public void Of_what_keeps_the_rule_nothing_is_said(string code) => Assert.Equal(string.Empty, Findings(code, "clean.yaml"));

    [Theory]
    [MemberData(nameof(Codes))]
    public void Each_finding_is_of_the_severity_of_its_code(string code)
    {
        string level = SeverityNames.Of(DiagnosticCodes.Find(code)!.Severity);
        Assert.Contains($"{level} [{code}] (", File.ReadAllText(Cli.Golden(code, "expected.txt")), StringComparison.Ordinal);
    }

    /// <summary>Of kinds that translation has no use for it says so, under the code of warnings: that is another matter.</summary>
    private static string Findings(string code, string file)
    {
        (ImmutableArray<RawObject> objects, Diagnostic? problem) =
            ManifestFiles.ReadText("input.yaml", File.ReadAllText(Cli.Golden(code, file)));
        Assert.Null(problem);
        var text = new StringBuilder();
        var input = new ManifestSnapshot(
            [.. objects.OrderBy(source => source.Key, Comparer<ObjectKey>.Create(ObjectKey.Compare))], [], IsComplete: true);
        foreach (Diagnostic finding in Inspection.Of(input, new TranslationOptions { TrustDomain = TrustDomain.Default }).Findings)
        {
            bool isOfTranslation = finding.Code == DiagnosticCodes.ValidWithWarning.Code && code != finding.Code;
            if (finding.Code.Length > 0 && !isOfTranslation)
            {
                text.Append(FindingsText.LineOf(finding)).Append('\n').Append(FindingsText.HintOf(finding)).Append('\n');
            }
        }

        return text.ToString();
    }
}
