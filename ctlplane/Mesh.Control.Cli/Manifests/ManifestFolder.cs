using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Cli.Manifests;

/// <summary>
/// A directory of manifests that is changed object by object. Changes are collected and written at the end: each file whole, under another
/// name first, so that whoever reads the directory never sees half of one.
/// </summary>
internal sealed class ManifestFolder
{
    private readonly string _directory;
    private readonly Dictionary<ObjectKey, string> _files;
    private readonly SortedDictionary<string, List<ManifestDocument>> _changed = new(StringComparer.Ordinal);

    public ManifestFolder(string directory, ManifestSnapshot current)
    {
        _directory = directory;
        _files = current.Objects.ToDictionary(source => source.Key, source => source.Origin.File);
    }

    /// <summary>Where an object stands or will stand.</summary>
    public string FileOf(ObjectKey key) => _files[key];

    /// <summary>Puts an object in place of the one of its name, or into a file of its own.</summary>
    /// <exception cref="CommandException">The present one stands in a list, which is not taken apart.</exception>
    public void Put(ManifestDocument document, ObjectKey key)
    {
        if (!_files.TryGetValue(key, out string? file))
        {
            file = FreeFile(key);
            _files.Add(key, file);
            _changed[file] = [document];
            return;
        }

        List<ManifestDocument> documents = Documents(file);
        documents[IndexOf(documents, key, file)] = document;
    }

    /// <summary>Takes an object away.</summary>
    /// <exception cref="CommandException">It stands in a list, which is not taken apart.</exception>
    public void Remove(ObjectKey key)
    {
        string file = _files[key];
        List<ManifestDocument> documents = Documents(file);
        documents.RemoveAt(IndexOf(documents, key, file));
        _files.Remove(key);
    }

    /// <summary>Writes what has changed. A file without objects goes.</summary>
    public void Write()
    {
        var written = new List<(string Temporary, string File)>();
        try
        {
            foreach ((string file, List<ManifestDocument> documents) in _changed)
            {
                if (documents.Exists(document => !document.Objects.IsEmpty))
                {
                    // Where a link leads, its target is replaced and the link stays.
                    string target = File.Exists(file) ? File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file : file;
                    written.Add((WriteTemporary(target, ManifestDocument.Join(documents)), target));
                }
            }
        }
        catch
        {
            written.ForEach(pair => File.Delete(pair.Temporary));
            throw;
        }

        written.ForEach(pair => File.Move(pair.Temporary, pair.File, overwrite: true));
        foreach ((string file, List<ManifestDocument> documents) in _changed)
        {
            if (documents.TrueForAll(document => document.Objects.IsEmpty))
            {
                File.Delete(file);
            }
        }
    }

    /// <summary>Names with a dot first are read by nobody.</summary>
    private static string WriteTemporary(string file, string text)
    {
        string temporary = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file))!, $".{Path.GetFileName(file)}.{Guid.NewGuid():N}");
        using var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write);
        using (var writer = new StreamWriter(stream, leaveOpen: true))
        {
            writer.Write(text);
        }

        stream.Flush(flushToDisk: true);
        if (File.Exists(file))
        {
            File.SetUnixFileMode(temporary, File.GetUnixFileMode(file));
        }

        return temporary;
    }

    private List<ManifestDocument> Documents(string file)
    {
        if (!_changed.TryGetValue(file, out List<ManifestDocument>? documents))
        {
            _changed.Add(file, documents = ManifestDocument.Split(file, File.ReadAllText(file)));
        }

        return documents;
    }

    private static int IndexOf(List<ManifestDocument> documents, ObjectKey key, string file)
    {
        int index = documents.FindIndex(document => document.Objects.Any(source => source.Key == key));
        return documents[index].Objects.Length == 1
            ? index
            : throw new CommandException(
                $"{file}:{documents[index].Line}: {key} stands in a list with others. Write each into a document of its own first.");
    }

    private string FreeFile(ObjectKey key)
    {
        string name = string.Join(
            '-', ((string[])[key.Kind.ToLowerInvariant(), key.Namespace, key.Name]).Where(part => part.Length > 0));
        string file = Path.Combine(_directory, $"{name}.yaml");
        for (int number = 2; File.Exists(file) || _changed.ContainsKey(file); number++)
        {
            file = Path.Combine(_directory, $"{name}-{number}.yaml");
        }

        return file;
    }
}
