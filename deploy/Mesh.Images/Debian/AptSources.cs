namespace Mesh.Images.Debian;

/// <summary>Where a suite is had from: whence this machine has its own, since it is known to reach that.</summary>
internal static class AptSources
{
    /// <summary>Of Debian's parts of a suite, those that have its packages: the release and its corrections.</summary>
    private static readonly string[] s_pockets = ["", "-updates", "-security"];

    /// <summary>Translates the machine's sources into those of another suite.</summary>
    /// <param name="targets">What `apt-get indextargets` printed in <see cref="TargetFormat"/>.</param>
    /// <param name="ownSuite">The machine's suite.</param>
    /// <param name="suite">The suite that is asked for.</param>
    /// <param name="architecture">Debian's name of it.</param>
    /// <returns>Lines of a sources.list.</returns>
    /// <exception cref="ImageException">The machine has no sources of Debian.</exception>
    public static string Translate(string targets, string ownSuite, string suite, string architecture)
    {
        SortedSet<string> lines = new(StringComparer.Ordinal);
        foreach (string target in targets.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (target.Split('|') is [string place, string release, "main", _, string keys]
                && s_pockets.FirstOrDefault(pocket => release == ownSuite + pocket) is string pocket)
            {
                string signedBy = keys.StartsWith('/') ? " signed-by=" + keys : "";
                lines.Add($"deb [arch={architecture}{signedBy}] {place} {suite}{pocket} main\n");
            }
        }

        return lines.Count > 0
            ? string.Concat(lines)
            : throw new ImageException(
                $"apt of this machine has no source of '{ownSuite}' with the component main, so it is not known whence to have '{suite}'. "
                + "Name a file of sources with --sources.");
    }

    /// <summary>For `apt-get indextargets --format`: what <see cref="Translate"/> reads.</summary>
    public const string TargetFormat = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)|$(ARCHITECTURE)|$(SIGNED_BY)";

    /// <summary>The name of the machine's suite, of the text of its os-release.</summary>
    /// <exception cref="ImageException">It is not a release of Debian.</exception>
    public static string SuiteOf(string osRelease)
    {
        Dictionary<string, string> values = osRelease.Split('\n')
            .Select(line => line.Split('=', 2))
            .Where(parts => parts.Length == 2)
            .ToDictionary(parts => parts[0].Trim(), parts => parts[1].Trim().Trim('"'));
        return values.GetValueOrDefault("ID") == "debian" && values.TryGetValue("VERSION_CODENAME", out string? suite)
            ? suite
            : throw new ImageException("This machine is no release of Debian: name a file of apt's sources with --sources.");
    }
}
