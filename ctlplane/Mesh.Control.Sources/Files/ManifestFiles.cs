using System.Collections.Immutable;
using System.Text;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Sources.Files;

/// <summary>Reads manifests once, as the control plane reads them: files, directories, and what is typed or piped in.</summary>
public static class ManifestFiles
{
    /// <summary>Stands for standard input among paths.</summary>
    public const string StandardInput = "-";

    private const string StandardInputName = "(stdin)";

    /// <summary>Reads everything that some paths name. Origins have the paths as given.</summary>
    /// <param name="paths">Files, directories, or <see cref="StandardInput"/>.</param>
    /// <param name="options">Limits, and whether directories below count; its directory does not.</param>
    /// <param name="input">What is read for <see cref="StandardInput"/>.</param>
    /// <returns>Complete when everything could be read; what could not is in the diagnostics.</returns>
    public static ManifestSnapshot Read(IEnumerable<string> paths, ManifestWatchOptions options, Stream input)
    {
        var objects = new Dictionary<ObjectKey, RawObject>();
        ImmutableArray<Diagnostic>.Builder diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();
        bool isComplete = true;
        foreach ((string name, Func<byte[]> read) in paths.SelectMany(path => Expand(path, options, input)).DistinctBy(file => file.Name))
        {
            try
            {
                foreach (RawObject manifest in Parse(name, read()))
                {
                    if (!objects.TryAdd(manifest.Key, manifest))
                    {
                        diagnostics.Add(Repeated(manifest, objects[manifest.Key]));
                    }
                }
            }
            catch (ManifestFormatException exception)
            {
                isComplete = false;
                diagnostics.Add(new Diagnostic(
                    DiagnosticSeverity.Error,
                    new Origin(name, exception.Position.Line),
                    Object: null,
                    exception.Field,
                    exception.Message,
                    exception.Hint));
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                isComplete = false;
                diagnostics.Add(new Diagnostic(
                    DiagnosticSeverity.Error, new Origin(name, 0), Object: null, string.Empty, exception.Message, string.Empty));
            }
        }

        return new ManifestSnapshot(
            [.. objects.Values.OrderBy(manifest => manifest.Key, Comparer<ObjectKey>.Create(ObjectKey.Compare))],
            diagnostics.ToImmutable(),
            isComplete);
    }

    /// <summary>The objects of a text, or what stands in the way of reading it.</summary>
    /// <param name="name">What its origins say.</param>
    /// <param name="text">YAML or JSON.</param>
    public static (ImmutableArray<RawObject> Objects, Diagnostic? Problem) ReadText(string name, string text)
    {
        try
        {
            return (Parse(name, Encoding.UTF8.GetBytes(text)), null);
        }
        catch (ManifestFormatException exception)
        {
            return ([], new Diagnostic(
                DiagnosticSeverity.Error,
                new Origin(name, exception.Position.Line),
                Object: null,
                exception.Field,
                exception.Message,
                exception.Hint));
        }
    }

    private static ImmutableArray<RawObject> Parse(string name, byte[] content)
    {
        using var text = new StringReader(ManifestText.Decode(content));
        return ManifestReader.Read(name, text);
    }

    private static IEnumerable<(string Name, Func<byte[]> Read)> Expand(string path, ManifestWatchOptions options, Stream input)
    {
        if (path == StandardInput)
        {
            return [(StandardInputName, () => ReadAll(input, options.FileBytesMax))];
        }

        if (!Directory.Exists(path))
        {
            return [(path, () => ReadFile(path, options.FileBytesMax))];
        }

        DirectoryListing listing = DirectoryListing.Take(options with { Directory = path });
        return
        [
            .. listing.Files.Select(file => (
                Join(path, file.Path), (Func<byte[]>)(() => ReadFile(file.RealPath, options.FileBytesMax)))),
            .. listing.Unreadable.Select(unreadable => (
                Join(path, unreadable.Path),
                (Func<byte[]>)(() => throw new IOException($"The directory cannot be read: {unreadable.Reason}")))),
        ];
    }

    private static string Join(string directory, string path) =>
        path.Length == 0 ? directory : directory is "." or "./" ? path : Path.Combine(directory, path);

    private static byte[] ReadFile(string path, long bytesMax)
    {
        using FileStream stream = File.OpenRead(path);
        return ReadAll(stream, bytesMax);
    }

    private static byte[] ReadAll(Stream stream, long bytesMax)
    {
        using var content = new MemoryStream();
        byte[] buffer = new byte[64 * 1_024];
        int read;
        while ((read = stream.Read(buffer)) > 0)
        {
            content.Write(buffer, 0, read);
            if (content.Length > bytesMax)
            {
                throw new ManifestFormatException(
                    default, string.Empty, $"More than the {bytesMax} bytes that are allowed.", "Split the file.");
            }
        }

        return content.ToArray();
    }

    private static Diagnostic Repeated(RawObject second, RawObject first) => new(
        DiagnosticSeverity.Error,
        second.Origin,
        second.Key,
        "metadata.name",
        $"{second.Key} is already defined at {first.Origin}.",
        "This second definition is ignored; remove one of them.");
}
