using System.Collections.Immutable;

namespace Mesh.Control.Sources.Files;

/// <summary>
/// One look at the directory: which files there are and what they are by their metadata. Nothing is opened. Two equal listings mean that
/// nothing changed, as far as metadata can tell.
/// </summary>
internal sealed class DirectoryListing
{
    private const int DirectoryDepthMax = 16;

    private DirectoryListing(ImmutableArray<ListedFile> files, ImmutableArray<UnreadablePath> unreadable)
    {
        Files = files;
        Unreadable = unreadable;
    }

    /// <summary>Ordered by path.</summary>
    public ImmutableArray<ListedFile> Files { get; }

    /// <summary>Directories that could not be listed: what is below them is unknown, not gone.</summary>
    public ImmutableArray<UnreadablePath> Unreadable { get; }

    public static DirectoryListing Take(ManifestWatchOptions options)
    {
        var files = new SortedDictionary<string, ListedFile>(StringComparer.Ordinal);
        ImmutableArray<UnreadablePath>.Builder unreadable = ImmutableArray.CreateBuilder<UnreadablePath>();
        AddDirectory(options, options.Directory, relative: string.Empty, depth: 0, files, unreadable);
        return new DirectoryListing([.. files.Values], unreadable.ToImmutable());
    }

    public bool IsSameAs(DirectoryListing other) =>
        Files.AsSpan().SequenceEqual(other.Files.AsSpan()) && Unreadable.AsSpan().SequenceEqual(other.Unreadable.AsSpan());

    private static void AddDirectory(
        ManifestWatchOptions options,
        string directory,
        string relative,
        int depth,
        SortedDictionary<string, ListedFile> files,
        ImmutableArray<UnreadablePath>.Builder unreadable)
    {
        if (depth > DirectoryDepthMax)
        {
            unreadable.Add(new UnreadablePath(relative, $"Directories are nested deeper than {DirectoryDepthMax}, or a link leads back."));
            return;
        }

        try
        {
            foreach (FileSystemInfo entry in new DirectoryInfo(directory).EnumerateFileSystemInfos())
            {
                // Kubernetes keeps the current and the next version of a mounted directory under names with dots, and editors their copies.
                if (entry.Name.StartsWith('.'))
                {
                    continue;
                }

                string path = relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}";
                if (IsDirectory(entry))
                {
                    if (options.IsRecursive)
                    {
                        AddDirectory(options, entry.FullName, path, depth + 1, files, unreadable);
                    }
                }
                else if (entry.Extension is ".yaml" or ".yml" or ".json")
                {
                    if (files.Count >= options.FileCountMax)
                    {
                        unreadable.Add(new UnreadablePath(relative, $"More than {options.FileCountMax} files."));
                        return;
                    }

                    files[path] = ListedFile.Of(path, entry);
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            unreadable.Add(new UnreadablePath(relative, exception.Message));
        }
    }

    private static bool IsDirectory(FileSystemInfo entry) =>
        entry.LinkTarget is null ? entry is DirectoryInfo : Directory.Exists(entry.FullName);
}

/// <param name="Path">Relative to the directory; empty for the directory itself.</param>
/// <param name="Reason">Why it cannot be listed.</param>
internal readonly record struct UnreadablePath(string Path, string Reason);

/// <param name="Path">Relative to the configuration directory, with slashes.</param>
/// <param name="FullPath">Where to open it.</param>
/// <param name="RealPath">The same with every link followed: a swapped link changes it even when size and time are the same.</param>
/// <param name="Bytes">-1 when a link leads nowhere.</param>
/// <param name="WrittenUtc">Last change of the content.</param>
internal readonly record struct ListedFile(string Path, string FullPath, string RealPath, long Bytes, DateTime WrittenUtc)
{
    private const int LinkCountMax = 40;

    public static ListedFile Of(string path, FileSystemInfo entry)
    {
        string realPath = entry.LinkTarget is null ? entry.FullName : Resolve(entry.FullName);
        var target = new FileInfo(realPath);
        return target.Exists
            ? new ListedFile(path, entry.FullName, realPath, target.Length, target.LastWriteTimeUtc)
            : new ListedFile(path, entry.FullName, realPath, Bytes: -1, default);
    }

    /// <summary>
    /// Follows the links of every component. The runtime follows those of the last one only, and in a mounted ConfigMap it is a directory
    /// in the middle (<c>..data</c>) that is swapped.
    /// </summary>
    private static string Resolve(string path)
    {
        var pending = new Stack<string>();
        Push(pending, path);
        string resolved = "/";
        int linkCount = 0;
        while (pending.TryPop(out string? component))
        {
            if (component == "..")
            {
                resolved = System.IO.Path.GetDirectoryName(resolved) ?? "/";
                continue;
            }

            string next = System.IO.Path.Combine(resolved, component);
            string? link = new FileInfo(next).LinkTarget;
            if (link is null || ++linkCount > LinkCountMax)
            {
                resolved = next;
                continue;
            }

            if (System.IO.Path.IsPathRooted(link))
            {
                resolved = "/";
            }

            Push(pending, link);
        }

        return resolved;
    }

    private static void Push(Stack<string> pending, string path)
    {
        string[] components = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (int index = components.Length - 1; index >= 0; index--)
        {
            if (components[index] != ".")
            {
                pending.Push(components[index]);
            }
        }
    }
}
