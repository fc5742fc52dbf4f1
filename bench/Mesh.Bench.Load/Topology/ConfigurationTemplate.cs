using System.Text.RegularExpressions;

namespace Mesh.Bench.Load.Topology;

/// <summary>A configuration of bench/compare: a file with {NAMES} in it that stand for what is known once the lab runs.</summary>
internal static partial class ConfigurationTemplate
{
    /// <exception cref="BenchException">The text holds a name that has no value.</exception>
    public static string Expand(string text, IReadOnlyDictionary<string, string> values)
    {
        return NamePattern().Replace(text, match => values.TryGetValue(match.Groups[1].Value, out string? value)
            ? value
            : throw new BenchException($"a configuration of bench/compare wants {match.Value}; known are: {string.Join(", ", values.Keys)}"));
    }

    // Braces are also what nginx writes blocks with; those hold more than one word in capitals.
    [GeneratedRegex(@"\{([A-Z]+)\}")]
    private static partial Regex NamePattern();
}
