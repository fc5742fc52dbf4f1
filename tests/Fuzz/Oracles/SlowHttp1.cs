using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Fuzz.Oracles;

/// <summary>
/// HTTP/1 as regular expressions over a whole input: what its messages are, and whether it ends refused. Says not why.
/// </summary>
/// <param name="input">All of it, one character a byte.</param>
/// <param name="options">The limits.</param>
internal sealed partial class SlowHttp1(string input, Http1Options options)
{
    private const string Refused = "refused";
    private const string More = "more";
    private const string Token = @"[!#$%&'*+\-.^_`|~0-9A-Za-z]+";
    private const string Text = @"[\t -~\x80-\xff]*";

    private static readonly string[] s_own =
        ["te", "host", "expect", "upgrade", "connection", "keep-alive", "content-length", "proxy-connection", "transfer-encoding"];

    private int _at;
    private int _extensions;

    /// <summary>What was seen, in order; the last line says how it ended.</summary>
    public List<string> Lines { get; } = [];

    /// <summary>Reads requests until the input ends, one is refused, or HTTP does.</summary>
    public List<string> ReadRequests() => Run(() =>
    {
        while (ReadRequest())
        {
        }
    });

    /// <summary>Reads responses to requests of one kind.</summary>
    /// <param name="kind">GET, HEAD, CONNECT, or UPGRADE for a GET that asks for a WebSocket.</param>
    public List<string> ReadResponses(string kind) => Run(() =>
    {
        while (ReadResponse(kind))
        {
        }
    });

    /// <summary>Reads the chunks of one message.</summary>
    public List<string> ReadChunked() => Run(ReadChunks);

    private List<string> Run(Action read)
    {
        try
        {
            read();
        }
        catch (InputEndException end)
        {
            Lines.Add(end.Message);
        }

        return Lines;
    }

    private bool ReadRequest()
    {
        string line = ReadLine(options.StartLineBytesMax);
        if (line.Length == 0)
        {
            line = ReadLine(options.StartLineBytesMax);
        }

        Match match = RequestLine().Match(line);
        Demand(match.Success);
        string method = match.Groups["method"].Value;
        string target = match.Groups["target"].Value;
        bool is10 = match.Groups["minor"].Value == "0";
        (string scheme, string authority, string path) = Target(method, target);
        List<(string Name, string Value)> all = ReadFields(seen =>
        {
            JudgeField(seen);
            string[] soFar = Values(seen, "host");
            Demand(soFar.Length <= 1 && soFar.All(host => IsAuthority(host, needsPort: false)));
            Demand(is10 || Values(seen, "expect").All(value => Same(value, "100-continue")));
        });
        string[] hosts = Values(all, "host");
        Demand(is10 || hosts.Length == 1);
        string[] named = ConnectionOptions(all);
        string body = Framing(all, is10);
        if (method == "CONNECT")
        {
            Demand(body.Length == 0);
            body = "Tunnel";
        }

        body = body.Length == 0 ? "None" : body;
        string upgrade = body.StartsWith("None", StringComparison.Ordinal) && method == "GET" && !is10 ? Upgrade(all, named) : "";
        bool isPersistent = IsPersistent(named, is10);
        bool hasContent = body is "Chunked" || body.StartsWith("Length", StringComparison.Ordinal);
        bool isContinue = !is10 && hasContent && Values(all, "expect").Length > 0;
        bool hasTe = Values(all, "te").SelectMany(Elements).Any(coding => Same(coding, "trailers"));
        AddHead(
            $"{method} {scheme} {(authority.Length > 0 ? authority : hosts.FirstOrDefault(""))} {path} {(is10 ? "Http10" : "Http11")} {body}"
                + $" {isPersistent} {isContinue} {hasTe} {upgrade}",
            all.Where(field => !s_own.Contains(field.Name)), named);
        ReadContent(body);
        return isPersistent && body != "Tunnel" && upgrade.Length == 0;
    }

