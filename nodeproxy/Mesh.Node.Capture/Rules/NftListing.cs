namespace Mesh.Node.Capture.Rules;

/// <summary>What <c>nft list ruleset inet</c> printed, taken apart into tables. Pure.</summary>
internal sealed class NftListing
{
    private const string Opening = "table inet ";

    private NftListing(SortedDictionary<string, string> tables) => Tables = tables;

    /// <summary>The text of each table, by name.</summary>
    public IReadOnlyDictionary<string, string> Tables { get; }

    /// <summary>The names of tables that are ours; every version's begin alike.</summary>
    public IEnumerable<string> Ours => Tables.Keys.Where(name => name.StartsWith(NftText.Table, StringComparison.Ordinal));

    /// <summary>Reads a listing.</summary>
    /// <exception cref="CaptureException">It is something else.</exception>
    public static NftListing Parse(string output)
    {
        SortedDictionary<string, string> tables = new(StringComparer.Ordinal);
        string? name = null;
        List<string> lines = [];
        foreach (string line in output.Split('\n'))
        {
            if (name is not null)
            {
                lines.Add(line);
                if (line == "}")
                {
                    tables[name] = string.Join('\n', lines);
                    name = null;
                }
            }
            else if (line.StartsWith(Opening, StringComparison.Ordinal) && line.Split(' ') is [_, _, string found, "{", ..])
            {
                name = found;
                lines = [];
            }
            else if (line.Length > 0 && line[0] != '#')
            {
                throw new CaptureException($"nft printed a line that is not understood: {line}");
            }
        }

        return name is null ? new NftListing(tables) : throw new CaptureException($"nft ended within table {name}.");
    }
}
