using Xunit;

namespace Mesh.Tidy;

/// <summary>The checkout this test was built from.</summary>
internal sealed class Repository
{
    private static readonly string[] s_skippedFolders = ["bin", "obj", "artifacts", ".git", "TestResults", "BenchmarkDotNet.Artifacts"];
    private static readonly Lazy<Repository> s_current = new(() => new Repository());

    private Repository()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(System.IO.Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        Assert.True(folder is not null, $"There is no Mesh.Node.sln above {AppContext.BaseDirectory}.");
        Root = folder.FullName;
        Paths = [.. Walk(folder).Order(StringComparer.Ordinal)];
        CSharp = Load(".cs");
        Markdown = Load(".md");
        Projects = Load(".csproj");
        Protos = Load(".proto");
    }

    public static Repository Current => s_current.Value;

    public string Root { get; }

    /// <summary>Every file that is not built or downloaded, relative, with forward slashes.</summary>
    public IReadOnlyList<string> Paths { get; }

    public IReadOnlyList<SourceFile> CSharp { get; }

    public IReadOnlyList<SourceFile> Markdown { get; }

    public IReadOnlyList<SourceFile> Projects { get; }

    public IReadOnlyList<SourceFile> Protos { get; }

    private List<SourceFile> Load(string extension) =>
        [.. Paths.Where(path => path.EndsWith(extension, StringComparison.Ordinal))
            .Select(path => new SourceFile(path, File.ReadAllText(System.IO.Path.Combine(Root, path))))];

    private IEnumerable<string> Walk(DirectoryInfo folder)
    {
        foreach (FileSystemInfo entry in folder.EnumerateFileSystemInfos())
        {
            if (entry is FileInfo file)
            {
                yield return System.IO.Path.GetRelativePath(Root, file.FullName).Replace('\\', '/');
            }
            else if (entry is DirectoryInfo child && !s_skippedFolders.Contains(child.Name) && child.LinkTarget is null)
            {
                foreach (string path in Walk(child))
                {
                    yield return path;
                }
            }
        }
    }
}
