using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>One case of llhttp: bytes, and what it made of them.</summary>
/// <param name="Name">File and title; a title that repeats in its file has a number.</param>
/// <param name="Type">"request" or "response", and how lenient it was asked to be.</param>
/// <param name="IsBodySkipped">True when it was told that there is no content, as after HEAD.</param>
/// <param name="Input">The bytes.</param>
/// <param name="Messages">The content of each message that was complete.</param>
/// <param name="IsRefused">True when it reported an error, to which pausing for a tunnel does not count.</param>
internal sealed partial record LlhttpCase(
    string Name, string Type, bool IsBodySkipped, byte[] Input, IReadOnlyList<string> Messages, bool IsRefused)
{
    private const string PausedForTunnel = "22";

    public bool IsLenient => Type.Contains("lenient", StringComparison.Ordinal);

    public bool IsRequest => Type.StartsWith("request", StringComparison.Ordinal);

    /// <summary>Reads every case of every file below a folder.</summary>
    public static List<LlhttpCase> ReadAll(string folder)
    {
        List<LlhttpCase> cases = [];
        foreach (string path in Directory.GetFiles(folder, "*.txt", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            string file = Path.ChangeExtension(Path.GetRelativePath(folder, path), null);
            Dictionary<string, int> seen = [];
            foreach (Match match in Case().Matches(File.ReadAllText(path, Encoding.Latin1).ReplaceLineEndings("\n")))
            {
                string title = match.Groups["title"].Value.Trim();
                seen[title] = seen.GetValueOrDefault(title) + 1;
                string name = $"{file}: {title}{(seen[title] > 1 ? $" #{seen[title]}" : "")}";
                cases.Add(Read(name, match.Groups["meta"].Value, match.Groups["input"].Value, match.Groups["log"].Value));
            }
        }

        return cases;
    }

    private static LlhttpCase Read(string name, string meta, string input, string log)
    {
        List<string> messages = [];
        var content = new StringBuilder();
        byte[] bytes = Unescape(input);
        string text = Encoding.Latin1.GetString(bytes);
        foreach (string line in log.Split('\n'))
        {
            if (Body().Match(line) is { Success: true } body)
            {
                content.Append(text.AsSpan(Number(body.Groups[1]), Number(body.Groups[2])));
            }
            else if (line.EndsWith(" message complete", StringComparison.Ordinal))
            {
                messages.Add(content.ToString());
                content.Clear();
            }
        }

        Match error = Error().Match(log);
        return new LlhttpCase(
            name, TypeText().Match(meta).Groups[1].Value, meta.Contains("\"skipBody\": true", StringComparison.Ordinal), bytes, messages,
            error.Success && error.Groups[1].Value != PausedForTunnel);
    }

    private static byte[] Unescape(string input)
    {
        string text = input[..^1].Replace("\\\n", "", StringComparison.Ordinal).Replace("\n", "\r\n", StringComparison.Ordinal)
            .Replace("\\r", "\r", StringComparison.Ordinal).Replace("\\n", "\n", StringComparison.Ordinal)
            .Replace("\\t", "\t", StringComparison.Ordinal).Replace("\\f", "\f", StringComparison.Ordinal);
        text = Hexadecimal().Replace(text, match => $"{(char)Convert.ToByte(match.Groups[1].Value, 16)}");
        return Encoding.Latin1.GetBytes(Octal().Replace(text, match => $"{(char)Convert.ToByte(match.Groups[1].Value, 8)}"));
    }

    private static int Number(Group group) => int.Parse(group.ValueSpan, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^#+ (?<title>.*)\n(?:(?!^#+ )[\s\S])*?<!-- meta=(?<meta>[^\n]*?) -->\s*```http\n(?<input>[\s\S]*?)```(?:(?!^#+ )[\s\S])*?```log\n(?<log>[\s\S]*?)```", RegexOptions.Multiline)]
    private static partial Regex Case();

    [GeneratedRegex(@"^off=(\d+) len=(\d+) span\[body\]")]
    private static partial Regex Body();

    [GeneratedRegex(@"error code=(\d+)")]
    private static partial Regex Error();

    [GeneratedRegex("\"type\": ?\"([^\"]*)\"")]
    private static partial Regex TypeText();

    [GeneratedRegex(@"\\x([0-9a-fA-F]{2})")]
    private static partial Regex Hexadecimal();

    [GeneratedRegex(@"\\([0-7]{2,3})")]
    private static partial Regex Octal();
}
