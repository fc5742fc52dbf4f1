using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: nobody behind us finds another end of a request than we do (RFC 9112 §6). Method: a table of framing fields, smuggling among them, each cut
/// everywhere.
/// </summary>
public sealed class RequestFramingTests
{
    [Theory]
    [InlineData("", "None")]
    [InlineData("Content-Length: 0", "None(0)")]
    [InlineData("Content-Length: 5", "Length(5)")]
    [InlineData("content-length:\t5 ", "Length(5)")]
    [InlineData("Content-Length: 003", "Length(3)")]
    [InlineData("Content-Length: 999999999999999999", "Length(999999999999999999)")]
    [InlineData("Content-Length-X: 5", "None | content-length-x: 5")]
    [InlineData("Transfer-Encoding: chunked", "Chunked")]
    [InlineData("transfer-encoding: \t Chunked", "Chunked")]
    [InlineData("Transfer-Encoding: CHUNKED \t", "Chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nConnection: transfer-encoding", "Chunked")]
    public void What_has_one_end_is_read(string fields, string expected) =>
        Assert.Equal($"POST http a / 1.1 {expected}", HeadText.ReadRequest(Post(fields)));

    [Theory]

    // §6.2, §6.3 5: one number, once.
    [InlineData("Content-Length:", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: +5", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: -5", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 5 5", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 5a", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 0x5", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 5.0", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: \u00b5", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 5;q=1", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: \"5\"", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 1000000000000000000", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 18446744073709551621", Http1Refusal.BadContentLength)]
    [InlineData("Content-Length: 5, 5", Http1Refusal.RepeatedContentLength)]
    [InlineData("Content-Length: 5, 6", Http1Refusal.RepeatedContentLength)]
    [InlineData("Content-Length: 5,", Http1Refusal.RepeatedContentLength)]
    [InlineData("Content-Length: 5\r\nContent-Length: 5", Http1Refusal.RepeatedContentLength)]
    [InlineData("Content-Length: 5\r\nX: 1\r\ncontent-LENGTH: 6", Http1Refusal.RepeatedContentLength)]
    [InlineData("Content-Length: 5\r\nContent-Length: x", Http1Refusal.RepeatedContentLength)]

    // §6.1, §6.3 3: never both.
    [InlineData("Content-Length: 5\r\nTransfer-Encoding: chunked", Http1Refusal.ContentLengthWithTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 5", Http1Refusal.ContentLengthWithTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 0", Http1Refusal.ContentLengthWithTransferEncoding)]
    [InlineData("Transfer-Encoding: identity\r\nContent-Length: 5", Http1Refusal.ContentLengthWithTransferEncoding)]
    [InlineData("Transfer-Encoding:\r\nContent-Length: 5", Http1Refusal.ContentLengthWithTransferEncoding)]

    // §6.3 4: chunked is the last coding, or nobody knows the end.
    [InlineData("Transfer-Encoding:", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: identity", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: gzip", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: pigeons", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: xchunked", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunkedchunked", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked;q=1", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: \"chunked\"", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked, gzip", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked, chunked", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked,", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: , chunked", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: x", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding:", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding:\r\nTransfer-Encoding: chunked", Http1Refusal.BadTransferEncoding)]
    [InlineData("Transfer-Encoding: \u000bchunked", Http1Refusal.BadFieldValue)]
    [InlineData("Transfer-Encoding: chunked\0", Http1Refusal.BadFieldValue)]
    [InlineData("Transfer-Encoding\r\n : chunked", Http1Refusal.BadFieldName)]
    [InlineData("Transfer-Encoding:\r\n chunked", Http1Refusal.FoldedField)]
    [InlineData("X: 1\nTransfer-Encoding: chunked", Http1Refusal.BareLineFeed)]

    // §6.1: a coding that is not understood.
    [InlineData("Transfer-Encoding: gzip, chunked", Http1Refusal.UnsupportedTransferCoding)]
    [InlineData("Transfer-Encoding: deflate\r\nTransfer-Encoding: chunked", Http1Refusal.UnsupportedTransferCoding)]
    [InlineData("Transfer-Encoding: identity, chunked", Http1Refusal.UnsupportedTransferCoding)]
    public void What_might_have_two_is_refused(string fields, Http1Refusal expected) =>
        Assert.Equal($"{expected}", HeadText.ReadRequest(Post(fields)));

    [Theory]
    [InlineData("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "POST http a / 1.0 Length(5) close")]
    [InlineData("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "TransferEncodingInHttp10")]
    [InlineData("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", "TransferEncodingInHttp10")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 0\r\n\r\n", "ContentInConnect")]
    [InlineData("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n", "ContentInConnect")]
    [InlineData("CONNECT a:1 HTTP/1.0\r\n\r\nbytes", "CONNECT - a:1 - 1.0 Tunnel close >> bytes")]
    [InlineData("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "HEAD http a / 1.1 Length(5)")]
    public void Versions_and_methods_have_rules_of_their_own(string input, string expected) =>
        Assert.Equal(expected, HeadText.ReadRequest(input));

    [Fact]
    public void Pipelined_requests_are_read_one_after_the_other_into_the_same_head()
    {
        byte[] bytes = Encoding.ASCII.GetBytes(
            "POST /1 HTTP/1.1\r\nHost: a\r\nX: 1\r\nContent-Length: 3\r\n\r\nabc\r\nGET /2 HTTP/1.0\r\n\r\nPUT /3 HTTP/1.1\r\nHost: c\r\n\r\nGET /4");
        var input = new ReadOnlySequence<byte>(bytes);
        var reader = new Http1RequestReader(new Http1Options());
        var head = new RequestHead();

        Assert.Equal((Http1ReadStatus.Complete, "POST http a /1 1.1 Length(3) | x: 1"), (reader.Read(ref input, head), HeadText.Of(head)));
        input = input.Slice(3);
        Assert.Equal((Http1ReadStatus.Complete, "GET http - /2 1.0 None close"), (reader.Read(ref input, head), HeadText.Of(head)));
        Assert.True(reader.IsIdle);
        Assert.Equal((Http1ReadStatus.Complete, "PUT http c /3 1.1 None"), (reader.Read(ref input, head), HeadText.Of(head)));
        Assert.Equal(Http1ReadStatus.NeedMore, reader.Read(ref input, head));
        Assert.False(reader.IsIdle);
        Assert.Equal(6, input.Length);
    }

    [Fact]
    public void After_a_refusal_everything_is_refused()
    {
        var reader = new Http1RequestReader(new Http1Options());
        var head = new RequestHead();
        var bad = new ReadOnlySequence<byte>("GET / HTTP/1.1\r\n\r\n"u8.ToArray());
        var good = new ReadOnlySequence<byte>("GET / HTTP/1.1\r\nHost: a\r\n\r\n"u8.ToArray());

        Assert.Equal(Http1ReadStatus.Refused, reader.Read(ref bad, head));
        Assert.Equal(Http1ReadStatus.Refused, reader.Read(ref good, head));

        Assert.Equal(Http1Refusal.MissingHost, reader.Refusal);
        Assert.True(head.Path.SequenceEqual("/"u8), "What is known of a refused request is kept for its record.");
    }

    private static string Post(string fields) => $"POST / HTTP/1.1\r\nHost: a\r\n{fields}{(fields.Length > 0 ? "\r\n" : "")}\r\n";
}
