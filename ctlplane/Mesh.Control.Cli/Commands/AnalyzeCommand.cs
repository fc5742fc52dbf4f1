using System.Collections.Immutable;
using System.CommandLine;
using Mesh.Control.Cli.Output;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Cli.Commands;

/// <summary>Says everything that is wrong with manifests, before they are applied.</summary>
internal static class AnalyzeCommand
{
    private const string Help = """
        Says what is wrong with manifests, and what would mend it.

        The manifests are read and translated as the control plane does it, and then compared with one another. Rules that need to know the
        whole mesh, such as whether a service exists, hold when services are among the manifests.

        Examples:
          meshctl analyze manifests/
          meshctl analyze cart.yaml manifests/ --failure-threshold warning
          helm template shop | meshctl analyze -
          meshctl analyze manifests/ -o sarif > findings.sarif

        Ends with 0 when there is nothing at or above the threshold, with 1 when there is, with 2 when the command line is wrong.
        """;

    public static Command Create(Terminal terminal)
    {
        var paths = new Argument<string[]>("DIR|FILE")
        {
            Description = "Directories and files; - reads what is piped in.",
            Arity = ArgumentArity.OneOrMore,
        };
        var format = new Option<string>("--output", "-o")
        {
            Description = "How findings are written.",
            HelpName = "text|json|sarif",
            DefaultValueFactory = _ => "text",
        };
        format.AcceptOnlyFromAmong("text", "json", "sarif");
        var threshold = new Option<string>("--failure-threshold")
        {
            Description = "The least severity that makes the command end with 1.",
            HelpName = "error|warning|info",
            DefaultValueFactory = _ => "error",
        };
        threshold.AcceptOnlyFromAmong("error", "warning", "info");
        var notes = new Option<bool>("--notes")
        {
            Description = "Also what is only worth knowing and has no code, such as kinds that are not read.",
        };
        var mesh = new MeshOptions();
        var command = new Command("analyze", Help) { paths, format, threshold, notes };
        mesh.AddTo(command);
        command.SetAction(parsed =>
        {
            ManifestSnapshot input = ManifestFiles.Read(parsed.GetValue(paths)!, mesh.Reading(parsed), terminal.Input);
            ImmutableArray<Diagnostic> findings = Inspection.Of(input, mesh.Translation(parsed)).Findings;
            if (!parsed.GetValue(notes))
            {
                findings = findings.RemoveAll(finding => finding.Code.Length == 0);
            }

            switch (parsed.GetValue(format))
            {
                case "json":
                    FindingsJson.Write(terminal.Output, findings);
                    break;
                case "sarif":
                    Sarif.Write(terminal.Output, findings);
                    break;
                default:
                    FindingsText.Write(terminal, findings, input.Objects.Length);
                    break;
            }

            return findings.Any(finding => finding.Severity >= SeverityNames.Parse(parsed.GetValue(threshold)!))
                ? ExitCode.Failed
                : ExitCode.Fine;
        });
        return command;
    }
}
