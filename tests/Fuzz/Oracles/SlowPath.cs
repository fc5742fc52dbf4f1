using System.Text.RegularExpressions;
using Mesh.Node.Protocols.Http;

namespace Mesh.Fuzz.Oracles;

/// <summary>Normalises paths as their documents say it, one step after the other, on texts.</summary>
internal static partial class SlowPath
{
    /// <summary>Null for what is refused.</summary>
    public static string? Normalize(string target, PathNormalization kind)
    {
        string path = target.Split('?', 2)[0];
        string query = target[path.Length..];
        if (kind == PathNormalization.None || !path.StartsWith('/'))
        {
            return target;
        }

        if (BadEscape().IsMatch(path))
        {
            return null;
        }

        if (kind == PathNormalization.DecodeAndMergeSlashes)
        {
            path = EscapedSlash().Replace(path, "/");
        }

        path = Escape().Replace(path, escape => (char)Convert.ToByte(escape.Value[1..], 16) is var value && Unreserved().IsMatch($"{value}")
            ? $"{value}"
            : escape.Value);
        path = RemoveDotSegments(path.Replace('\\', '/'));
        return (kind == PathNormalization.Base ? path : Slashes().Replace(path, "/")) + query;
    }

    /// <summary>RFC 3986 §5.2.4, step by step.</summary>
    private static string RemoveDotSegments(string input)
    {
        string output = "";
        while (input.Length > 0)
        {
            if (input.StartsWith("/./", StringComparison.Ordinal) || input == "/.")
            {
                input = "/" + input[Math.Min(3, input.Length)..];
            }
            else if (input.StartsWith("/../", StringComparison.Ordinal) || input == "/..")
            {
                input = "/" + input[Math.Min(4, input.Length)..];
                output = output[..Math.Max(0, output.LastIndexOf('/'))];
            }
            else
            {
                int next = input.IndexOf('/', 1);
                string segment = next < 0 ? input : input[..next];
                output += segment;
                input = input[segment.Length..];
            }
        }

        return output;
    }

    [GeneratedRegex("%(?![0-9A-Fa-f]{2})|%00")]
    private static partial Regex BadEscape();

    [GeneratedRegex("%(2[Ff]|5[Cc])")]
    private static partial Regex EscapedSlash();

    [GeneratedRegex("%[0-9A-Fa-f]{2}")]
    private static partial Regex Escape();

    [GeneratedRegex(@"^[-._~0-9A-Za-z]\z")]
    private static partial Regex Unreserved();

    [GeneratedRegex("/+")]
    private static partial Regex Slashes();
}
