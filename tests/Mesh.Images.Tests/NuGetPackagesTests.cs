using Mesh.Images.DotNet;
using Mesh.Images.Files;
using Mesh.Images.Sbom;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>Of the packages of a restore, those are listed of which something is in the program.</summary>
public sealed class NuGetPackagesTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("mesh-images-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void What_is_in_the_program_is_listed_with_its_licence()
    {
        Package("named", "<license type=\"expression\">MIT</license>", []);
        Package("filed", "<license type=\"file\">terms.txt</license>", ["terms.txt"]);
        Package("alike", "<license type=\"expression\">MIT</license>", ["LICENSE.md"]);
        Assets("""
            "net10.0": {"Named/1.0": {"type": "package", "runtime": {"a.dll": {}}}},
            "net10.0/linux-x64": {
              "Named/1.0": {"type": "package", "runtime": {"a.dll": {}}},
              "Filed/1.0": {"type": "package", "runtime": {"b.dll": {}}},
              "Alike/1.0": {"type": "package", "runtime": {"b.dll": {}}},
              "Tool/1.0": {"type": "package"},
              "Empty/1.0": {"type": "package", "runtime": {"lib/_._": {}}},
              "Microsoft.DotNet.ILCompiler/10.0.1": {"type": "package"},
              "Mesh.Own/0.1.0": {"type": "project", "runtime": {"c.dll": {}}}
            }
            """);

        NuGetPackages packages = NuGetPackages.Of(_folder.FullName, "linux-x64", DateTimeOffset.UnixEpoch);

        Assert.Equal(
            ["Named 1.0 MIT", "Filed 1.0  /usr/share/doc/nuget/Filed/terms.txt", "Alike 1.0 MIT /usr/share/doc/nuget/Alike/LICENSE.md",
             "Microsoft.NETCore.App 10.0.1 MIT /usr/share/dotnet/LICENSE.txt"],
            packages.Components.Select(Describe));
        // The same text is there once.
        Assert.Equal(
            ["usr/share/doc/nuget/Alike/LICENSE.md", "usr/share/doc/nuget/Filed/terms.txt"],
            packages.Licences.Entries.Select(entry => entry.Key));
        Assert.Single(packages.Licences.Entries, entry => entry.Value is Link { Target: "/usr/share/doc/nuget/Filed/terms.txt" });

        static string Describe(Component component) =>
            $"{component.Name} {component.Version} {component.Licence} {component.LicenceFile}".TrimEnd();
    }

    [Fact]
    public void A_project_that_is_not_built_is_told_of() => Assert.Contains(
        "run ./run.sh publish",
        Assert.Throws<ImageException>(() => NuGetPackages.Of(_folder.FullName, "linux-x64", default)).Message,
        StringComparison.Ordinal);

    private void Assets(string targets)
    {
        _folder.CreateSubdirectory("obj");
        File.WriteAllText(
            Path.Combine(_folder.FullName, "obj", "project.assets.json"),
            $$"""{"packageFolders": {"{{_folder.FullName}}/packages/": {} }, "targets": { {{targets}} } }""");
    }

    private void Package(string name, string metadata, string[] texts)
    {
        DirectoryInfo folder = _folder.CreateSubdirectory($"packages/{name}/1.0");
        File.WriteAllText(
            Path.Combine(folder.FullName, name + ".nuspec"), $"<package xmlns=\"urn:nuspec\"><metadata>{metadata}</metadata></package>");
        foreach (string text in texts)
        {
            File.WriteAllText(Path.Combine(folder.FullName, text), "the same");
        }
    }
}
