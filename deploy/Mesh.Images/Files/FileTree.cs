using System.Diagnostics.CodeAnalysis;

namespace Mesh.Images.Files;

/// <summary>Files by their paths: without a leading slash, with `usr/` where /bin, /lib and /sbin are links into it.</summary>
internal sealed class FileTree
{
    /// <summary>Links in a row; the kernel follows as many.</summary>
    private const int LinksMax = 40;

    private static readonly string[] s_merged = ["bin", "lib", "lib64", "sbin"];

    private readonly SortedDictionary<string, FileEntry> _entries = new(StringComparer.Ordinal);

    /// <summary>All of them; what is within a folder comes after it.</summary>
    public IEnumerable<KeyValuePair<string, FileEntry>> Entries => _entries;

    public FileEntry this[string path]
    {
        set => _entries[Canonical(path)] = value;
    }

    public bool Contains(string path) => _entries.ContainsKey(Canonical(path));

    public bool TryGet(string path, [NotNullWhen(true)] out FileEntry? entry) => _entries.TryGetValue(Canonical(path), out entry);

    /// <summary>The paths that lead to a file: it, the target when it is a link, and so on.</summary>
    /// <returns>Empty when there is no such file, or a link leads nowhere.</returns>
    public IReadOnlyList<string> Resolve(string path)
    {
        List<string> way = [];
        string current = Canonical(path);
        while (_entries.TryGetValue(current, out FileEntry? entry) && way.Count < LinksMax)
        {
            way.Add(current);
            if (entry is not Link link)
            {
                return way;
            }

            current = Canonical(TargetOf(current, link));
        }

        return [];
    }

    /// <summary>Where a link leads.</summary>
    public static string TargetOf(string path, Link link) =>
        Path.GetFullPath(Path.Combine("/", Path.GetDirectoryName(path) ?? "", link.Target)).TrimStart('/');

    /// <summary>One path for each file, whatever way leads there.</summary>
    /// <exception cref="ImageException">It leads out of the root.</exception>
    public static string Canonical(string path)
    {
        string trimmed = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
        trimmed = trimmed.Trim('/');
        string[] parts = trimmed.Split('/');
        if (parts.Any(part => part is "" or "." or "..") && trimmed.Length > 0)
        {
            throw new ImageException($"'{path}' is no path that a file of an image may have.");
        }

        return parts.Length > 1 && s_merged.Contains(parts[0]) ? "usr/" + trimmed : trimmed;
    }
}
