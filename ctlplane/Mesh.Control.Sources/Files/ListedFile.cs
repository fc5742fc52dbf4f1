namespace Mesh.Control.Sources.Files;

/// <param name="Path">Relative to the directory; empty for the directory itself.</param>
/// <param name="Reason">Why it cannot be listed.</param>
internal readonly record struct UnreadablePath(string Path, string Reason);

/// <param name="Path">Relative to the configuration directory, with slashes.</param>
/// <param name="RealPath">Where it is with every link followed: a swapped link changes this even when size and time are the same.</param>
/// <param name="Bytes">-1 when a link leads nowhere.</param>
/// <param name="WrittenUtc">Last change of the content.</param>
internal readonly record struct ListedFile(string Path, string RealPath, long Bytes, DateTime WrittenUtc)
{
    /// <summary>Looks at a file; nothing is opened.</summary>
    public static ListedFile Of(string path, string realPath)
    {
        var target = new FileInfo(realPath);
        return target.Exists
            ? new ListedFile(path, realPath, target.Length, target.LastWriteTimeUtc)
            : new ListedFile(path, realPath, Bytes: -1, default);
    }

    /// <summary>The same file as it is now.</summary>
    public ListedFile Again() => Of(Path, RealPath);
}
