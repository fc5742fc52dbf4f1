using System.CommandLine;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Models;
using Mesh.Control.Cli.Output;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Cli.Commands;

/// <summary>Shows what the control plane makes of manifests.</summary>
internal static class TranslateCommand
{
    private const string Help = """
        Shows the model that the control plane makes of manifests: workloads, services with their routes, policies, each by itself.

        Of a pod that has no address yet nothing can be made. Errors go to the error output; what they are about is left out, or a policy
        taken in its strictest reading, as in the control plane.

        Examples:
          meshctl translate manifests/
          meshctl translate cart.yaml -o json
        """;

    public static Command Create(Terminal terminal)
    {
        var paths = new Argument<string[]>("DIR|FILE")
        {
            Description = "Directories and files; - reads what is piped in.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<string> form = Documents.FormOption("yaml", "json");
        var mesh = new MeshOptions();
        var command = new Command("translate", Help) { paths, form };
        mesh.AddTo(command);
        command.SetAction(parsed =>
        {
            Inspection inspection = Inspection.Of(
                ManifestFiles.Read(parsed.GetValue(paths)!, mesh.Reading(parsed), terminal.Input), mesh.Translation(parsed));
            MeshModel model = inspection.Translation.Model;
            Documents.Write(terminal, parsed.GetValue(form)!, new JsonObject
            {
                ["namespaces"] = new JsonArray([.. model.Namespaces.Values.Where(IsUsed).Select(ModelJson.Of)]),
                ["traffic"] = ModelJson.Of(model.Traffic),
            });
            List<Diagnostic> errors = [.. inspection.Findings.Where(finding => finding.Severity == DiagnosticSeverity.Error)];
            errors.ForEach(error => terminal.Errors.WriteLine(FindingsText.LineOf(error)));
            return errors.Count > 0 ? ExitCode.Failed : ExitCode.Fine;
        });
        return command;
    }

    private static bool IsUsed(NamespaceModel model) =>
        !model.Workloads.IsEmpty || !model.Services.IsEmpty || !model.Policies.IsEmpty;
}