    private bool ReadResponse(string kind)
    {
        Match match = StatusLine().Match(ReadLine(options.StartLineBytesMax));
        Demand(match.Success);
        int status = int.Parse(match.Groups["status"].ValueSpan, CultureInfo.InvariantCulture);
        bool is10 = match.Groups["minor"].Value == "0";
        List<(string Name, string Value)> all = ReadFields(JudgeField);
        string[] named = ConnectionOptions(all);
        string upgrade = is10 ? "" : Upgrade(all, named);
        string[] lengths = Values(all, "content-length");
        string body;
        if (kind == "CONNECT" && status is >= 200 and < 300)
        {
            body = "Tunnel";
        }
        else
        {
            body = Framing(all, is10);
            if (status is < 200 or 204)
            {
                Demand(body is "" or "None(0)");
                Demand(status != 101 || (kind == "UPGRADE" && upgrade.Length > 0));
                body = status == 101 ? "Tunnel" : "None";
            }
            else if (kind == "HEAD" || status == 304)
            {
                body = lengths.Length == 0 ? "None" : $"None({long.Parse(lengths[0], CultureInfo.InvariantCulture)})";
            }
            else if (body.Length == 0)
            {
                body = "UntilClose";
            }
        }

        bool isPersistent = IsPersistent(named, is10) && body is not ("UntilClose" or "Tunnel");
        string[] own = [.. s_own.Except(["te", "host", "expect"])];
        AddHead(
            $"{status} {(is10 ? "Http10" : "Http11")} {body} {isPersistent} {(status is 101 or 426 ? upgrade : "")}",
            all.Where(field => !own.Contains(field.Name)), named);
        ReadContent(body);
        return isPersistent;
    }

    /// <summary>What is refused with its line, before the head is complete.</summary>
    private static void JudgeField(List<(string Name, string Value)> seen)
    {
        string[] lengths = Values(seen, "content-length");
        Demand(lengths.Length <= 1 && lengths.All(length => Length().IsMatch(length)));
        ConnectionOptions(seen);
    }

    private void AddHead(string start, IEnumerable<(string Name, string Value)> fields, string[] named) => Lines.Add(
        string.Join(" | ", [start, .. fields.Where(field => !named.Contains(field.Name)).Select(field => $"{field.Name}: {field.Value}")]));

    private static (string Scheme, string Authority, string Path) Target(string method, string target)
    {
        Demand(!target.Contains('#', StringComparison.Ordinal));
        if (method == "CONNECT")
        {
            Demand(IsAuthority(target, needsPort: true));
            return ("", target, "");
        }

        if (target.StartsWith('/') || (target == "*" && method == "OPTIONS"))
        {
            return ("http", "", target);
        }

        Match match = Absolute().Match(target);
        Demand(match.Success && IsAuthority(match.Groups["authority"].Value, needsPort: false));
        string path = match.Groups["path"].Value;
        path = path.Length == 0 ? method == "OPTIONS" ? "*" : "/" : path.StartsWith('?') ? "/" + path : path;
        return (match.Groups["scheme"].Value.ToLowerInvariant(), match.Groups["authority"].Value, path);
    }

    private static bool IsAuthority(string text, bool needsPort)
    {
        Match match = Authority().Match(text);
        string port = match.Groups["port"].Value;
        string address = match.Groups["address"].Value;
        return match.Success && (port.Length > 0 || !needsPort)
            && (port.Length == 0 || int.Parse(port, CultureInfo.InvariantCulture) <= 65_535)
            && (address.Length == 0 || IPAddress.TryParse(address, out _));
    }

    /// <returns>Empty when nothing is said of content.</returns>
    private static string Framing(List<(string Name, string Value)> all, bool is10)
    {
        string[] lengths = Values(all, "content-length");
        string[] codings = Values(all, "transfer-encoding");
        if (codings.Length > 0)
        {
            Demand(!is10 && lengths.Length == 0 && codings.Length == 1 && Same(codings[0], "chunked"));
            return "Chunked";
        }

        if (lengths.Length == 0)
        {
            return "";
        }

        long bytes = long.Parse(lengths[0], CultureInfo.InvariantCulture);
        return bytes == 0 ? "None(0)" : $"Length({bytes})";
    }

