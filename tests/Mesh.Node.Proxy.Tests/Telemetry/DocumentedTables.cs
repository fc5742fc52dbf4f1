using System.Text.RegularExpressions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry;

/// <summary>The tables of the pages in nodeproxy/docs.</summary>
internal static partial class DocumentedTables
{
    /// <summary>The rows of all tables of a page whose first cell is in backticks, as their cells without these.</summary>
    public static List<string[]> RowsOf(string page)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        return
        [
            .. File.ReadLines(Path.Combine(folder.FullName, "nodeproxy", "docs", page))
                .Where(line => FirstCell().IsMatch(line))
                .Select(line => line.Trim('|').Split('|').Select(cell => cell.Trim().Trim('`')).ToArray()),
        ];
    }

    [GeneratedRegex(@"^\| `")]
    private static partial Regex FirstCell();
}
