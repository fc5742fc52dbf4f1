using System.Text.RegularExpressions;
using Mesh.Bench.Load.Topology;

namespace Mesh.Bench.Load.Reporting;

/// <summary>
/// Which OpenSSL each side runs on: ciphers differ threefold between versions, so it is the same file for all or no comparison.
/// </summary>
internal static partial class LibraryReport
{
    /// <exception cref="BenchException">Two proxies have loaded different files.</exception>
    public static void Write(TextWriter output, Contest contest)
    {
        var loaded = contest.Sides.SelectMany(side => side.Proxies)
            .Select(proxy => (proxy.Name, File: proxy.Library("libcrypto.so")))
            .Where(entry => entry.File is not null)
            .ToList();
        if (loaded.Count == 0)
        {
            return;
        }

        if (loaded.Select(entry => entry.File).Distinct().Count() > 1)
        {
            string list = string.Join(", ", loaded.Select(entry => $"{entry.Name}: {entry.File}"));
            throw new BenchException($"the proxies run on different OpenSSL libraries, which is no comparison: {list}");
        }

        output.WriteLine($"  all proxies on {Version(loaded[0].File!)} ({loaded[0].File})");
    }

    private static string Version(string file)
    {
        Match match = VersionPattern().Match(System.Text.Encoding.Latin1.GetString(File.ReadAllBytes(file)));
        return match.Success ? match.Value : "an OpenSSL that does not say its version";
    }

    [GeneratedRegex(@"OpenSSL \d+\.\d+\.\d+[a-z]* \d+ [A-Z][a-z]{2} \d{4}")]
    private static partial Regex VersionPattern();
}
