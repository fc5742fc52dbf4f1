using System.Text.RegularExpressions;
using Xunit;

namespace Mesh.Control.Tests.Support;

/// <summary>The tables of the pages in ctlplane/docs.</summary>
internal static partial class DocumentedTables
{
    /// <summary>Name and unit of every instrument of the page of metrics.</summary>
    public static List<string> Instruments() =>
        [.. RowsOf("metrics.md", MetricRow()).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}".Trim())];

    public static List<string> InstrumentNames() => [.. RowsOf("metrics.md", MetricRow()).Select(row => row.Groups[1].Value)];

    /// <summary>Number and level of every message of the page of operations.</summary>
    public static List<string> Events() =>
        [.. RowsOf("operations.md", EventRow()).Select(row => $"{row.Groups[1].Value} {row.Groups[2].Value}")];

    /// <summary>The folder of the repository.</summary>
    public static string Root
    {
        get
        {
            DirectoryInfo? folder = new(AppContext.BaseDirectory);
            while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
            {
                folder = folder.Parent;
            }

            Assert.NotNull(folder);
            return folder.FullName;
        }
    }

    /// <summary>The whole text of a page.</summary>
    public static string Page(string page) => File.ReadAllText(Path.Combine(Root, "ctlplane", "docs", page));

    private static List<Match> RowsOf(string page, Regex row) =>
        [.. Page(page).Split('\n').Select(line => row.Match(line)).Where(match => match.Success)];

    [GeneratedRegex(@"^\| `(mesh\.[a-z.]+)` \| *(s?) *\|")]
    private static partial Regex MetricRow();

    [GeneratedRegex(@"^\| (\d{4}) \| (\w+) \|")]
    private static partial Regex EventRow();
}
