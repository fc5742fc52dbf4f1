using System.Text;

namespace Mesh.Lab.Cli;

/// <summary>Columns as wide as their widest cell, two spaces apart.</summary>
internal sealed class TextTable(params string[] headings)
{
    private readonly List<string[]> _rows = [headings];

    public void Add(params string[] cells) => _rows.Add(cells);

    public string Render(string indent)
    {
        int[] widths = [.. headings.Select((_, column) => _rows.Max(row => row[column].Length))];
        var text = new StringBuilder();
        foreach (string[] row in _rows)
        {
            string line = string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column])));
            text.Append(indent).Append(line.TrimEnd()).Append('\n');
        }

        return text.ToString();
    }
}