    private static string[] ConnectionOptions(List<(string Name, string Value)> all)
    {
        string[] named = [.. Values(all, "connection").SelectMany(Elements).Where(option => option.Length > 0)];
        Demand(named.All(option => WholeToken().IsMatch(option)));
        named = [.. named.Select(option => option.ToLowerInvariant())];
        Demand(!named.Any(option => ForbiddenOption().IsMatch(option)));
        return named;
    }

    private static bool IsPersistent(string[] named, bool is10) => !named.Contains("close") && (!is10 || named.Contains("keep-alive"));

    private static string Upgrade(List<(string Name, string Value)> all, string[] named)
    {
        string[] upgrades = Values(all, "upgrade");
        return upgrades.Length == 1 && named.Contains("upgrade") && Same(upgrades[0], "websocket") ? upgrades[0] : "";
    }

    private void ReadContent(string body)
    {
        if (body == "Chunked")
        {
            ReadChunks();
        }
        else if (body.StartsWith("Length", StringComparison.Ordinal))
        {
            long bytes = long.Parse(body[7..^1], CultureInfo.InvariantCulture);
            string content = input.Substring(_at, (int)Math.Min(bytes, input.Length - _at));
            _at += content.Length;
            AddContent(content);
            Demand(content.Length == bytes, More);
        }
        else if (body == "UntilClose")
        {
            AddContent(input[_at..]);
            _at = input.Length;
        }
    }

    private void ReadChunks()
    {
        string content = "";
        _extensions = 0;
        try
        {
            while (true)
            {
                long bytes = ReadChunkHead();
                if (bytes == 0)
                {
                    break;
                }

                string chunk = input.Substring(_at, (int)Math.Min(bytes, input.Length - _at));
                _at += chunk.Length;
                content += chunk;
                Demand(chunk.Length == bytes, More);
                string end = input.Substring(_at, Math.Min(2, input.Length - _at));
                Demand("\r\n".StartsWith(end, StringComparison.Ordinal));
                Demand(end.Length == 2, More);
                _at += 2;
            }
        }
        finally
        {
            AddContent(content);
        }

        List<(string Name, string Value)> trailers = ReadFields(seen => Demand(!ForbiddenTrailer().IsMatch(seen[^1].Name)));
        Lines.Add(string.Join(" | ", ["trailers", .. trailers.Where(field => !DroppedTrailer().IsMatch(field.Name)).Select(field => $"{field.Name}: {field.Value}")]));
    }

    private long ReadChunkHead()
    {
        string rest = input[_at..];
        Match match = ChunkHead().Match(rest);
        if (!match.Success)
        {
            // It may yet become one, if one of these ends makes it one.
            string[] ends = ["\r\n", "0\r\n", "\n", "a\r\n", "\"\r\n", "a\"\r\n"];
            string? end = ends.FirstOrDefault(end => ChunkHead().Match(rest + end) is { Success: true } whole && whole.Length == rest.Length + end.Length);
            Demand(end is not null);
            match = ChunkHead().Match(rest + end);
            string extension = match.Groups["extension"].Value;
            string seen = rest.TrimEnd('\r');
            int seenExtension = Math.Max(0, Math.Min(extension.Length, seen.Length - match.Groups["size"].Length));
            DemandSize(rest.Length == 0 ? "0" : match.Groups["size"].Value);
            DemandExtension(seenExtension);
            throw new InputEndException(More);
        }

        long bytes = DemandSize(match.Groups["size"].Value);
        DemandExtension(match.Groups["extension"].Length);
        _extensions += match.Groups["extension"].Length;
        _at += match.Length;
        return bytes;
    }

    private static long DemandSize(string digits)
    {
        Demand(digits.Length <= 16);
        ulong bytes = ulong.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        Demand(bytes <= long.MaxValue);
        return (long)bytes;
    }

    private void DemandExtension(int length) =>
        Demand(length <= options.ChunkExtensionBytesMax && _extensions + length <= options.ChunkExtensionsBytesMax);

