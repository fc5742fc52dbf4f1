using System.Globalization;

namespace Mesh.Images;

/// <summary>What is built, of what, and where it goes.</summary>
/// <param name="Root">The repository.</param>
/// <param name="Output">Where archives and SBOMs go.</param>
/// <param name="Cache">Where Debian's packages are kept between builds.</param>
/// <param name="Suite">Debian's suite, such as `trixie`.</param>
/// <param name="Sources">A file with apt's sources of that suite; null for those of the machine's own apt.</param>
/// <param name="Revision">The commit that is built; null when it is not known.</param>
/// <param name="IsOffline">Whether the packages of the last build are taken from the cache.</param>
/// <param name="Time">The time of all that is made here: SOURCE_DATE_EPOCH.</param>
internal sealed record BuildOptions(
    string Root, string Output, string Cache, string Suite, string? Sources, string? Revision, bool IsOffline, DateTimeOffset Time)
{
    /// <summary>Debian 13, the first release with an OpenSSL (3.5) that this product counts as current.</summary>
    public const string DefaultSuite = "trixie";

    /// <exception cref="FormatException">The arguments are not understood.</exception>
    public static BuildOptions Parse(string[] args, Func<string, string?> environment)
    {
        Dictionary<string, string> values = [];
        bool isOffline = false;
        for (int index = 0; index < args.Length; index++)
        {
            switch (args[index])
            {
                case "--offline":
                    isOffline = true;
                    break;
                case "--root" or "--output" or "--cache" or "--suite" or "--sources" or "--revision":
                    string name = args[index++];
                    if (index == args.Length || args[index].Length == 0)
                    {
                        throw new FormatException($"{name} has no value.");
                    }

                    if (!values.TryAdd(name, args[index]))
                    {
                        throw new FormatException($"{name} is given twice.");
                    }

                    break;
                default:
                    throw new FormatException($"'{args[index]}' is not an option.");
            }
        }

        if (!values.TryGetValue("--root", out string? root))
        {
            throw new FormatException("--root is missing.");
        }

        root = Path.GetFullPath(root);
        return new BuildOptions(
            root,
            Path.GetFullPath(values.GetValueOrDefault("--output") ?? Path.Combine(root, "artifacts", "images")),
            Path.GetFullPath(values.GetValueOrDefault("--cache") ?? Path.Combine(root, "artifacts", "debian")),
            SuiteOf(values.GetValueOrDefault("--suite") ?? DefaultSuite),
            values.GetValueOrDefault("--sources") is string sources ? Path.GetFullPath(sources) : null,
            values.GetValueOrDefault("--revision"),
            isOffline,
            TimeOf(environment("SOURCE_DATE_EPOCH")));
    }

    // It becomes part of a line that apt reads.
    private static string SuiteOf(string suite) => suite.All(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter))
        ? suite
        : throw new FormatException($"'{suite}' is not the name of a suite, such as {DefaultSuite}.");

    private static DateTimeOffset TimeOf(string? seconds)
    {
        if (string.IsNullOrEmpty(seconds))
        {
            return DateTimeOffset.UnixEpoch;
        }

        // An archive's entry has eleven octal digits for it.
        return long.TryParse(seconds, NumberStyles.None, CultureInfo.InvariantCulture, out long value) && value < 1L << 33
            ? DateTimeOffset.FromUnixTimeSeconds(value)
            : throw new FormatException($"SOURCE_DATE_EPOCH is '{seconds}', which is no number of seconds since 1970.");
    }
}
