using System.Text;
using Mesh.Images.Files;

namespace Mesh.Images.Debian;

/// <summary>
/// The files that an image takes of the distribution: those it names and what these need to run, with the licences of their packages and
/// a record of the packages where scanners of images look for it.
/// </summary>
/// <param name="distribution">Whence they are.</param>
/// <param name="below">Files of layers further down, which are there already.</param>
internal sealed class DistributionLayer(Distribution distribution, IReadOnlyCollection<FileTree> below)
{
    private readonly SortedDictionary<string, DebianPackage> _packages = new(StringComparer.Ordinal);

    public FileTree Files { get; } = new();

    /// <summary>The packages that any file is of.</summary>
    public IEnumerable<DebianPackage> Packages => _packages.Values;

    /// <summary>Takes a file, all that links lead to, and the libraries it is linked with.</summary>
    /// <exception cref="ImageException">There is none, or no package has a library.</exception>
    public void Add(string path)
    {
        IReadOnlyList<string> way = distribution.Files.Resolve(path);
        if (way.Count == 0)
        {
            throw new ImageException($"No package that is downloaded has the file /{path}, or it is a link that leads nowhere.");
        }

        foreach (string step in way.Where(step => !IsThere(step)))
        {
            distribution.Files.TryGet(step, out FileEntry? entry);
            Files[step] = entry!;
            Note(distribution.OwnerOf(step));
            if (entry is PlainFile file)
            {
                AddNeeded(step, file);
            }
        }
    }

    /// <summary>Takes a library by its name.</summary>
    /// <exception cref="ImageException">No package has it.</exception>
    public void AddLibrary(string name, string neededBy) => Add(distribution.FindLibrary(name)
        ?? throw new ImageException($"{neededBy} needs the library {name}, which no package that is downloaded has."));

    /// <summary>Takes what an executable or library of our own is linked with.</summary>
    public void AddNeeded(string path, PlainFile file)
    {
        ElfImage? elf = ElfImage.Read(file.Content.Span);
        if (elf?.Interpreter is not null)
        {
            Add(distribution.Machine.Interpreter);
        }

        foreach (string name in elf?.Needed ?? [])
        {
            AddLibrary(name, path);
        }
    }

    /// <summary>Puts in what a package's installation would have made of its files.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="content">What is in it.</param>
    /// <param name="model">A file of that package, whose time it is given.</param>
    public void AddMade(string path, byte[] content, string model)
    {
        distribution.Files.TryGet(model, out FileEntry? entry);
        Files[path] = new PlainFile(content, FileEntry.PlainMode, entry!.Time);
        Note(distribution.OwnerOf(model));
    }

    private bool IsThere(string path) => Files.Contains(path) || below.Any(layer => layer.Contains(path));

    private void Note(DebianPackage package)
    {
        if (!_packages.TryAdd(package.Name, package))
        {
            return;
        }

        string record = $"var/lib/dpkg/status.d/{package.Name}";
        string documents = $"usr/share/doc/{package.Name}";
        // Some packages share the documents of another, by a link in place of the folder.
        string licence = distribution.Files.TryGet(documents, out FileEntry? folder) && folder is Link link
            ? FileTree.TargetOf(documents, link) + "/copyright"
            : documents + "/copyright";
        if (!distribution.Files.TryGet(licence, out FileEntry? text))
        {
            throw new ImageException($"The package {package.Name} has no licence at /{licence}.");
        }

        if (folder is Link && !IsThere(documents))
        {
            Files[documents] = folder;
        }

        Files[record] = new PlainFile(Encoding.UTF8.GetBytes(package.Control), FileEntry.PlainMode, text.Time);
        if (!IsThere(licence))
        {
            Add(licence);
        }
    }
}
