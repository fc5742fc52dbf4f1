using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace Mesh.Node.Protocols.Probes;

/// <summary>
/// Reads requests of HTTP probes: a GET of a declared path over HTTP/1.1 (RFC 9112), without content, and nothing that could make a server
/// see another request than the one written here. Several may follow one another on a connection.
/// </summary>
internal sealed class HttpProbeReader
{
    /// <summary>The longest request, its last empty line included.</summary>
    public const int HeadBytesMax = 8 * 1024;

    private const int FieldsMax = 64;

    private static readonly SearchValues<byte> s_tokenBytes = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    // RFC 3986: what stands in a path or a query as it is. A percent sign is taken to begin an escape that was declared so.
    private static readonly SearchValues<byte> s_targetBytes = SearchValues.Create(
        "!$%&'()*+,-./:;=?@_~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    /// <summary>
    /// Fields that bring content, change the protocol, or ask some servers for another method or path than the request line does.
    /// </summary>
    private static readonly string[] s_refusedFields =
    [
        "content-length", "transfer-encoding", "upgrade", "http2-settings", "expect", "trailer",
        "x-http-method", "x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url",
    ];

    private readonly ImmutableArray<byte[]> _targets;

    /// <param name="paths">As declared; what a URL cannot hold as it is, probes send escaped.</param>
    public HttpProbeReader(ImmutableArray<string> paths) => _targets = [.. paths.Select(Escape)];

    public ProbeVerdict Judge(ReadOnlySpan<byte> waiting)
    {
        int end = waiting[..Math.Min(waiting.Length, HeadBytesMax)].IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return waiting.Length >= HeadBytesMax
                ? ProbeVerdict.Refuse($"the request's head is longer than {HeadBytesMax} bytes")
                : ProbeVerdict.NeedMore;
        }

        string? refusal = Check(waiting[..(end + 2)]);
        return refusal is null ? ProbeVerdict.Release(end + 4) : ProbeVerdict.Refuse(refusal);
    }

    /// <summary>Checks a head: lines that each end in CR LF, which stand nowhere else.</summary>
    private string? Check(ReadOnlySpan<byte> head)
    {
        int lineBytes = head.IndexOf("\r\n"u8);
        string? refusal = CheckRequestLine(head[..lineBytes]);
        int fields = 0;
        int hosts = 0;
        head = head[(lineBytes + 2)..];
        while (refusal is null && !head.IsEmpty)
        {
            lineBytes = head.IndexOf("\r\n"u8);
            refusal = ++fields > FieldsMax ? $"the request has more than {FieldsMax} fields" : CheckField(head[..lineBytes], ref hosts);
            head = head[(lineBytes + 2)..];
        }

        return refusal ?? (hosts == 1 ? null : "the request has no Host, or several");
    }

    private string? CheckRequestLine(ReadOnlySpan<byte> line)
    {
        ReadOnlySpan<byte> version = " HTTP/1.1"u8;
        if (!line.StartsWith("GET "u8) || !line.EndsWith(version) || line.Length < 4 + version.Length)
        {
            return "the request is no GET over HTTP/1.1";
        }

        ReadOnlySpan<byte> target = line[4..^version.Length];
        foreach (byte[] allowed in _targets)
        {
            if (target.SequenceEqual(allowed))
            {
                return null;
            }
        }

        return "the request asks for another path than the port's probes do";
    }

    private static string? CheckField(ReadOnlySpan<byte> line, ref int hosts)
    {
        int nameBytes = line.IndexOf((byte)':');
        if (nameBytes <= 0 || line[..nameBytes].ContainsAnyExcept(s_tokenBytes))
        {
            return "a field of the request has no proper name";
        }

        foreach (byte value in line[(nameBytes + 1)..])
        {
            if (value is not ((byte)'\t' or (>= (byte)' ' and <= (byte)'~')))
            {
                return "a field of the request has a byte that no probe sends";
            }
        }

        ReadOnlySpan<byte> name = line[..nameBytes];
        if (Ascii.EqualsIgnoreCase(name, "host"))
        {
            hosts++;
        }

        foreach (string refused in s_refusedFields)
        {
            if (Ascii.EqualsIgnoreCase(name, refused))
            {
                return $"the request has the field {refused}";
            }
        }

        return null;
    }

    private static byte[] Escape(string path)
    {
        var escaped = new StringBuilder();
        foreach (byte one in Encoding.UTF8.GetBytes(path))
        {
            _ = s_targetBytes.Contains(one)
                ? escaped.Append((char)one)
                : escaped.Append('%').Append(one.ToString("X2", CultureInfo.InvariantCulture));
        }

        return Encoding.ASCII.GetBytes(escaped.ToString());
    }
}
