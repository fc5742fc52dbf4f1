namespace Mesh.Lab.Holding;

/// <summary>
/// Keeps the files of a directory equal to a wanted set. What others watch is replaced by rename, so that nobody reads half a file, and
/// is not touched when nothing changed.
/// </summary>
internal sealed class FilePublisher(string directory)
{
    private Dictionary<string, string> _published = new(StringComparer.Ordinal);

    public void Publish(IReadOnlyDictionary<string, string> wanted)
    {
        Directory.CreateDirectory(directory);
        foreach ((string name, string text) in wanted)
        {
            if (!_published.TryGetValue(name, out string? current) || current != text)
            {
                // The dot keeps watchers of *.yaml and *.json from taking the unfinished file for an object.
                string unfinished = Path.Combine(directory, $".{name}.unfinished");
                File.WriteAllText(unfinished, text);
                File.Move(unfinished, Path.Combine(directory, name), overwrite: true);
            }
        }

        foreach (string gone in _published.Keys.Except(wanted.Keys))
        {
            File.Delete(Path.Combine(directory, gone));
        }

        _published = new Dictionary<string, string>(wanted, StringComparer.Ordinal);
    }
}
