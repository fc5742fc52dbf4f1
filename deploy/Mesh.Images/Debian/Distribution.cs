using Mesh.Images.Files;

namespace Mesh.Images.Debian;

/// <summary>The packages of a suite that images are made of, and whose each file is.</summary>
internal sealed class Distribution
{
    private readonly Dictionary<string, DebianPackage> _owners = new(StringComparer.Ordinal);

    public Distribution(Machine machine, IEnumerable<DebianPackage> packages)
    {
        Machine = machine;
        foreach (DebianPackage package in packages)
        {
            foreach ((string path, FileEntry entry) in package.Files.Entries)
            {
                Files[path] = entry;
                _owners[path] = package;
            }
        }
    }

    public Machine Machine { get; }

    public FileTree Files { get; } = new();

    public DebianPackage OwnerOf(string path) => _owners[path];

    /// <summary>Where a library lies; null when no package has it.</summary>
    public string? FindLibrary(string name) =>
        new[] { $"usr/lib/{Machine.Triplet}/{name}", $"usr/lib/{name}" }.FirstOrDefault(Files.Contains);

    /// <summary>All files below a folder.</summary>
    public IEnumerable<string> Below(string folder) =>
        Files.Entries.Select(entry => entry.Key).Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal));
}
