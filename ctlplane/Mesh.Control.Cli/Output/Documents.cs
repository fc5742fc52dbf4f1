using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Mesh.Control.Cli.Output;

/// <summary>Answers in the form that was asked for.</summary>
internal static class Documents
{
    /// <summary>The option that chooses the form.</summary>
    /// <param name="forms">The first is the default.</param>
    public static Option<string> FormOption(params string[] forms)
    {
        var option = new Option<string>("--output", "-o")
        {
            Description = "The form of the answer.",
            HelpName = string.Join('|', forms),
            DefaultValueFactory = _ => forms[0],
        };
        option.AcceptOnlyFromAmong(forms);
        return option;
    }

    /// <summary>Writes JSON or YAML.</summary>
    public static void Write(Terminal terminal, string form, JsonNode? document)
    {
        if (form == "json")
        {
            terminal.Output.WriteLine(JsonText.Of(document));
        }
        else
        {
            terminal.Output.Write(YamlText.Of(document));
        }
    }

    /// <summary>Writes rows under headings, no wider than they are.</summary>
    public static void WriteTable(Terminal terminal, string[] headings, IEnumerable<string[]> rows)
    {
        var table = new Table { Border = TableBorder.None, ShowHeaders = true };
        table.AddColumns(
        [
            .. headings.Select(heading => new TableColumn(new Text(heading)) { NoWrap = true, Padding = new Padding(0, 0, 2, 0) }),
        ]);
        foreach (string[] row in rows)
        {
            table.AddRow(row.Select(IRenderable (cell) => new Text(cell.Length == 0 ? "-" : PlainText.Line(cell))));
        }

        using var text = new StringWriter();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(text),
        });

        // Scripts cut columns out of lines: a line is a row, whatever the width of the terminal.
        console.Profile.Width = 10_000;
        console.Write(table);
        foreach (string line in text.ToString().TrimEnd('\n').Split('\n'))
        {
            terminal.Output.WriteLine(line.TrimEnd());
        }
    }
}
