using System.Security.Cryptography;
using System.Text.Json;
using Mesh.Images.Debian;
using Xunit;

namespace Mesh.Images.Tests;

/// <summary>Without a network, the packages of the last build are taken, if they are what they were.</summary>
public sealed class PackageResolutionTests : IDisposable
{
    private readonly DirectoryInfo _cache = Directory.CreateTempSubdirectory("mesh-images-");

    public PackageResolutionTests()
    {
        _cache.CreateSubdirectory("archives");
        File.WriteAllText(Package, "content");
        PackageResolution resolution = new(
            "trixie", Machine.Current.Debian, new() { ["a.deb"] = Convert.ToHexStringLower(SHA256.HashData("content"u8)) });
        File.WriteAllText(
            Path.Combine(_cache.FullName, "resolution.json"),
            JsonSerializer.Serialize(resolution, ResolutionJson.Default.PackageResolution));
    }

    private string Package => Path.Combine(_cache.FullName, "archives", "a.deb");

    public void Dispose() => _cache.Delete(recursive: true);

    [Fact]
    public void They_are_found() => Assert.Equal([Package], PackageResolution.Recall(_cache.FullName, "trixie", Machine.Current));

    [Fact]
    public void One_that_has_changed_is_refused()
    {
        File.AppendAllText(Package, "!");

        Assert.Contains(
            $"{Package} is missing or not what it was",
            Assert.Throws<ImageException>(() => PackageResolution.Recall(_cache.FullName, "trixie", Machine.Current)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Those_of_another_suite_are_refused() => Assert.Contains(
        "The last build was of trixie",
        Assert.Throws<ImageException>(() => PackageResolution.Recall(_cache.FullName, "forky", Machine.Current)).Message,
        StringComparison.Ordinal);
}
