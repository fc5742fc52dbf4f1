namespace Mesh.Lab.Processes;

/// <summary>How a program of this repository is started: itself, or by `dotnet` when it is a .dll of a plain build.</summary>
internal static class Executable
{
    /// <summary>This program, to be started in another namespace.</summary>
    public static string[] OfTheLab { get; } = Command(typeof(Executable).Assembly.Location);

    public static string[] Command(string path)
    {
        return path.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", path] : [path];
    }
}
