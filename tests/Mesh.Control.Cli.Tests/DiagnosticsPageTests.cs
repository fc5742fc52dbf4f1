using System.Text.RegularExpressions;
using Mesh.Control.Analysis;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>The page of codes says what the registry says, and leaves out no code that people may know.</summary>
public sealed partial class DiagnosticsPageTests
{
    private static readonly string s_page = File.ReadAllText(Path.Combine(Cli.Repository, "ctlplane/docs/diagnostics.md"));

    private static readonly string[] s_parts = s_page.Split("## Codes that are not given");

    /// <summary>What Istio and Kiali have, but for codes that were retired.</summary>
    private static readonly string[] s_known =
    [
        .. Istio(1, 2, 101, 102, 103, 106, 107, 108, 109, 110, 111, 112, 116, 118, 123, 125, 126),
        .. Istio([.. Enumerable.Range(127, 51)]),
        .. Kiali(2, 3, 4, 5, 101, 102, 104, 105, 106, 107, 108, 109, 110, 201, 202, 203, 204, 205, 206, 207, 208, 209, 210, 211, 212),
        .. Kiali(301, 302, 401, 501, 505, 506, 601, 602, 701, 1004, 1006, 1007, 1101, 1102, 1104, 1105, 1106, 1107, 1108, 1109),
        .. Kiali([.. Enumerable.Range(1110, 8)]),
        .. Kiali(1211, 1212, 1301, 1311, 1312, 1313, 1314, 1315, 1316, 1317, 1401, 1402, 1501, 1502, 1503, 1504, 1601, 1701, 1702),
    ];

    [Fact]
    public void The_table_of_codes_is_the_registry() => Assert.Equal(
        DiagnosticCodes.All.Select(RowOf).Order(StringComparer.Ordinal),
        s_parts[0].Split('\n').Where(line => CodeRow().IsMatch(line)).Order(StringComparer.Ordinal));

    [Fact]
    public void Every_code_is_given_or_has_a_reason_not_to_be()
    {
        string[] given = [.. DiagnosticCodes.All.SelectMany(code => code.Aliases.Append(code.Code)).Distinct()];
        string[] notGiven = [.. s_parts[1].Split('\n')
            .Where(line => line.StartsWith("| ", StringComparison.Ordinal))
            .SelectMany(line => AnyCode().Matches(line.Split('|')[1]).Select(match => match.Value))];

        Assert.Empty(given.Intersect(notGiven));
        Assert.Equal(s_known.Order(StringComparer.Ordinal), given.Concat(notGiven).Order(StringComparer.Ordinal));
    }

    private static string RowOf(DiagnosticCode code)
    {
        string aliases = string.Join(", ", code.Aliases);
        string last = aliases.Length == 0 ? " |" : $" {aliases} |";
        return $"| {code.Code} | {SeverityNames.Of(code.Severity)} | {code.Meaning} | {code.Fix} |{last}";
    }

    private static IEnumerable<string> Istio(params int[] numbers) => numbers.Select(number => $"IST{number:0000}");

    private static IEnumerable<string> Kiali(params int[] numbers) => numbers.Select(number => $"KIA{number:0000}");

    [GeneratedRegex(@"^\| (IST|KIA)\d{4} \|")]
    private static partial Regex CodeRow();

    [GeneratedRegex(@"(IST|KIA)\d{4}")]
    private static partial Regex AnyCode();
}
