using Mesh.Control.Cli.Output;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;

namespace Mesh.Control.Cli.Commands;

/// <summary>Reads directories for commands that show or change them.</summary>
internal static class Folders
{
    /// <summary>What a directory holds; what of it cannot be read is said.</summary>
    public static ManifestSnapshot Read(Terminal terminal, string directory, ManifestWatchOptions options)
    {
        if (!Directory.Exists(directory))
        {
            throw new CommandException($"{directory} is no directory.");
        }

        ManifestSnapshot snapshot = ManifestFiles.Read([directory], options, Stream.Null);
        foreach (Diagnostic problem in snapshot.Diagnostics)
        {
            terminal.Errors.WriteLine(FindingsText.LineOf(problem));
        }

        return snapshot;
    }

    /// <summary>What files hold, each of them readable.</summary>
    /// <exception cref="CommandException">One is not.</exception>
    public static ManifestSnapshot ReadAll(Terminal terminal, IEnumerable<string> files, ManifestWatchOptions options)
    {
        ManifestSnapshot snapshot = ManifestFiles.Read(files, options, terminal.Input);
        return snapshot.Diagnostics.FirstOrDefault() is { } problem
            ? throw new CommandException(
                $"{problem.Origin}: {problem.Reason}{(problem.Hint.Length > 0 ? $" {problem.Hint}" : string.Empty)}")
            : snapshot;
    }
}
