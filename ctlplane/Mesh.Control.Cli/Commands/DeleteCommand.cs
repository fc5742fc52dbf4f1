using System.CommandLine;
using Mesh.Control.Cli.Manifests;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Commands;

/// <summary>Takes an object out of a directory of manifests, once it is known who needs it.</summary>
internal static class DeleteCommand
{
    private const string Help = """
        Takes an object out of a directory of manifests.

        When something else would be in error then, a route to a subset that is gone for instance, that is named with file and line and
        nothing is written; --force writes in spite of it. A file without objects goes.

        Examples:
          meshctl delete manifests/ virtualservice cart -n shop
          meshctl delete manifests/ dr cart -n shop --dry-run
        """;

    public static Command Create(Terminal terminal)
    {
        var directory = new Argument<string>("DIR") { Description = "The directory of manifests." };
        var kind = new Argument<string>("KIND") { Description = "The kind, in full or short." };
        kind.CompletionSources.Add([.. KindNames.ShortNames]);
        var name = new Argument<string>("NAME") { Description = "The name." };
        Option<string?> @namespace = GetCommand.NamespaceOption();
        Option<bool> force = ApplyCommand.ForceOption();
        Option<bool> dryRun = ApplyCommand.DryRunOption();
        var mesh = new MeshOptions();
        var command = new Command("delete", Help) { directory, kind, name, @namespace, force, dryRun };
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
            RawObject target = found switch
            {
                [RawObject only] => only,
                [] => throw MissingObject.In(
                    current.Objects,
                    parsed.GetValue(directory)!,
                    parsed.GetValue(kind),
                    parsed.GetValue(name),
                    parsed.GetValue(@namespace)),
                _ => throw new CommandException(
                    $"Which of them? {string.Join("; ", found.Select(source => $"{source.Key} ({source.Origin})"))}. Name the namespace."),
            };
            ProposedChange change =
                ProposedChange.Of(current, new ManifestSnapshot([], [], IsComplete: true), [target.Key], mesh.Translation(parsed));
            if (!ApplyCommand.Report(terminal, change.NewErrors([]), parsed.GetValue(force)))
            {
                return ExitCode.Failed;
            }

            var folder = new ManifestFolder(parsed.GetValue(directory)!, current);
            folder.Remove(target.Key);
            if (!parsed.GetValue(dryRun))
            {
                folder.Write();
            }

            terminal.Output.WriteLine(
                $"{target.Key} deleted ({target.Origin.File}){(parsed.GetValue(dryRun) ? " (dry run)" : string.Empty)}");
            return ExitCode.Fine;
        });
        return command;
    }
}
