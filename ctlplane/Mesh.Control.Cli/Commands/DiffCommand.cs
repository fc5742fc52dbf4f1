using System.CommandLine;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Manifests;
using Mesh.Control.Cli.Models;
using Mesh.Control.Cli.Output;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Commands;

/// <summary>Says what files would change, service by service.</summary>
internal static class DiffCommand
{
    private const string Help = """
        Says what files would change if they were put into a directory of manifests, service by service: routes, endpoints, policies.

        Examples:
          meshctl diff manifests/ canary.yaml
          meshctl diff manifests/ canary.yaml -o json

        Ends with 0 when nothing would change, with 1 when something would.
        """;

    public static Command Create(Terminal terminal)
    {
        var directory = new Argument<string>("DIR") { Description = "The directory of manifests." };
        var files = new Argument<string[]>("FILE")
        {
            Description = "What would be put into it; - reads what is piped in.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string> form = Documents.FormOption("text", "yaml", "json");
        var mesh = new MeshOptions();
        var command = new Command("diff", Help) { directory, files, form };
        mesh.AddTo(command);
        command.SetAction(parsed =>
        {
            ManifestSnapshot current = Folders.Read(terminal, parsed.GetValue(directory)!, mesh.Reading(parsed));
            ManifestSnapshot put = Folders.ReadAll(terminal, parsed.GetValue(files)!, mesh.Reading(parsed));
            ProposedChange change = ProposedChange.Of(current, put, removed: [], mesh.Translation(parsed));
            List<ServiceDifference> differences = ServiceDifference.Between(
                ServiceView.Of(change.Before.Objects, mesh.Translation(parsed)),
                ServiceView.Of(change.After.Objects, mesh.Translation(parsed)));
            Write(terminal, parsed.GetValue(form)!, differences);
            return differences.Count > 0 ? ExitCode.Failed : ExitCode.Fine;
        });
        return command;
    }

    private static void Write(Terminal terminal, string form, List<ServiceDifference> differences)
    {
        if (form != "text")
        {
            Documents.Write(terminal, form, new JsonArray([.. differences.Select(difference => difference.ToJson())]));
            return;
        }

        foreach (ServiceDifference difference in differences)
        {
            terminal.Output.WriteLine($"{difference.Service} {difference.Kind}");
            foreach ((string path, string? before, string? after) in difference.Lines)
            {
                if (before is not null)
                {
                    terminal.Output.WriteLine($"- {path}: {before}");
                }

                if (after is not null)
                {
                    terminal.Output.WriteLine($"+ {path}: {after}");
                }
            }
        }

        if (differences.Count == 0)
        {
            terminal.Output.WriteLine("No service would change.");
        }
    }
}
