using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Cli.Manifests;

/// <summary>A document of a file of manifests, as text: comments stay where they are.</summary>
/// <param name="Text">Without the line that separates it from others; ends with a line feed.</param>
/// <param name="Objects">What is in it.</param>
/// <param name="Line">Where it begins in its file, from 1.</param>
internal sealed partial record ManifestDocument(string Text, ImmutableArray<RawObject> Objects, int Line)
{
    /// <summary>The documents of a text.</summary>
    /// <param name="file">For origins.</param>
    /// <param name="text">The whole file.</param>
    /// <exception cref="CommandException">It is no text of manifests.</exception>
    public static List<ManifestDocument> Split(string file, string text)
    {
        var documents = new List<ManifestDocument>();
        int line = 1;
        foreach (string part in Separator().Split(text))
        {
            (ImmutableArray<RawObject> objects, Diagnostic? problem) = ManifestFiles.ReadText(file, part);
            if (problem is not null)
            {
                int at = line + Math.Max(problem.Origin.Line, 1) - 1;
                throw new CommandException($"{file}:{at}: {problem.Reason}{(problem.Hint.Length > 0 ? $" {problem.Hint}" : string.Empty)}");
            }

            documents.Add(new ManifestDocument(part.Length == 0 || part.EndsWith('\n') ? part : $"{part}\n", objects, line));
            line += part.Count(character => character == '\n') + 1;
        }

        return documents;
    }

    /// <summary>The text of a file of documents.</summary>
    public static string Join(IEnumerable<ManifestDocument> documents) => string.Join("---\n", documents.Select(document => document.Text));

    [GeneratedRegex(@"(?m)^---[ \t]*(?:#[^\n]*)?\r?\n")]
    private static partial Regex Separator();
}
