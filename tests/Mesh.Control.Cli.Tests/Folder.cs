namespace Mesh.Control.Cli.Tests;

/// <summary>A directory of manifests for one test.</summary>
internal sealed class Folder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("meshctl-").FullName;

    public Folder With(string file, string text)
    {
        File.WriteAllText(Of(file), text);
        return this;
    }

    public string Of(string file) => System.IO.Path.Combine(Path, file);

    public string Read(string file) => File.ReadAllText(Of(file));

    public string[] Files => [.. Directory.GetFiles(Path).Select(file => System.IO.Path.GetFileName(file)!).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
