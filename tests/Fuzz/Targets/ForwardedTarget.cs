using System.Net;
using System.Text.RegularExpressions;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Fuzz.Targets;

/// <summary>Forwarded, against one regular expression; what was read is written and read again.</summary>
internal sealed partial class ForwardedTarget() : TextTarget(
    "forwarded",
    "for=", "host=", "proto=https", "by=", "FOR=", "Host=", "\"", "\"10.0.0.1:80\"", "\"[::1]:80\"", "\"[fd00::1]\"", "10.0.0.1", "unknown", "_hidden", "_",
    "a", "a.b", ":80", "\"a:80\"", ";", ",", " ", "\t", "\\", "\\\"", "\u00e9", "\0", "x=y", "=", "for=10.0.0.1,for=10.0.0.2", "for=\"10.0.0.1:1\";host=a")
{
    protected override string Compare(byte[] input, string text)
    {
        bool parsed = Forwarded.TryParse(input, out Forwarded forwarded);
        (bool isValid, IPEndPoint? client, string? host) = Oracle(text);
        FuzzFailure.ThrowUnlessEqual(isValid, parsed, "Valid");
        if (!parsed)
        {
            return Invalid;
        }

        FuzzFailure.ThrowUnlessEqual(client?.ToString() ?? "", forwarded.For?.ToString() ?? "", "For");
        FuzzFailure.ThrowUnlessEqual(host ?? "", forwarded.Host ?? "", "Host");
        if (forwarded.For is { Port: > 0 })
        {
            byte[] written = new byte[Forwarded.BytesMax];
            string? hostName = forwarded.Host is { } name && SlowAddress.IsHostName(name) ? name : null;
            if (!Forwarded.TryFormat(forwarded.For, hostName, written, out int bytes)
                || !Forwarded.TryParse(written.AsSpan(0, bytes), out Forwarded again)
                || again != forwarded with { Host = hostName })
            {
                throw new FuzzFailure("What was read cannot be written and read again.");
            }
        }

        return $"valid {(client is null ? "" : "for")} {(host is null ? "" : "host")}";
    }

    private static (bool IsValid, IPEndPoint? Client, string? Host) Oracle(string text)
    {
        Match match = Whole().Match(text);
        if (text.Length > 1_024 || !match.Success)
        {
            return default;
        }

        // Elements in order of their place in the text, each with the parameters inside it.
        Capture[] elements = [.. match.Groups["element"].Captures.Cast<Capture>()];
        Capture[] names = [.. match.Groups["name"].Captures.Cast<Capture>()];
        Capture[] values = [.. match.Groups["value"].Captures.Cast<Capture>()];
        if (elements.Length > 16)
        {
            return default;
        }

        (bool IsValid, IPEndPoint? Client, string? Host) first = default;
        foreach (Capture element in elements)
        {
            IPEndPoint? client = null;
            string? host = null;
            HashSet<string> seen = [];
            int parameters = 0;
            for (int i = 0; i < names.Length; i++)
            {
                if (names[i].Index < element.Index || names[i].Index >= element.Index + element.Length)
                {
                    continue;
                }

                parameters++;
                string name = names[i].Value.ToLowerInvariant();
                string value = values[i].Value.StartsWith('"') ? Escape().Replace(values[i].Value[1..^1], "$1") : values[i].Value;
                bool isRead = name switch
                {
                    "for" => seen.Add(name) && IsNode(value, out client),
                    "host" => seen.Add(name) && IsHost(value, out host),
                    _ => true,
                };
                if (!isRead)
                {
                    return default;
                }
            }

            if (parameters > 8)
            {
                return default;
            }

            first = first.IsValid ? first : (true, client, host);
        }

        return first;
    }

    private static bool IsNode(string value, out IPEndPoint? client)
    {
        client = null;
        (string address, string? port) = SplitPort(value);
        if (SlowAddress.Parse(address) is { } parsed && (port is null || SlowAddress.Port(port) is not null))
        {
            client = new IPEndPoint(parsed, port is null ? 0 : SlowAddress.Port(port)!.Value);
            return true;
        }

        return value.Equals("unknown", StringComparison.OrdinalIgnoreCase) || Hidden().IsMatch(value);
    }

    private static bool IsHost(string value, out string? host)
    {
        (string name, string? port) = SplitPort(value);
        host = SlowAddress.Parse(name)?.ToString() ?? (SlowAddress.IsHostName(name) ? name.ToLowerInvariant() : null);
        return host is not null && (port is null || SlowAddress.Port(port) is not null);
    }

    private static (string Host, string? Port) SplitPort(string value)
    {
        int colon = value.LastIndexOf(':');
        return colon < 0 || value.EndsWith(']') ? (value, null) : (value[..colon], value[(colon + 1)..]);
    }

    private const string Token = @"[!#$%&'*+\-.^_`|~0-9A-Za-z]+";
    private const string Pair = "(?<name>" + Token + ")=(?<value>" + Token + """|"([ !#-\[\]-~]|\\[ -~])*")""";

    [GeneratedRegex(@"^([ \t]*(?<element>" + Pair + "(;" + Pair + @")*)[ \t]*(,(?!\z)|\z))+\z")]
    private static partial Regex Whole();

    [GeneratedRegex(@"\\(.)", RegexOptions.Singleline)]
    private static partial Regex Escape();

    [GeneratedRegex(@"^_[A-Za-z0-9._-]+\z")]
    private static partial Regex Hidden();
}
