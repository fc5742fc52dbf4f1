using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: we take what a parser in wide use takes and refuse what it refuses, or know why not. Method: all of llhttp's cases; where we are stricter,
/// the case stands in a table with our reason, and every row of the table must hold. A request without Host, as most of its cases are, is given
/// one: that we demand it is shown elsewhere.
/// </summary>
public sealed class LlhttpTests
{
    private const string Close = "data after the last message of a connection";

    private static readonly List<LlhttpCase> s_cases = LlhttpCase.ReadAll(Path.Combine(AppContext.BaseDirectory, "Http1", "Cases"));

    /// <summary>Cases that llhttp takes, strict as it can be, and we do not.</summary>
    private static readonly Dictionary<string, (Http1Refusal Refusal, string Why)> s_stricter = new()
    {
        ["request/method: CONNECT with body"] =
            (Http1Refusal.ContentInConnect, "The bytes after a CONNECT are the tunnel's: with a length there are two opinions on where it begins."),
        ["request/method: M-SEARCH request"] =
            (Http1Refusal.BadTarget, "RFC 9112 §3.2.4 has the asterisk for OPTIONS alone; M-SEARCH is a protocol on UDP."),
        ["request/method: SOURCE request with ICE"] = (Http1Refusal.BadVersion, "ICE is not HTTP."),
        ["request/method: OPTIONS request with RTSP"] = (Http1Refusal.BadVersion, "RTSP is not HTTP."),
        ["request/method: ANNOUNCE request with RTSP"] = (Http1Refusal.BadVersion, "RTSP is not HTTP."),
        ["request/sample: No HTTP version"] = (Http1Refusal.BadRequestLine, "HTTP/0.9 has no heads, so nothing of a mesh works on it."),
        ["request/connection: CRLF between requests, implicit `keep-alive`"] =
            (Http1Refusal.BadRequestLine, "RFC 9112 §2.2 has one empty line skipped, for old clients. Here are two."),
        ["request/uri: `host:port` and basic auth"] =
            (Http1Refusal.BadTarget, "RFC 9110 §4.2.4: userinfo is an error, because it makes a host look like another."),
        ["request/uri: Fragment in URI"] = (Http1Refusal.BadTarget, "RFC 9112 §3.2: a target has no fragment; servers differ on what to do with one."),
        ["request/transfer-encoding: POST with `chunked` as last transfer-encoding"] =
            (Http1Refusal.BadTarget, "A fragment. Without it the coding would be refused, with 501: we cannot take it off, so we cannot pass it on."),
        ["request/transfer-encoding: POST with `chunked` as last transfer-encoding (multiple headers)"] =
            (Http1Refusal.BadTarget, "The same list in two fields."),
        ["response/sample: RTSP response"] = (Http1Refusal.BadVersion, "RTSP is not HTTP."),
        ["response/sample: ICE response"] = (Http1Refusal.BadVersion, "ICE is not HTTP."),
        ["response/sample: HTTP version 0.9"] = (Http1Refusal.UnsupportedVersion, "No server says so, because HTTP/0.9 has no status line."),
        ["response/sample: Response starting with CRLF"] =
            (Http1Refusal.BadVersion, "RFC 9112 §2.2 skips empty lines before requests alone; before a response they are content of the last one."),
        ["response/connection: HTTP 100 first, then 400"] = (Http1Refusal.BadVersion, "An empty line before a response."),
        ["response/connection: HTTP 304 with Content-Length"] = (Http1Refusal.BadVersion, "An empty line before a response."),
        ["response/pipelining: Should parse multiple events"] = (Http1Refusal.BadVersion, "An empty line before a response."),
        ["response/connection: HTTP 101 response with Upgrade and Content-Length header"] =
            (Http1Refusal.ContentNotAllowed, "RFC 9110 §8.6 forbids it: there are two opinions on where the tunnel begins."),
        ["response/connection: HTTP 101 response with Upgrade and Transfer-Encoding header"] =
            (Http1Refusal.ContentNotAllowed, "RFC 9112 §6.1 forbids it, for the same reason."),
        ["response/transfer-encoding: `chunked` before other transfer-encoding"] =
            (Http1Refusal.BadTransferEncoding, "RFC 9112 §6.3 has it end with the connection; we would pass on content in a coding that nobody named."),
        ["response/transfer-encoding: multiple transfer-encoding where chunked is not the last one"] =
            (Http1Refusal.BadTransferEncoding, "The same list in two fields."),
        ["response/transfer-encoding: `chunkedchunked` transfer-encoding does not enable chunked enconding"] =
            (Http1Refusal.BadTransferEncoding, "A coding that nobody knows."),
    };

    /// <summary>Cases that llhttp refuses, because it knows all methods, and we do not: RFC 9110 §16.1 lets there be others.</summary>
    private static readonly string[] s_otherMethods =
        ["request/invalid: Invalid method", "request/invalid: HTTP protocol and ANNOUNCE method"];

