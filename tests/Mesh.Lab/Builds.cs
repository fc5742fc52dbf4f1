namespace Mesh.Lab;

/// <summary>Where the executables a lab runs come from.</summary>
internal sealed class Builds
{
    private readonly bool _isDebug;

    private Builds(bool isDebug)
    {
        _isDebug = isDebug;
    }

    /// <summary>What `./run.sh publish` makes: what users run. mesh-node is NativeAOT.</summary>
    public static Builds Published { get; } = new(isDebug: false);

    /// <summary>What `dotnet build` makes: quick to make, and with every assertion.</summary>
    public static Builds Debug { get; } = new(isDebug: true);

    /// <summary>The published executables; the Debug builds where MESH_LAB_BUILDS=debug asks for a quick inner loop.</summary>
    public static Builds ForTests { get; } = Environment.GetEnvironmentVariable("MESH_LAB_BUILDS") == "debug" ? Debug : Published;

    /// <summary>Where lab-app is.</summary>
    public string ToolDirectory => _isDebug
        ? Path.Combine(Repository.Root, "tests", "Mesh.Lab.Apps", "bin", "Debug", "net10.0")
        : Repository.Published("lab-app");

    /// <param name="name">mesh-node or mesh-control.</param>
    /// <param name="given">A path from the command line, which then must exist.</param>
    public string Find(string name, string? given)
    {
        string project = name == "mesh-node" ? Path.Combine("nodeproxy", "Mesh.Node") : Path.Combine("ctlplane", "Mesh.Control");
        string path = given is not null ? Path.GetFullPath(given)
            : _isDebug ? Path.Combine(Repository.Root, project, "bin", "Debug", "net10.0", $"{name}.dll")
            : Repository.Published(name, name);
        if (File.Exists(path))
        {
            return path;
        }

        throw new LabException(given is not null
            ? $"{path}: there is no such file"
            : $"{name} is not built ({path}); build it with: {(_isDebug ? $"dotnet build {project}" : "./run.sh publish")}");
    }
}
