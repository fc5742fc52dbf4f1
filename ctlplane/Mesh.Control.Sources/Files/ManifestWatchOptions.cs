namespace Mesh.Control.Sources.Files;

/// <summary>Which directory is read, and how it is watched.</summary>
public sealed record ManifestWatchOptions
{
    /// <summary>The directory. May itself be a symbolic link that is swapped.</summary>
    public required string Directory { get; init; }

    /// <summary>Whether directories below count too. Names that start with a dot never do.</summary>
    public bool IsRecursive { get; init; } = true;

    /// <summary>
    /// Whether a directory without any object means a mesh without any. Otherwise it means that something is missing: a mount, or the end
    /// of a copy. Default no.
    /// </summary>
    public bool AllowsEmpty { get; init; }

    /// <summary>How often the directory is looked through, whether or not the kernel reported anything. Default 1 s.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the directory must stay as it is before it is read. Default 100 ms.</summary>
    public TimeSpan QuietPeriod { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>A directory that never comes to rest is read after this long. Default 1 s.</summary>
    public TimeSpan QuietPeriodMax { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Larger files are refused. Default 64 MiB.</summary>
    public long FileBytesMax { get; init; } = 64L * 1_024 * 1_024;

    /// <summary>A directory with more files is refused. Default 20,000.</summary>
    public int FileCountMax { get; init; } = 20_000;

    /// <summary>A directory with more directories below it is refused, links counted each time they are followed. Default 2,000.</summary>
    public int DirectoryCountMax { get; init; } = 2_000;
}
