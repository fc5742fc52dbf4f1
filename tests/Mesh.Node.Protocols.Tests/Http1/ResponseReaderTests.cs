using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: responses are read as RFC 9112 §4 and §6.3 have them, the request considered. Method: a table, each input cut everywhere.
/// </summary>
public sealed class ResponseReaderTests
{
    [Theory]

    // §4.
    [InlineData("HTTP/1.1 200 OK", "200 1.1 None(0)")]
    [InlineData("HTTP/1.1 200 ", "200 1.1 None(0)")]
    [InlineData("HTTP/1.1 200", "200 1.1 None(0)")]
    [InlineData("HTTP/1.1 404 Not at all\tfound \u00e9", "404 1.1 None(0)")]
    [InlineData("HTTP/1.1 599 x", "599 1.1 None(0)")]
    [InlineData("HTTP/1.1 999 x", "999 1.1 None(0)")]
    [InlineData("HTTP/1.0 200 OK", "200 1.0 None(0) close")]
    public void A_well_formed_status_line_is_read(string line, string expected) =>
        Assert.Equal(expected, HeadText.ReadResponse($"{line}\r\nContent-Length: 0\r\n\r\n", HeadText.Request()));

    [Theory]
    [InlineData("", Http1Refusal.BadVersion)]
    [InlineData("HTTP/1.1", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 ", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 20", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 2000", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 200OK", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 200\tOK", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1  200 OK", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 099 x", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 +20 x", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 2x0 x", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 200 a\0b", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 200 a\rb", Http1Refusal.BadStatusLine)]
    [InlineData("HTTP/1.1 200 OK\n", Http1Refusal.BareLineFeed)]
    [InlineData("HTTP/2.0 200 OK", Http1Refusal.UnsupportedVersion)]
    [InlineData("HTTP/0.9 200 OK", Http1Refusal.UnsupportedVersion)]
    [InlineData("HTTP/1.10 200 OK", Http1Refusal.BadVersion)]
    [InlineData("HTTP/11.1 200 OK", Http1Refusal.BadVersion)]
    [InlineData("HTP/1.1 200 OK", Http1Refusal.BadVersion)]
    [InlineData("http/1.1 200 OK", Http1Refusal.BadVersion)]
    [InlineData("HTTP/1.1\t200 OK", Http1Refusal.BadVersion)]
    [InlineData(" HTTP/1.1 200 OK", Http1Refusal.BadVersion)]
    [InlineData("\r\nHTTP/1.1 200 OK", Http1Refusal.BadVersion)]
    public void Anything_else_is_refused(string line, Http1Refusal expected) =>
        Assert.Equal($"{expected}", HeadText.ReadResponse($"{line}\r\nContent-Length: 0\r\n\r\n", HeadText.Request()));

    [Theory]

    // §6.3 1: no content, whatever the fields say.
    [InlineData("HEAD", "200", "Content-Length: 5", "200 1.1 None(5)")]
    [InlineData("HEAD", "200", "Transfer-Encoding: chunked", "200 1.1 None")]
    [InlineData("HEAD", "200", "", "200 1.1 None")]
    [InlineData("GET", "304", "Content-Length: 5", "304 1.1 None(5)")]
    [InlineData("GET", "304", "Transfer-Encoding: chunked", "304 1.1 None")]
    [InlineData("GET", "204", "", "204 1.1 None")]
    [InlineData("GET", "204", "Content-Length: 0", "204 1.1 None")]
    [InlineData("GET", "100", "", "100 1.1 None")]
    [InlineData("GET", "103", "Link: x", "103 1.1 None | link: x")]
    [InlineData("GET", "204", "Content-Length: 5", "ContentNotAllowed")]
    [InlineData("GET", "204", "Transfer-Encoding: chunked", "ContentNotAllowed")]
    [InlineData("GET", "100", "Content-Length: 5", "ContentNotAllowed")]
    [InlineData("GET", "199", "Transfer-Encoding: chunked", "ContentNotAllowed")]
    [InlineData("HEAD", "204", "Content-Length: 5", "ContentNotAllowed")]

    // §6.3 2: CONNECT.
    [InlineData("CONNECT", "200", "", "200 1.1 Tunnel close")]
    [InlineData("CONNECT", "299", "Content-Length: 5\r\nTransfer-Encoding: chunked", "299 1.1 Tunnel close")]
    [InlineData("CONNECT", "403", "Content-Length: 5", "403 1.1 Length(5)")]

    // §6.3 3 to 5: as in requests.
    [InlineData("GET", "200", "Content-Length: 5\r\nTransfer-Encoding: chunked", "ContentLengthWithTransferEncoding")]
    [InlineData("GET", "200", "Transfer-Encoding: chunked", "200 1.1 Chunked")]
    [InlineData("GET", "200", "Transfer-Encoding: gzip", "BadTransferEncoding")]
    [InlineData("GET", "200", "Transfer-Encoding: chunked, gzip", "BadTransferEncoding")]
    [InlineData("GET", "200", "Transfer-Encoding: gzip, chunked", "UnsupportedTransferCoding")]
    [InlineData("GET", "200", "Content-Length: 5, 5", "RepeatedContentLength")]
    [InlineData("GET", "200", "Content-Length: 5\r\nContent-Length: 5", "RepeatedContentLength")]
    [InlineData("GET", "200", "Content-Length: x", "BadContentLength")]

    // §6.3 6 and 8.
    [InlineData("GET", "200", "Content-Length: 5", "200 1.1 Length(5)")]
    [InlineData("GET", "200", "", "200 1.1 UntilClose close")]
    [InlineData("GET", "500", "X: y", "500 1.1 UntilClose close | x: y")]

    // Persistence, and fields of the connection.
    [InlineData("GET", "200", "Content-Length: 0\r\nConnection: close", "200 1.1 None(0) close")]
    [InlineData("GET", "200", "Content-Length: 0\r\nConnection: X-Y\r\nX-Y: 1\r\nKeep-Alive: 5", "200 1.1 None(0)")]
    [InlineData("GET", "200", "Content-Length: 0\r\nHost: b\r\nTE: x\r\nExpect: y", "200 1.1 None(0) | host: b | te: x | expect: y")]
    public void Content_ends_where_the_rules_say(string method, string status, string fields, string expected) => Assert.Equal(
        expected,
        HeadText.ReadResponse($"HTTP/1.1 {status} x\r\n{fields}{(fields.Length > 0 ? "\r\n" : "")}\r\n", HeadText.Request(method)));

    [Theory]
    [InlineData("", "200 1.0 UntilClose close")]
    [InlineData("Connection: keep-alive\r\n", "200 1.0 UntilClose close")]
    [InlineData("Connection: keep-alive\r\nContent-Length: 1\r\n", "200 1.0 Length(1)")]
    [InlineData("Content-Length: 1\r\n", "200 1.0 Length(1) close")]
    [InlineData("Transfer-Encoding: chunked\r\n", "TransferEncodingInHttp10")]
    public void A_server_of_1_0_has_no_chunks_and_closes(string fields, string expected) =>
        Assert.Equal(expected, HeadText.ReadResponse($"HTTP/1.0 200 OK\r\n{fields}\r\n", HeadText.Request()));

    [Theory]
    [InlineData("websocket", "101", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "101 1.1 Tunnel close upgrade=websocket")]
    [InlineData("websocket", "101", "Connection: Upgrade\r\nUpgrade: WebSocket\r\nX: 1\r\n", "101 1.1 Tunnel close upgrade=WebSocket | x: 1")]
    [InlineData("websocket", "101", "Upgrade: websocket\r\n", "UnexpectedUpgrade")]
    [InlineData("websocket", "101", "Connection: upgrade\r\n", "UnexpectedUpgrade")]
    [InlineData("websocket", "101", "Connection: upgrade\r\nUpgrade: h2c\r\n", "UnexpectedUpgrade")]
    [InlineData("websocket", "101", "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n", "ContentNotAllowed")]
    [InlineData("websocket", "101", "Connection: upgrade\r\nUpgrade: websocket\r\nTransfer-Encoding: chunked\r\n", "ContentNotAllowed")]
    [InlineData("", "101", "Connection: Upgrade\r\nUpgrade: websocket\r\n", "UnexpectedUpgrade")]
    [InlineData("websocket", "200", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", "200 1.1 None(0)")]
    [InlineData("", "426", "Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n", "426 1.1 None(0) upgrade=websocket")]
    [InlineData("", "426", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n", "426 1.1 None(0)")]
    public void A_connection_changes_only_to_what_was_asked_for(string asked, string status, string fields, string expected) =>
        Assert.Equal(expected, HeadText.ReadResponse($"HTTP/1.1 {status} x\r\n{fields}\r\n", HeadText.Request(upgrade: asked)));

    [Fact]
    public void Informational_responses_come_before_the_final_one()
    {
        var input = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 x\r\nLink: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 204 x\r\n\r\nHT"));
        var reader = new Http1ResponseReader(new Http1Options());
        var head = new ResponseHead();

        reader.Begin(HeadText.Request());
        Assert.Equal((Http1ReadStatus.Complete, "100 1.1 None", true), (reader.Read(ref input, head), HeadText.Of(head), head.IsInformational));
        Assert.Equal((Http1ReadStatus.Complete, "103 1.1 None | link: y"), (reader.Read(ref input, head), HeadText.Of(head)));
        Assert.Equal((Http1ReadStatus.Complete, "200 1.1 Length(2)"), (reader.Read(ref input, head), HeadText.Of(head)));
        Assert.False(head.IsInformational);
        input = input.Slice(2);
        reader.Begin(HeadText.Request());
        Assert.True(reader.IsIdle);
        Assert.Equal((Http1ReadStatus.Complete, "204 1.1 None"), (reader.Read(ref input, head), HeadText.Of(head)));
        Assert.Equal(Http1ReadStatus.NeedMore, reader.Read(ref input, head));
        Assert.False(reader.IsIdle);
    }

    [Fact]
    public void A_status_line_beyond_the_limit_is_refused() => Assert.Equal(
        "StartLineTooLong",
        HeadText.ReadResponse($"HTTP/1.1 200 {new string('x', 60)}", HeadText.Request(), new Http1Options { StartLineBytesMax = 64 }));
}
