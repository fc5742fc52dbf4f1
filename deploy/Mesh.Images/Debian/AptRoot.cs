using System.Text.RegularExpressions;

namespace Mesh.Images.Debian;

/// <summary>
/// An apt of our own beside the machine's: its lists, its packages and its idea of what is installed (nothing) lie in one folder.
/// Signatures and hashes are verified as always.
/// </summary>
internal sealed partial class AptRoot
{
    private readonly string _folder;
    private readonly string[] _options;

    /// <param name="folder">Where it lies; made when missing.</param>
    /// <param name="sources">Lines of its sources.list.</param>
    public AptRoot(string folder, string sources)
    {
        _folder = folder;
        Directory.CreateDirectory(Path.Combine(folder, "lists", "partial"));
        Directory.CreateDirectory(Path.Combine(folder, "archives", "partial"));
        Directory.CreateDirectory(Path.Combine(folder, "etc"));
        File.WriteAllText(Path.Combine(folder, "status"), "");
        string list = Path.Combine(folder, "sources.list");
        File.WriteAllText(list, sources);
        _options =
        [
            "-q", "-y", "--no-install-recommends",
            "-o", $"Dir::State={folder}",
            "-o", $"Dir::State::status={folder}/status",
            "-o", $"Dir::Cache={folder}",
            "-o", $"Dir::Etc::sourcelist={list}",
            "-o", $"Dir::Etc::sourceparts={folder}/etc",
            "-o", $"Dir::Etc::preferencesparts={folder}/etc",
            "-o", $"Dir::Etc::preferences={folder}/etc/none",
            "-o", "Acquire::Languages=none",
            "-o", "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
            "-o", "Acquire::Retries=3",
            // A failure to get one of the lists is a failure.
            "-o", "APT::Update::Error-Mode=any",
            // The user that apt downloads as may not see a checkout in somebody's home.
            "-o", "APT::Sandbox::User=root",
        ];
    }

    /// <summary>Downloads packages and all they depend on.</summary>
    /// <returns>The files of the packages, in the order of their names.</returns>
    /// <exception cref="ImageException">apt failed; with its words.</exception>
    public IReadOnlyList<string> Download(IEnumerable<string> packages)
    {
        string[] names = [.. packages];
        Tool.Run("apt-get", [.. _options, "update"]);
        Tool.Run("apt-get", [.. _options, "--download-only", "install", .. names]);
        // Older ones may lie there too, so apt is asked which it means.
        string planned = Tool.Run("apt-get", [.. _options, "--simulate", "install", .. names]);
        return [.. PlannedPackages(planned).Select(FileOf).Order(StringComparer.Ordinal)];
    }

    /// <summary>The packages that a simulated run would unpack: lines such as `Inst libc6 (2.41-12 Debian:13/stable [amd64])`.</summary>
    internal static IEnumerable<(string Name, string Version, string Architecture)> PlannedPackages(string planned) =>
        PlannedPackage().Matches(planned).Select(match => (match.Groups[1].Value, match.Groups[2].Value, match.Groups[3].Value));

    [GeneratedRegex(@"^Inst ([a-z0-9.+-]+)\S* \((\S+) .*\[([a-z0-9-]+)\]\)", RegexOptions.Multiline)]
    private static partial Regex PlannedPackage();

    private string FileOf((string Name, string Version, string Architecture) package)
    {
        string version = package.Version.Replace(":", "%3a", StringComparison.Ordinal);
        string file = Path.Combine(_folder, "archives", $"{package.Name}_{version}_{package.Architecture}.deb");
        return File.Exists(file)
            ? file
            : throw new ImageException($"apt has said that it downloaded {package.Name}, and there is no {file}.");
    }
}
