using System.CommandLine;
using System.Text.Json.Nodes;
using Mesh.Control.Analysis;
using Mesh.Control.Cli.Manifests;
using Mesh.Control.Cli.Output;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Commands;

/// <summary>Shows what has a say about a pod or a service, in order, and where it is written.</summary>
internal static class DescribeCommand
{
    private const string Help = """
        Shows everything in a directory of manifests that has a say about a service, or about a pod or what makes pods.

        Routes, destination rules, workloads and policies, in the order in which they come into play, each with file and line, and what
        analyze says of them.

        Examples:
          meshctl describe manifests/ service cart -n shop
          meshctl describe manifests/ pod cart-1 -n shop
          meshctl describe manifests/ deployment cart -n shop -o json
        """;

    public static Command Create(Terminal terminal)
    {
        var directory = new Argument<string>("DIR") { Description = "The directory of manifests." };
        var kind = new Argument<string>("KIND") { Description = "service, serviceentry, pod, deployment and the like." };
        kind.CompletionSources.Add("service", "serviceentry", "pod", "deployment", "statefulset", "daemonset", "workloadentry");
        var name = new Argument<string>("NAME") { Description = "The name." };
        Option<string?> @namespace = GetCommand.NamespaceOption();
        Option<string> form = Documents.FormOption("table", "yaml", "json");
        var mesh = new MeshOptions();
        var command = new Command("describe", Help) { directory, kind, name, @namespace, form };
        mesh.AddTo(command);
        command.SetAction(parsed =>
        {
            ManifestSnapshot current = Folders.Read(terminal, parsed.GetValue(directory)!, mesh.Reading(parsed));
            List<RawObject> found =
            [
                .. current.Objects.Where(source => KindNames.Means(parsed.GetValue(kind)!, source.Key)
                    && source.Key.Name == parsed.GetValue(name)
                    && (parsed.GetValue(@namespace) is not { } inside || source.Key.Namespace == inside)),
            ];
            if (found.Count != 1)
            {
                throw found.Count == 0
                    ? MissingObject.In(
                        current.Objects,
                        parsed.GetValue(directory)!,
                        parsed.GetValue(kind),
                        parsed.GetValue(name),
                        parsed.GetValue(@namespace))
                    : new CommandException(
                        $"Which of them? {string.Join("; ", found.Select(source => source.Key))}. Name the namespace.");
            }

            Describe(terminal, parsed.GetValue(form)!, current, found[0], mesh.Translation(parsed));
            return ExitCode.Fine;
        });
        return command;
    }

    private static void Describe(
        Terminal terminal, string form, ManifestSnapshot current, RawObject target, TranslationOptions options)
    {
        var relations = new Relations(current.Objects, options);
        List<Relation> all = relations.OfWorkload(target) is { } ofWorkload
            ? [.. ofWorkload]
            : [.. relations.Services.Where(service => service.Source == target)
                .SelectMany(service => relations.OfService(service.Host, target)).Distinct()];
        HashSet<ObjectKey> keys = [target.Key, .. all.Select(relation => relation.Source.Key)];
        List<Diagnostic> findings =
        [
            .. Inspection.Of(current, options).Findings
                .Where(finding => finding.Code.Length > 0 && finding.Object is { } key && keys.Contains(key)),
        ];
        if (form != "table")
        {
            Documents.Write(terminal, form, new JsonObject
            {
                ["object"] = target.Key.ToString(),
                ["origin"] = target.Origin.ToString(),
                ["affectedBy"] = new JsonArray([.. all.Select(relation => new JsonObject
                {
                    ["role"] = relation.Role,
                    ["object"] = relation.Source.Key.ToString(),
                    ["about"] = Columns.Of(relation.Source),
                    ["origin"] = relation.Source.Origin.ToString(),
                })]),
                ["findings"] = new JsonArray([.. findings.Select(finding => JsonValue.Create(FindingsText.LineOf(finding)))]),
            });
            return;
        }

        terminal.Output.WriteLine($"{target.Key} ({target.Origin})");
        if (all.Count == 0)
        {
            terminal.Output.WriteLine("Nothing has a say about it.");
        }
        else
        {
            Documents.WriteTable(
                terminal,
                ["ROLE", "OBJECT", "ABOUT", "ORIGIN"],
                all.Select(relation => (string[])
                [
                    relation.Role, relation.Source.Key.ToString(), Columns.Of(relation.Source), relation.Source.Origin.ToString(),
                ]));
        }

        findings.ForEach(finding => terminal.Output.WriteLine(FindingsText.LineOf(finding)));
    }
}
