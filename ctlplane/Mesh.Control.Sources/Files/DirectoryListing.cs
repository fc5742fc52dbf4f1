using System.Collections.Immutable;

namespace Mesh.Control.Sources.Files;

/// <summary>
/// One look at the directory: which files there are and what they are by their metadata. Nothing is opened. Links are followed wherever
/// they lead. Two equal listings mean that nothing changed, as far as metadata can tell.
/// </summary>
internal sealed class DirectoryListing
{
    private const int DirectoryDepthMax = 16;

    private readonly ManifestWatchOptions _options;
    private readonly SortedDictionary<string, ListedFile> _files = new(StringComparer.Ordinal);
    private readonly List<UnreadablePath> _unreadable = [];

    /// <summary>The directories from the first down to the one being listed, by their real paths.</summary>
    private readonly HashSet<string> _above = new(StringComparer.Ordinal);
    private int _directoryCount;

    private DirectoryListing(ManifestWatchOptions options) => _options = options;

    /// <summary>Ordered by path.</summary>
    public ImmutableArray<ListedFile> Files { get; private set; }

    /// <summary>Directories that could not be listed: what is below them is unknown, not gone.</summary>
    public ImmutableArray<UnreadablePath> Unreadable { get; private set; }

    public static DirectoryListing Take(ManifestWatchOptions options)
    {
        var listing = new DirectoryListing(options);
        try
        {
            listing.AddDirectory(RealPath.Of(options.Directory), relative: string.Empty, depth: 0);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            listing._unreadable.Add(new UnreadablePath(string.Empty, exception.Message));
        }

        listing.Files = [.. listing._files.Values];
        listing.Unreadable = [.. listing._unreadable];
        return listing;
    }

    public bool IsSameAs(DirectoryListing other) =>
        Files.AsSpan().SequenceEqual(other.Files.AsSpan()) && Unreadable.AsSpan().SequenceEqual(other.Unreadable.AsSpan());

    private void AddDirectory(string realPath, string relative, int depth)
    {
        if (depth > DirectoryDepthMax)
        {
            _unreadable.Add(new UnreadablePath(relative, $"Directories are nested deeper than {DirectoryDepthMax}."));
            return;
        }

        if (++_directoryCount > _options.DirectoryCountMax)
        {
            _unreadable.Add(new UnreadablePath(relative, $"More than {_options.DirectoryCountMax} directories."));
            return;
        }

        if (!_above.Add(realPath))
        {
            _unreadable.Add(new UnreadablePath(relative, "The link leads back to a directory it is in."));
            return;
        }

        try
        {
            foreach (FileSystemInfo entry in new DirectoryInfo(realPath).EnumerateFileSystemInfos())
            {
                // Kubernetes keeps the current and the next version of a mounted directory under names with dots, and editors their copies.
                if (!entry.Name.StartsWith('.') && !TryAdd(entry, relative, depth))
                {
                    return;
                }
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            _unreadable.Add(new UnreadablePath(relative, exception.Message));
        }
        finally
        {
            _above.Remove(realPath);
        }
    }

    /// <returns>False when the directory holds too much to go on.</returns>
    private bool TryAdd(FileSystemInfo entry, string relative, int depth)
    {
        string path = relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}";
        bool isLink = entry.LinkTarget is not null;
        string realPath = isLink ? RealPath.Of(entry.FullName) : entry.FullName;
        if (isLink ? Directory.Exists(realPath) : entry is DirectoryInfo)
        {
            if (_options.IsRecursive)
            {
                AddDirectory(realPath, path, depth + 1);
            }
        }
        else if (entry.Extension is ".yaml" or ".yml" or ".json")
        {
            if (_files.Count >= _options.FileCountMax)
            {
                _unreadable.Add(new UnreadablePath(relative, $"More than {_options.FileCountMax} files."));
                return false;
            }

            _files[path] = ListedFile.Of(path, realPath);
        }
        else if (isLink && _options.IsRecursive && !File.Exists(realPath))
        {
            // It may be a directory that is not mounted: whatever was below it is unknown, not gone.
            _unreadable.Add(new UnreadablePath(path, "The link leads nowhere."));
        }

        return true;
    }
}
