using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh.Images.Debian;

/// <summary>The exact packages of a build, kept in the cache so that the same can be built again without a network.</summary>
/// <param name="Suite">Of which suite they are.</param>
/// <param name="Architecture">Debian's name of it.</param>
/// <param name="Files">File name below `archives` of the cache → SHA-256 in lower-case hex.</param>
internal sealed record PackageResolution(string Suite, string Architecture, SortedDictionary<string, string> Files)
{
    private const string FileName = "resolution.json";

    /// <summary>Asks apt which packages are current, downloads what is not in the cache, and remembers which they were.</summary>
    public static IReadOnlyList<string> Download(string cache, string sources, string suite, Machine machine, IEnumerable<string> packages)
    {
        IReadOnlyList<string> files = new AptRoot(cache, sources).Download(packages);
        SortedDictionary<string, string> hashes = new(StringComparer.Ordinal);
        foreach (string file in files)
        {
            hashes[Path.GetFileName(file)] = HashOf(file);
        }

        PackageResolution resolution = new(suite, machine.Debian, hashes);
        File.WriteAllText(
            Path.Combine(cache, FileName), JsonSerializer.Serialize(resolution, ResolutionJson.Default.PackageResolution));
        return files;
    }

    /// <summary>The packages of the last build, each verified to be what it was then.</summary>
    /// <exception cref="ImageException">There was no such build, or the cache is not whole.</exception>
    public static IReadOnlyList<string> Recall(string cache, string suite, Machine machine)
    {
        string path = Path.Combine(cache, FileName);
        const string Advice = "Build once without --offline.";
        PackageResolution? resolution = File.Exists(path)
            ? JsonSerializer.Deserialize(File.ReadAllText(path), ResolutionJson.Default.PackageResolution)
            : null;
        if (resolution is null)
        {
            throw new ImageException($"There is no {path}, so no packages of a last build. {Advice}");
        }

        if (resolution.Suite != suite || resolution.Architecture != machine.Debian)
        {
            throw new ImageException(
                $"The last build was of {resolution.Suite} for {resolution.Architecture}, not of {suite} for {machine.Debian}. {Advice}");
        }

        List<string> files = [];
        foreach ((string name, string hash) in resolution.Files)
        {
            string file = Path.Combine(cache, "archives", name);
            if (!File.Exists(file) || HashOf(file) != hash)
            {
                throw new ImageException($"{file} is missing or not what it was at the last build. {Advice}");
            }

            files.Add(file);
        }

        return files;
    }

    private static string HashOf(string file)
    {
        using FileStream stream = File.OpenRead(file);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(PackageResolution))]
internal sealed partial class ResolutionJson : JsonSerializerContext;
