using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Tests.Http;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>Heads as one line of text, so that a table can say what is expected of them.</summary>
internal static class HeadText
{
    /// <summary>Reads one request in every way the input can be cut, and demands that what follows it is left alone.</summary>
    public static string ReadRequest(string input, Http1Options? options = null) =>
        SegmentedInput.ReadEveryWay(Encoding.Latin1.GetBytes(input), () =>
        {
            var reader = new Http1RequestReader(options ?? new Http1Options());
            var head = new RequestHead();
            return (
                (ref input) => reader.Read(ref input, head),
                (status, consumed) => Tell(status, reader.Refusal, Of(head), input, consumed));
        });

    /// <summary>As <see cref="ReadRequest"/>, of the response to a request.</summary>
    public static string ReadResponse(string input, RequestHead request, Http1Options? options = null) =>
        SegmentedInput.ReadEveryWay(Encoding.Latin1.GetBytes(input), () =>
        {
            var reader = new Http1ResponseReader(options ?? new Http1Options());
            var head = new ResponseHead();
            reader.Begin(request);
            return (
                (ref input) => reader.Read(ref input, head),
                (status, consumed) => Tell(status, reader.Refusal, Of(head), input, consumed));
        });

    /// <summary>"GET http a /path 1.1 body flags | field: value | ..."; what is empty is a hyphen.</summary>
    public static string Of(RequestHead head) => Join(
        $"{Text(head.Method)} {Text(head.Scheme)} {Text(head.Authority)} {Text(head.Path)} {VersionOf(head.Protocol)} {Of(head.Body)}"
            + (head.IsPersistent ? "" : " close")
            + (head.ExpectsContinue ? " continue" : "")
            + (head.AcceptsTrailers ? " te" : "")
            + (head.Upgrade.IsEmpty ? "" : $" upgrade={Text(head.Upgrade)}"),
        head.Fields);

    /// <summary>"200 1.1 body flags | field: value | ...".</summary>
    public static string Of(ResponseHead head) => Join(
        $"{head.Status} {VersionOf(head.Protocol)} {Of(head.Body)}"
            + (head.IsPersistent ? "" : " close")
            + (head.Upgrade.IsEmpty ? "" : $" upgrade={Text(head.Upgrade)}"),
        head.Fields);

    public static string Of(BodyFraming body) => body.ContentBytes < 0 ? $"{body.Kind}" : $"{body.Kind}({body.ContentBytes})";

    public static RequestHead Request(string method = "GET", string upgrade = "", HttpProtocol protocol = HttpProtocol.Http11) => new()
    {
        Protocol = protocol,
        Method = Encoding.Latin1.GetBytes(method),
        Scheme = method == "CONNECT" ? [] : "http"u8,
        Authority = method == "CONNECT" ? "a:80"u8 : "a"u8,
        Path = method == "CONNECT" ? [] : "/"u8,
        Upgrade = Encoding.Latin1.GetBytes(upgrade),
        Body = method == "CONNECT" ? BodyFraming.Tunnel : BodyFraming.None,
        IsPersistent = true,
    };

    private static string Tell(Http1ReadStatus status, Http1Refusal refusal, string head, string input, int consumed) => status switch
    {
        Http1ReadStatus.Complete => $"{head}{(consumed < input.Length ? $" >> {input[consumed..]}" : "")}",
        Http1ReadStatus.Refused => $"{refusal}",
        _ => $"{status}",
    };

    private static string VersionOf(HttpProtocol protocol) => protocol switch
    {
        HttpProtocol.Http10 => "1.0",
        HttpProtocol.Http11 => "1.1",
        _ => "2",
    };

    private static string Text(ReadOnlySpan<byte> text) => text.IsEmpty ? "-" : Encoding.Latin1.GetString(text);

    private static string Join(string head, HeaderList fields) => string.Join(" | ", [head, .. HeaderListTests.Text(fields)]);
}
