namespace Mesh.Node.Capture.Kubernetes;

/// <summary>Reads which pod a process belongs to from its <c>/proc/PID/cgroup</c>. Pure.</summary>
/// <remarks>
/// The kubelet names a pod's control group <c>pod3f0c….</c> with the cgroupfs driver and <c>kubepods-burstable-pod3f0c_….slice</c> with
/// systemd's, which has underscores for hyphens; with version 1 of control groups there is a line for each controller. The first of these
/// groups may have a prefix (<c>kubelet-kubepods…</c>), and who reads from a control group namespace of its own sees others' paths from its
/// own group on (<c>/../../pod3f0c…</c>), without the groups above that all pods are in.
/// </remarks>
internal static class PodCgroup
{
    private const int UuidCharacters = 36;
    private const int HashCharacters = 32;

    /// <returns>The pod's uid as the API says it, of a static pod the hash of its manifest; null for a process of no pod.</returns>
    public static string? UidOf(ReadOnlySpan<char> cgroup)
    {
        foreach (ReadOnlySpan<char> line in cgroup.EnumerateLines())
        {
            // HIERARCHY:CONTROLLERS:PATH; the path may have colons of its own.
            int first = line.IndexOf(':');
            int second = first < 0 ? -1 : line[(first + 1)..].IndexOf(':');
            if (second >= 0 && UidOfPath(line[(first + second + 2)..]) is string uid)
            {
                return uid;
            }
        }

        return null;
    }

    private static string? UidOfPath(ReadOnlySpan<char> path)
    {
        bool isBelowPods = path.StartsWith("/..");
        foreach (Range part in path.Split('/'))
        {
            ReadOnlySpan<char> name = path[part];
            isBelowPods |= IsOfPods(name);

            if (isBelowPods && UidOfName(name) is string uid)
            {
                return uid;
            }
        }

        return null;
    }

    private static bool IsOfPods(ReadOnlySpan<char> name) =>
        name.StartsWith("kubepods") || name.Contains("-kubepods", StringComparison.Ordinal);

    private static string? UidOfName(ReadOnlySpan<char> name)
    {
        if (name.EndsWith(".slice"))
        {
            name = name[..^".slice".Length];
            int pod = name.LastIndexOf("-pod");
            return IsOfPods(name) && pod >= 0 ? UidOfText(name[(pod + "-pod".Length)..]) : null;
        }

        return name.StartsWith("pod") ? UidOfText(name["pod".Length..]) : null;
    }

    private static string? UidOfText(ReadOnlySpan<char> text)
    {
        if (text.Length is not (UuidCharacters or HashCharacters))
        {
            return null;
        }

        Span<char> uid = stackalloc char[UuidCharacters];
        for (int index = 0; index < text.Length; index++)
        {
            bool isHyphen = text.Length == UuidCharacters && index is 8 or 13 or 18 or 23;
            char read = text[index];
            if (isHyphen ? read is not ('-' or '_') : !char.IsAsciiHexDigitLower(read))
            {
                return null;
            }

            uid[index] = isHyphen ? '-' : read;
        }

        return uid[..text.Length].ToString();
    }
}