    public static TheoryData<string> Names => [.. s_cases.Select(next => next.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_case_is_read_as_llhttp_reads_it_or_refused_for_a_reason(string name)
    {
        LlhttpCase next = s_cases.Single(candidate => candidate.Name == name);
        (List<string> messages, string refusal) = Read(next);

        if (s_stricter.TryGetValue(name, out (Http1Refusal Refusal, string Why) stricter))
        {
            Assert.False(next.IsRefused || next.IsLenient, "It is no stricter to refuse what llhttp refuses.");
            Assert.Equal($"{stricter.Refusal}", refusal);
        }
        else if (s_otherMethods.Contains(name))
        {
            Assert.Equal((true, ""), (next.IsRefused, refusal));
        }
        else if (next.IsLenient)
        {
            Assert.NotEqual("", refusal);
        }
        else
        {
            Assert.Equal((next.IsRefused, string.Join('|', next.Messages)), (refusal.Length > 0, string.Join('|', messages)));
        }
    }

    [Fact]
    public void Every_row_of_the_tables_is_a_case() =>
        Assert.Empty(s_stricter.Keys.Concat(s_otherMethods).Except(s_cases.Select(next => next.Name)));

    private static (List<string> Messages, string Refusal) Read(LlhttpCase next)
    {
        // llhttp refuses a line at its first bad byte, and some of its cases end there: we judge lines that are complete.
        bool isCut = (next.IsRefused || next.IsLenient) && !s_otherMethods.Contains(next.Name);
        byte[] input = isCut ? [.. next.Input, .. "\r\n\r\n"u8] : next.Input;
        return next.IsRequest ? ReadRequests(input, next.IsBodySkipped) : ReadResponses(input, next.IsBodySkipped);
    }

    private static (List<string> Messages, string Refusal) ReadRequests(byte[] bytes, bool isBodySkipped)
    {
        List<string> messages = [];
        var head = new RequestHead();
        var body = new Http1BodyReader(new Http1Options());
        while (true)
        {
            var reader = new Http1RequestReader(new Http1Options());
            var input = new ReadOnlySequence<byte>(bytes);
            Http1ReadStatus status = reader.Read(ref input, head);
            if (reader.Refusal == Http1Refusal.MissingHost)
            {
                bytes = WithHost(bytes);
                continue;
            }

            if (status != Http1ReadStatus.Complete)
            {
                return (messages, status == Http1ReadStatus.Refused ? $"{reader.Refusal}" : "");
            }

            string refusal = ReadContent(body, isBodySkipped ? BodyFraming.None : head.Body, ref input, messages, out bool isAtEnd);
            if (refusal.Length > 0 || isAtEnd || head.Body.Kind == BodyKind.Tunnel || !head.Upgrade.IsEmpty)
            {
                return (messages, refusal);
            }

            bytes = input.ToArray();
            if (!head.IsPersistent)
            {
                return (messages, bytes.AsSpan().TrimStart("\r\n"u8).IsEmpty ? "" : Close);
            }
        }
    }

    private static (List<string> Messages, string Refusal) ReadResponses(byte[] bytes, bool isBodySkipped)
    {
        List<string> messages = [];
        var head = new ResponseHead();
        var body = new Http1BodyReader(new Http1Options());
        var reader = new Http1ResponseReader(new Http1Options());
        var input = new ReadOnlySequence<byte>(bytes);
        while (true)
        {
            reader.Begin(HeadText.Request(isBodySkipped ? "HEAD" : "GET", upgrade: "websocket"));
            Http1ReadStatus status = reader.Read(ref input, head);
            if (status != Http1ReadStatus.Complete)
            {
                return (messages, status == Http1ReadStatus.Refused ? $"{reader.Refusal}" : "");
            }

            string refusal = ReadContent(body, head.Body, ref input, messages, out bool isAtEnd);
            if (refusal.Length > 0 || isAtEnd || head.Body.Kind == BodyKind.Tunnel)
            {
                return (messages, refusal);
            }

            if (!head.IsPersistent)
            {
                return (messages, input.ToArray().AsSpan().TrimStart("\r\n"u8).IsEmpty ? "" : Close);
            }
        }
    }

    private static string ReadContent(
        Http1BodyReader body, BodyFraming framing, ref ReadOnlySequence<byte> input, List<string> messages, out bool isAtEnd)
    {
        var content = new StringBuilder();
        body.Begin(framing.Kind == BodyKind.Tunnel ? BodyFraming.None : framing);
        Http1ReadStatus status;
        while ((status = body.Read(ref input, out ReadOnlySequence<byte> next)) == Http1ReadStatus.Content)
        {
            content.Append(Encoding.Latin1.GetString(next));
        }

        isAtEnd = status == Http1ReadStatus.NeedMore;
        if (status == Http1ReadStatus.Complete)
        {
            messages.Add(content.ToString());
        }

        return status == Http1ReadStatus.Refused ? $"{body.Refusal}" : "";
    }

    /// <summary>Adds Host after the request line.</summary>
    private static byte[] WithHost(byte[] bytes)
    {
        int start = bytes.AsSpan().StartsWith("\r\n"u8) ? 2 : 0;
        int at = start + bytes.AsSpan(start).IndexOf("\r\n"u8) + 2;
        return [.. bytes[..at], .. "Host: a\r\n"u8, .. bytes[at..]];
    }
}
