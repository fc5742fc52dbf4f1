using System.Collections.Immutable;
using Mesh.Control.Model.Diagnostics;
using Spectre.Console;

namespace Mesh.Control.Cli.Output;

/// <summary>Findings as istioctl writes them, and below each what would mend it.</summary>
internal static class FindingsText
{
    public static void Write(Terminal terminal, ImmutableArray<Diagnostic> findings, int objectCount)
    {
        foreach (Diagnostic finding in findings)
        {
            string line = LineOf(finding);
            int levelLength = SeverityNames.Of(finding.Severity).Length;
            if (terminal.IsInteractive)
            {
                // Straight to the console: what is a terminal has the width of one, and long lines wrap by themselves.
                AnsiConsole.Write(new Text(line[..levelLength], StyleOf(finding.Severity)));
                AnsiConsole.WriteLine(line[levelLength..]);
            }
            else
            {
                terminal.Output.WriteLine(line);
            }

            if (HintOf(finding) is { Length: > 0 } hint)
            {
                terminal.Output.WriteLine(hint);
            }
        }

        terminal.Output.WriteLine(findings.IsEmpty
            ? $"No findings in {Counted(objectCount, "object")}."
            : $"{Counted(findings.Length, "finding")} in {Counted(objectCount, "object")}: "
                + string.Join(", ", findings.GroupBy(finding => finding.Severity)
                    .OrderByDescending(group => group.Key)
                    .Select(group => Counted(group.Count(), SeverityNames.Of(group.Key).ToLowerInvariant()))) + ".");
    }

    /// <summary><c>Level [CODE] (Kind ns/name file:line) message</c>.</summary>
    public static string LineOf(Diagnostic finding)
    {
        string code = finding.Code.Length == 0 ? string.Empty : $" [{finding.Code}]";
        string what = finding.Object is { } key ? $"{key} {finding.Origin}" : finding.Origin.ToString();
        string where = what.Length == 0 ? string.Empty : $" ({what})";
        return PlainText.Line($"{SeverityNames.Of(finding.Severity)}{code}{where} {finding.Reason}");
    }

    /// <summary>Where in the object, and what to do; empty when there is nothing to say.</summary>
    public static string HintOf(Diagnostic finding) => PlainText.Line((finding.Field, finding.Hint) switch
    {
        ("", "") => string.Empty,
        ("", string hint) => $"  hint: {hint}",
        (string field, "") => $"  at {field}",
        (string field, string hint) => $"  at {field}, hint: {hint}",
    });

    private static string Counted(int count, string noun) =>
        $"{count} {noun}{(count == 1 || noun == "info" ? string.Empty : "s")}";

    private static Style StyleOf(DiagnosticSeverity severity) => severity switch
    {
        DiagnosticSeverity.Error => new Style(Color.Red),
        DiagnosticSeverity.Warning => new Style(Color.Yellow),
        _ => new Style(Color.Blue),
    };
}
