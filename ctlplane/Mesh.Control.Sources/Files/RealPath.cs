namespace Mesh.Control.Sources.Files;

/// <summary>
/// Paths with the links of every component followed. The runtime follows those of the last one only, and in a mounted ConfigMap it is a
/// directory in the middle (<c>..data</c>) that is swapped.
/// </summary>
internal static class RealPath
{
    private const int LinkCountMax = 40;

    /// <returns>Where the path leads, whether or not anything is there; of a circle of links, some point on it.</returns>
    /// <exception cref="IOException">A component cannot be looked at.</exception>
    public static string Of(string path)
    {
        var pending = new Stack<string>();
        Push(pending, Path.GetFullPath(path));
        string resolved = "/";
        int linkCount = 0;
        while (pending.TryPop(out string? component))
        {
            if (component == "..")
            {
                resolved = Path.GetDirectoryName(resolved) ?? "/";
                continue;
            }

            string next = Path.Combine(resolved, component);
            string? link = new FileInfo(next).LinkTarget;
            if (link is null || ++linkCount > LinkCountMax)
            {
                resolved = next;
                continue;
            }

            if (Path.IsPathRooted(link))
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
