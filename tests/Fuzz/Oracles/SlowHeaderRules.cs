using System.Globalization;
using System.Text.RegularExpressions;

namespace Mesh.Fuzz.Oracles;

/// <summary>What RFC 9113 §8 calls malformed, as lists and regular expressions. Says only whether, not why.</summary>
internal static partial class SlowHeaderRules
{
    private static readonly string[] s_hopByHop = ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

    public static bool IsRequest(List<SlowField> fields, bool allowProtocol, out bool isConnect, out bool isHead, out long contentBytes)
    {
        List<SlowField> pseudo = [.. fields.TakeWhile(IsPseudo)];
        string? method = Value(pseudo, ":method");
        string? scheme = Value(pseudo, ":scheme");
        string? path = Value(pseudo, ":path");
        string? authority = Value(pseudo, ":authority");
        string? protocol = Value(pseudo, ":protocol");
        isConnect = method == "CONNECT";
        isHead = method == "HEAD";
        contentBytes = -1;

        string[] allowed = allowProtocol ? [":method", ":scheme", ":path", ":authority", ":protocol"] : [":method", ":scheme", ":path", ":authority"];
        if (pseudo.Any(field => !allowed.Contains(field.Name) || !IsValue(field.Value)) || pseudo.DistinctBy(field => field.Name).Count() != pseudo.Count)
        {
            return false;
        }

        if (method is null || !Token().IsMatch(method) || (protocol is not null && (!Token().IsMatch(protocol) || !isConnect)))
        {
            return false;
        }

        if (isConnect && protocol is null)
        {
            if (scheme is not null || path is not null || string.IsNullOrEmpty(authority))
            {
                return false;
            }
        }
        else
        {
            bool isPath = path is not null && (Path().IsMatch(path) || (path == "*" && method == "OPTIONS" && protocol is null));
            if (scheme is null || !Scheme().IsMatch(scheme) || !isPath || (protocol is not null && authority is null))
            {
                return false;
            }
        }

        if (authority is not null && authority.IndexOfAny(['@', ' ']) >= 0)
        {
            return false;
        }

        List<SlowField> rest = fields[pseudo.Count..];
        List<string> hosts = [.. rest.Where(field => field.Name == "host").Select(field => field.Value)];
        bool isHostRight = hosts.Count == 0 || authority is null || hosts[0].Equals(authority, StringComparison.OrdinalIgnoreCase);
        return AreFields(rest, out contentBytes) && isHostRight;
    }

    public static bool IsResponse(List<SlowField> fields, out int status, out long contentBytes)
    {
        status = 0;
        contentBytes = -1;
        if (fields.Count == 0 || fields[0].Name != ":status" || !Status().IsMatch(fields[0].Value) || fields[0].Value == "101")
        {
            return false;
        }

        status = int.Parse(fields[0].Value, CultureInfo.InvariantCulture);
        return AreFields(fields[1..], out contentBytes);
    }

    /// <summary>Fields without pseudo-headers.</summary>
    public static bool AreFields(List<SlowField> fields, out long contentBytes)
    {
        contentBytes = -1;
        List<string> lengths = [.. fields.Where(field => field.Name == "content-length").Select(field => field.Value)];
        bool areFine = fields.TrueForAll(field => Name().IsMatch(field.Name) && IsValue(field.Value))
            && !fields.Exists(field => s_hopByHop.Contains(field.Name))
            && fields.TrueForAll(field => field.Name != "te" || field.Value.Equals("trailers", StringComparison.OrdinalIgnoreCase))
            && fields.Count(field => field.Name == "host") <= 1
            && lengths.TrueForAll(Digits().IsMatch)
            && lengths.Select(ParseLength).Distinct().Count() <= 1;
        if (areFine && lengths.Count > 0)
        {
            contentBytes = ParseLength(lengths[0]);
        }

        return areFine;
    }

    private static long ParseLength(string digits) => long.Parse(digits, CultureInfo.InvariantCulture);

    private static bool IsPseudo(SlowField field) => field.Name.StartsWith(':');

    private static string? Value(List<SlowField> fields, string name) => fields.Find(field => field.Name == name)?.Value;

    private static bool IsValue(string value) => value.Length == 0 || FieldValue().IsMatch(value);

    [GeneratedRegex(@"^[!#$%&'*+\-.^_`|~0-9a-z]+\z")]
    private static partial Regex Name();

    [GeneratedRegex(@"^[!-~\x80-\xff]([\t -~\x80-\xff]*[!-~\x80-\xff])?\z")]
    private static partial Regex FieldValue();

    [GeneratedRegex(@"^[!#$%&'*+\-.^_`|~0-9A-Za-z]+\z")]
    private static partial Regex Token();

    [GeneratedRegex(@"^[A-Za-z][A-Za-z0-9+\-.]*\z")]
    private static partial Regex Scheme();

    [GeneratedRegex(@"^/[^ \t#]*\z", RegexOptions.Singleline)]
    private static partial Regex Path();

    [GeneratedRegex(@"^[1-9][0-9][0-9]\z")]
    private static partial Regex Status();

    [GeneratedRegex(@"^[0-9]{1,18}\z")]
    private static partial Regex Digits();
}
