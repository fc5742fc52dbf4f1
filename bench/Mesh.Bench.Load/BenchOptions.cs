using System.Globalization;

namespace Mesh.Bench.Load;

/// <summary>An argument that cannot be obeyed. The message names it and says what would do.</summary>
internal sealed class BenchOptionException(string message) : Exception(message);

/// <summary>What the user asked of a comparison.</summary>
internal sealed record BenchOptions
{
    public const int SecondsMax = 600;
    public const int RunsMax = 99;

    /// <summary>Fewer runs than this give no median worth quoting; the report says so.</summary>
    public const int RunsToQuote = 5;

    /// <summary>Where the figures go as JSON; null for nowhere.</summary>
    public string? JsonFile { get; init; }

    /// <summary>Rows to measure, in the catalogue's order.</summary>
    public required IReadOnlyList<string> Rows { get; init; }

    /// <summary>How long each single run lasts.</summary>
    public int Seconds { get; init; } = 5;

    /// <summary>How often each side runs.</summary>
    public int Runs { get; init; } = RunsToQuote;

    /// <summary>What the lab's connections control congestion by; null for what the machine does.</summary>
    public string? Congestion { get; init; }

    public bool WantsHelp { get; init; }

    /// <param name="args">As typed, without the program's name.</param>
    /// <param name="rowNames">The names <c>--only</c> chooses from.</param>
    /// <exception cref="BenchOptionException">An argument is unknown, has no value or one that cannot be.</exception>
    public static BenchOptions Read(IReadOnlyList<string> args, IReadOnlyList<string> rowNames)
    {
        var options = new BenchOptions { Rows = rowNames };
        var only = new List<string>();
        for (int index = 0; index < args.Count; index++)
        {
            string name = args[index];
            if (name is "--help" or "-h")
            {
                return options with { WantsHelp = true };
            }

            if (name is not ("--json" or "--only" or "--seconds" or "--runs" or "--congestion"))
            {
                throw new BenchOptionException($"'{name}' is none of --json FILE, --only NAME, --seconds N, --runs N, --congestion NAME");
            }

            if (++index == args.Count || args[index].StartsWith("--", StringComparison.Ordinal))
            {
                throw new BenchOptionException($"{name} needs a value");
            }

            string value = args[index];
            switch (name)
            {
                case "--json":
                    options = options with { JsonFile = WritableFile(value) };
                    break;
                case "--only":
                    only.AddRange(Matching(value, rowNames));
                    break;
                case "--congestion":
                    options = options with { Congestion = value };
                    break;
                case "--seconds":
                    options = options with { Seconds = Number(name, value, SecondsMax) };
                    break;
                case "--runs":
                    options = options with { Runs = Number(name, value, RunsMax) };
                    break;
            }
        }

        return only.Count == 0 ? options : options with { Rows = [.. rowNames.Where(only.Contains)] };
    }

    public static string Help(IReadOnlyList<string> rowNames) =>
        $"""
        Usage: ./run.sh bench [--only NAME] [--seconds N] [--runs N] [--json FILE] [--congestion NAME]

          --only NAME    the row of that name, or every row whose name contains it; may be given more than once
          --seconds N    how long each single run lasts (default 5)
          --runs N       how often each side runs, interleaved (default {RunsToQuote})
          --json FILE    write the figures as JSON too
          --congestion NAME   congestion control of every connection in the lab, such as reno (default: the machine's)

        Rows: {string.Join(", ", rowNames)}.
        How it is measured and how to read it: bench/README.md.

        """;

    // A name that is a row's own means that row alone, also where it is part of another's.
    private static string[] Matching(string wanted, IReadOnlyList<string> rowNames)
    {
        string[] matching = rowNames.Contains(wanted)
            ? [wanted]
            : [.. rowNames.Where(name => name.Contains(wanted, StringComparison.Ordinal))];
        return matching.Length > 0
            ? matching
            : throw new BenchOptionException($"--only {wanted}: no row is named like that; there are {string.Join(", ", rowNames)}");
    }

    private static int Number(string name, string value, int max)
    {
        return int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= max
            ? number
            : throw new BenchOptionException($"{name} {value}: a whole number from 1 to {max} is needed");
    }

    // Found out now and not after half an hour of measuring.
    private static string WritableFile(string path)
    {
        string full = Path.GetFullPath(path);
        return Directory.Exists(full)
            ? throw new BenchOptionException($"--json {path}: that is a directory")
            : !Directory.Exists(Path.GetDirectoryName(full))
            ? throw new BenchOptionException($"--json {path}: there is no directory {Path.GetDirectoryName(full)}")
            : full;
    }
}
