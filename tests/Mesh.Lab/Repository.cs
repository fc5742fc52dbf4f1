namespace Mesh.Lab;

/// <summary>Where this checkout is, and what was built in it.</summary>
public static class Repository
{
    private static readonly Lazy<string> s_root = new(Find);

    public static string Root => s_root.Value;

    /// <summary>What `./run.sh publish` makes.</summary>
    public static string Published(params ReadOnlySpan<string> path) => Path.Combine([Root, "artifacts", "publish", .. path]);

    private static string Find()
    {
        for (string? directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "Mesh.Node.sln")))
            {
                return directory;
            }
        }

        throw new LabException($"{AppContext.BaseDirectory} is not inside a checkout of Mesh.Node; the lab runs what was built in one");
    }
}
