using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// Which rule interfaces can have anything in a namespace at all, found out with one tool for all of them: a new pod has nothing, and
/// to ask each tool of each family costs more than the pod's own rules.
/// </summary>
internal sealed class ForeignTables
{
    // Tables of x_tables that are in use in the namespace; without the module there is no such file.
    private static readonly string[] s_legacyLists = ["/proc/thread-self/net/ip_tables_names", "/proc/thread-self/net/ip6_tables_names"];

    private readonly bool _hasLegacy;

    // Null where there is no nft to ask.
    private readonly string[]? _tables;

    private ForeignTables(bool hasLegacy, string[]? tables)
    {
        _hasLegacy = hasLegacy;
        _tables = tables;
    }

    /// <exception cref="CaptureException">nft cannot be asked.</exception>
    public static async Task<ForeignTables> ReadAsync(NetNamespace network, NamespaceTools tools, CancellationToken cancellation)
    {
        bool hasLegacy = network.Run(0, static _ => s_legacyLists.Any(HasContent));
        if (NamespaceTools.Find("nft") is null)
        {
            return new ForeignTables(hasLegacy, null);
        }

        ToolResult listed = await tools.RunAsync(network, "nft", ["list", "tables"], "", cancellation);
        return new ForeignTables(hasLegacy, listed.OutputOrThrow().Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    /// <summary>Whether a rule interface may have rules here; false only where it has none.</summary>
    public bool MayHave(CaptureBackend backend) => backend switch
    {
        CaptureBackend.IptablesLegacy => _hasLegacy,
        CaptureBackend.Nft => HasTable("table inet "),
        _ => HasTable("table ip ") || HasTable("table ip6 "),
    };

    private bool HasTable(string beginning) =>
        _tables is null || _tables.Any(table => table.StartsWith(beginning, StringComparison.Ordinal));

    private static bool HasContent(string path)
    {
        try
        {
            return File.ReadAllText(path).Length > 0;
        }
        catch (Exception missing) when (missing is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException)
        {
            // A pod with users of its own keeps it to itself: the tools are asked.
            return true;
        }
    }
}
