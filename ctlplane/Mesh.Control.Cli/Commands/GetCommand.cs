using System.CommandLine;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Manifests;
using Mesh.Control.Cli.Output;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Commands;

/// <summary>Shows the objects of a directory of manifests.</summary>
internal static class GetCommand
{
    private const string Help = """
        Shows the objects of a directory of manifests, and where each is written.

        Examples:
          meshctl get manifests/
          meshctl get manifests/ virtualservice
          meshctl get manifests/ dr cart -n shop -o yaml

        Kinds may be written in full, in the plural, or short, as in vs, dr, se, pa, ap. What secrets hold is not shown.
        """;

    public static Command Create(Terminal terminal)
    {
        var directory = new Argument<string>("DIR") { Description = "The directory of manifests." };
        var kind = new Argument<string?>("KIND") { Description = "Only objects of this kind.", Arity = ArgumentArity.ZeroOrOne };
        kind.CompletionSources.Add([.. KindNames.ShortNames]);
        var name = new Argument<string?>("NAME") { Description = "Only the object of this name.", Arity = ArgumentArity.ZeroOrOne };
        Option<string?> @namespace = NamespaceOption();
        Option<string> form = Documents.FormOption("table", "yaml", "json");
        var mesh = new MeshOptions();
        var command = new Command("get", Help) { directory, kind, name, @namespace, form };
        mesh.AddTo(command);
        command.SetAction(parsed =>
        {
            ManifestSnapshot snapshot = Folders.Read(terminal, parsed.GetValue(directory)!, mesh.Reading(parsed));
            List<RawObject> found =
            [
                .. snapshot.Objects.Where(source =>
                    (parsed.GetValue(kind) is not { } wanted || KindNames.Means(wanted, source.Key))
                    && (parsed.GetValue(name) is not { } called || source.Key.Name == called)
                    && (parsed.GetValue(@namespace) is not { } inside || source.Key.Namespace == inside)),
            ];
            if (found.Count == 0)
            {
                throw MissingObject.In(
                    snapshot.Objects,
                    parsed.GetValue(directory)!,
                    parsed.GetValue(kind),
                    parsed.GetValue(name),
                    parsed.GetValue(@namespace));
            }

            Write(terminal, parsed.GetValue(form)!, found);
            return snapshot.IsComplete ? ExitCode.Fine : ExitCode.Failed;
        });
        return command;
    }

    public static Option<string?> NamespaceOption() => new("--namespace", "-n")
    {
        Description = "The namespace.",
        HelpName = "NAME",
    };

    private static void Write(Terminal terminal, string form, List<RawObject> found)
    {
        if (form == "table")
        {
            Documents.WriteTable(
                terminal,
                ["KIND", "NAMESPACE", "NAME", "ABOUT", "ORIGIN"],
                found.Select(source => (string[])
                    [source.Key.Kind, source.Key.Namespace, source.Key.Name, Columns.Of(source), source.Origin.ToString()]));
        }
        else if (form == "yaml")
        {
            terminal.Output.Write(string.Join("---\n", found.Select(source => YamlText.Of(RawJson.Of(source)))));
        }
        else
        {
            Documents.Write(terminal, form, found.Count == 1
                ? RawJson.Of(found[0])
                : new JsonObject
                {
                    ["apiVersion"] = "v1",
                    ["kind"] = "List",
                    ["items"] = new JsonArray([.. found.Select(RawJson.Of)]),
                });
        }
    }
}