    private List<(string Name, string Value)> ReadFields(Action<List<(string Name, string Value)>> judge)
    {
        List<(string Name, string Value)> fields = [];
        int left = options.FieldsBytesMax;
        while (true)
        {
            string line = ReadLine(Math.Max(0, Math.Min(options.FieldBytesMax, left - 2)));
            if (line.Length == 0)
            {
                return fields;
            }

            left -= line.Length + 2;
            Match match = FieldLine().Match(line);
            Demand(match.Success && fields.Count < options.FieldsMax);
            fields.Add((match.Groups["name"].Value.ToLowerInvariant(), match.Groups["value"].Value.Trim(' ', '\t')));
            judge(fields);
        }
    }

    private string ReadLine(int bytesMax)
    {
        int end = input.IndexOf('\n', _at);
        Demand((end < 0 ? input.Length : end) - _at <= bytesMax + 1);
        Demand(end >= 0, More);
        string line = input[_at..end];
        _at = end + 1;
        Demand(line.EndsWith('\r'));
        return line[..^1];
    }

    private void AddContent(string content) => Lines.Add($"content {content}");

    private static string[] Values(List<(string Name, string Value)> all, string name) =>
        [.. all.Where(field => field.Name == name).Select(field => field.Value)];

    private static IEnumerable<string> Elements(string list) => list.Split(',').Select(element => element.Trim(' ', '\t'));

    private static bool Same(string left, string right) => left.Equals(right, StringComparison.OrdinalIgnoreCase);

    private static void Demand(bool condition, string otherwise = Refused)
    {
        if (!condition)
        {
            throw new InputEndException(otherwise);
        }
    }

    [GeneratedRegex("^(?<method>" + Token + @") (?<target>[!-~]+) HTTP/1\.(?<minor>[01])\z")]
    private static partial Regex RequestLine();

    [GeneratedRegex(@"^HTTP/1\.(?<minor>[01]) (?<status>[1-9][0-9]{2})( " + Text + @")?\z")]
    private static partial Regex StatusLine();

    [GeneratedRegex("^(?<name>" + Token + "):(?<value>" + Text + @")\z")]
    private static partial Regex FieldLine();

    [GeneratedRegex(@"^(?<scheme>[Hh][Tt][Tt][Pp][Ss]?)://(?<authority>[^/?]*)(?<path>.*)\z")]
    private static partial Regex Absolute();

    [GeneratedRegex(@"^(\[(?<address>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]|([!$&'()*+,\-.;=_~0-9A-Za-z]|%[0-9A-Fa-f]{2})+)(:(?<port>[0-9]{1,5}))?\z")]
    private static partial Regex Authority();

    [GeneratedRegex(@"^[0-9]{1,18}\z")]
    private static partial Regex Length();

    [GeneratedRegex("^" + Token + @"\z")]
    private static partial Regex WholeToken();

    [GeneratedRegex(@"^((host|cookie|expect|forwarded|authorization|cache-control|content-length)\z|x-forwarded-|x-envoy-)")]
    private static partial Regex ForbiddenOption();

    [GeneratedRegex(@"^(host|content-length|transfer-encoding)\z")]
    private static partial Regex ForbiddenTrailer();

    [GeneratedRegex(@"^((te|connection|keep-alive|proxy-connection|upgrade|trailer|expect|max-forwards|cache-control|pragma|range|if-(match|none-match|modified-since|unmodified-since|range)"
        + @"|authorization|proxy-authorization|www-authenticate|proxy-authenticate|cookie|set-cookie|age|date|expires|location|retry-after|vary|warning"
        + @"|content-(encoding|type|range)|forwarded)\z|x-forwarded-|x-envoy-)")]
    private static partial Regex DroppedTrailer();

    [GeneratedRegex(@"^(?<size>[0-9A-Fa-f]+)(?<extension>(;" + Token + "(=(" + Token + @"|""([\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*""))?)*)\r\n")]
    private static partial Regex ChunkHead();

    private sealed class InputEndException(string how) : Exception(how);
}
