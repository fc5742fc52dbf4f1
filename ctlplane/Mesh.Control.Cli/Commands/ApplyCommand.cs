using System.Collections.Immutable;
using System.CommandLine;
using Mesh.Control.Cli.Manifests;
using Mesh.Control.Cli.Output;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Cli.Commands;

/// <summary>Puts objects into a directory of manifests, once it is known what they would do there.</summary>
internal static class ApplyCommand
{
    private const string Help = """
        Puts the objects of files into a directory of manifests.

        The directory is read as it would be then. What analyze calls an error of what is put, or an error elsewhere that was not there
        before, is named with file and line, and nothing is written; --force writes in spite of it. An object of the same kind and name is
        replaced where it stands, a new one gets a file of its own. Each file changes at once and whole.

        Examples:
          meshctl apply manifests/ canary.yaml
          meshctl apply manifests/ canary.yaml --dry-run
          helm template shop | meshctl apply manifests/ -
        """;

    public static Command Create(Terminal terminal)
    {
        var directory = new Argument<string>("DIR") { Description = "The directory of manifests." };
        var files = new Argument<string[]>("FILE")
        {
            Description = "What is put into it; - reads what is piped in.",
            Arity = ArgumentArity.OneOrMore,
        };
        Option<bool> force = ForceOption();
        Option<bool> dryRun = DryRunOption();
        var mesh = new MeshOptions();
        var command = new Command("apply", Help) { directory, files, force, dryRun };
        mesh.AddTo(command);
        command.SetAction(parsed =>
        {
            ManifestWatchOptions reading = mesh.Reading(parsed);
            ManifestSnapshot current = Folders.Read(terminal, parsed.GetValue(directory)!, reading);
            List<ManifestDocument> documents = ReadDocuments(parsed.GetValue(files)!, terminal);
            ManifestSnapshot put = SnapshotOf(documents);
            ProposedChange change = ProposedChange.Of(current, put, removed: [], mesh.Translation(parsed));
            bool mayWrite = Report(terminal, change.NewErrors(put.Objects), parsed.GetValue(force));
            if (!mayWrite)
            {
                return ExitCode.Failed;
            }

            Put(terminal, parsed.GetValue(directory)!, current, documents, parsed.GetValue(dryRun));
            return ExitCode.Fine;
        });
        return command;
    }

    public static Option<bool> ForceOption() => new("--force") { Description = "Writes in spite of errors." };

    public static Option<bool> DryRunOption() => new("--dry-run") { Description = "Says what would be written, and writes nothing." };

    /// <summary>Says what is wrong.</summary>
    /// <returns>Whether it may be written all the same.</returns>
    public static bool Report(Terminal terminal, ImmutableArray<Diagnostic> errors, bool isForced)
    {
        foreach (Diagnostic error in errors)
        {
            terminal.Errors.WriteLine(FindingsText.LineOf(error));
            terminal.Errors.WriteLine(FindingsText.HintOf(error));
        }

        if (!errors.IsEmpty && !isForced)
        {
            terminal.Errors.WriteLine($"{MeshCtl.Name}: Nothing was written; --force writes in spite of errors.");
        }

        return errors.IsEmpty || isForced;
    }

    private static List<ManifestDocument> ReadDocuments(string[] files, Terminal terminal)
    {
        var documents = new List<ManifestDocument>();
        foreach (string file in files)
        {
            string text;
            if (file == ManifestFiles.StandardInput)
            {
                using var reader = new StreamReader(terminal.Input, leaveOpen: true);
                text = reader.ReadToEnd();
            }
            else
            {
                text = File.ReadAllText(file);
            }

            // Read whole, so that lines are those of the file.
            (ImmutableArray<RawObject> objects, Diagnostic? problem) = ManifestFiles.ReadText(file, text);
            if (problem is not null)
            {
                throw new CommandException($"{problem.Origin}: {problem.Reason} {problem.Hint}".TrimEnd());
            }

            Dictionary<ObjectKey, RawObject> byKey = objects.DistinctBy(source => source.Key).ToDictionary(source => source.Key);
            documents.AddRange(ManifestDocument.Split(file, text)
                .Where(document => !document.Objects.IsEmpty)
                .Select(document => document with { Objects = [.. document.Objects.Select(source => byKey[source.Key])] }));
        }

        return documents.Count > 0 ? documents : throw new CommandException("There is no object in what is to be put.");
    }

    private static ManifestSnapshot SnapshotOf(List<ManifestDocument> documents)
    {
        var objects = new Dictionary<ObjectKey, RawObject>();
        foreach (ManifestDocument document in documents)
        {
            RawObject source = document.Objects.Length == 1
                ? document.Objects[0]
                : throw new CommandException(
                    $"{document.Objects[0].Origin}: A list of objects. Write each into a document of its own.");
            if (!objects.TryAdd(source.Key, source))
            {
                throw new CommandException($"{source.Origin}: {source.Key} is put twice, first at {objects[source.Key].Origin}.");
            }
        }

        return new ManifestSnapshot([.. objects.Values], [], IsComplete: true);
    }

    private static void Put(
        Terminal terminal, string directory, ManifestSnapshot current, List<ManifestDocument> documents, bool isDryRun)
    {
        var folder = new ManifestFolder(directory, current);
        Dictionary<ObjectKey, RawObject> before = current.Objects.ToDictionary(source => source.Key);
        var done = new List<(ObjectKey Key, string Verb)>();
        foreach (ManifestDocument document in documents)
        {
            RawObject source = document.Objects[0];
            bool isKnown = before.TryGetValue(source.Key, out RawObject? previous);
            bool isSame = isKnown && JsonText.Of(RawJson.Of(previous!.Fields)) == JsonText.Of(RawJson.Of(source.Fields));
            if (!isSame)
            {
                folder.Put(document, source.Key);
            }

            done.Add((source.Key, isSame ? "unchanged" : isKnown ? "configured" : "created"));
        }

        if (!isDryRun)
        {
            folder.Write();
        }

        foreach ((ObjectKey key, string verb) in done)
        {
            terminal.Output.WriteLine($"{key} {verb} ({folder.FileOf(key)}){(isDryRun ? " (dry run)" : string.Empty)}");
        }
    }
}
