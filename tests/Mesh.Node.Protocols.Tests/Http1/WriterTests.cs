using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Tests.Http;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: what is written says what the head says, delimits it once, and cannot be made to say more. Method: heads and their bytes.
/// </summary>
public sealed class WriterTests
{
    [Theory]
    [InlineData("GET", BodyKind.None, -1, "")]
    [InlineData("GET", BodyKind.None, 0, "content-length: 0\r\n")]
    [InlineData("POST", BodyKind.None, -1, "content-length: 0\r\n")]
    [InlineData("PATCH", BodyKind.None, 0, "content-length: 0\r\n")]
    [InlineData("GET", BodyKind.Length, 5, "content-length: 5\r\n")]
    [InlineData("POST", BodyKind.Length, long.MaxValue, "content-length: 9223372036854775807\r\n")]
    [InlineData("PUT", BodyKind.Chunked, -1, "transfer-encoding: chunked\r\n")]
    public void A_request_is_delimited_by_its_framing_alone(string method, BodyKind kind, long contentBytes, string expected)
    {
        RequestHead head = HeadText.Request(method);
        head.Body = new BodyFraming(kind, contentBytes);
        foreach (string name in new[] { "content-length", "transfer-encoding", "connection", "host", "te", "upgrade", "expect", "keep-alive", "proxy-connection" })
        {
            head.Fields.Add(Encoding.ASCII.GetBytes(name), "17"u8);
        }

        head.Fields.Add("x"u8, "y"u8);

        Assert.Equal($"{method} / HTTP/1.1\r\nhost: a\r\nx: y\r\n{expected}\r\n", Write(head));
    }

    [Theory]
    [InlineData(true, false, "", "")]
    [InlineData(false, false, "", "connection: close\r\n")]
    [InlineData(true, true, "", "te: trailers\r\nconnection: te\r\n")]
    [InlineData(true, false, "websocket", "upgrade: websocket\r\nconnection: upgrade\r\n")]
    [InlineData(false, true, "websocket", "te: trailers\r\nupgrade: websocket\r\nconnection: close, upgrade, te\r\n")]
    public void A_request_says_what_concerns_its_connection(bool isPersistent, bool acceptsTrailers, string upgrade, string expected)
    {
        RequestHead head = HeadText.Request(upgrade: upgrade);
        head.AcceptsTrailers = acceptsTrailers;

        Assert.Equal($"GET / HTTP/1.1\r\nhost: a\r\n{expected}\r\n", Write(head, isPersistent));
    }

    [Fact]
    public void A_request_of_every_form_is_written()
    {
        RequestHead options = HeadText.Request("OPTIONS");
        options.Path = "*"u8;
        RequestHead old = HeadText.Request(protocol: HttpProtocol.Http10);
        old.Authority = default;
        RequestHead expecting = HeadText.Request("PUT");
        expecting.Body = BodyFraming.OfLength(1);
        expecting.ExpectsContinue = true;

        Assert.Equal("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", Write(options));
        Assert.Equal("CONNECT a:80 HTTP/1.1\r\nhost: a:80\r\n\r\n", Write(HeadText.Request("CONNECT")));
        Assert.Equal("GET / HTTP/1.1\r\nhost: \r\n\r\n", Write(old));
        Assert.Equal("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n", Write(expecting));
    }

    [Theory]
    [InlineData("GET", "a", "/ HTTP/1.1\r\nx: y\r\n\r\n", "x", "y")]
    [InlineData("GET", "a", "/a b", "x", "y")]
    [InlineData("GET", "a", "", "x", "y")]
    [InlineData("GET", "a", "*", "x", "y")]
    [InlineData("GET", "a", "a", "x", "y")]
    [InlineData("GET", "a", "/\u00e9", "x", "y")]
    [InlineData("GET", "a", "/#", "x", "y")]
    [InlineData("GET /", "a", "/", "x", "y")]
    [InlineData("", "a", "/", "x", "y")]
    [InlineData("GET", "a\r\nx: y", "/", "x", "y")]
    [InlineData("GET", "a b", "/", "x", "y")]
    [InlineData("CONNECT", "a", "", "x", "y")]
    [InlineData("GET", "a", "/", "x", "y\r\nz: 1")]
    [InlineData("GET", "a", "/", "x", "y\n")]
    [InlineData("GET", "a", "/", "x", "\r")]
    [InlineData("GET", "a", "/", "x", "\0")]
    [InlineData("GET", "a", "/", "x: y\r\nz", "1")]
    [InlineData("GET", "a", "/", "x:", "1")]
    [InlineData("GET", "a", "/", "x ", "1")]
    [InlineData("GET", "a", "/", "", "1")]
    [InlineData("GET", "a", "/", ":path", "/")]
    public void A_request_that_would_say_more_than_it_should_is_not_written(string method, string authority, string path, string name, string value)
    {
        RequestHead head = HeadText.Request();
        head.Method = Encoding.Latin1.GetBytes(method);
        head.Authority = Encoding.Latin1.GetBytes(authority);
        head.Path = Encoding.Latin1.GetBytes(path);
        head.Fields.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));

        Assert.Equal("refused", Write(head));
    }

    [Fact]
    public void A_request_until_the_connection_closes_does_not_exist()
    {
        RequestHead head = HeadText.Request("POST");
        head.Body = BodyFraming.UntilClose;

        Assert.Equal("refused", Write(head));
    }

    [Theory]

    // RFC 9110 §8.6, RFC 9112 §6: what delimits, by status and method.
    [InlineData(200, BodyKind.None, -1, "GET", "content-length: 0\r\n")]
    [InlineData(200, BodyKind.None, 0, "GET", "content-length: 0\r\n")]
    [InlineData(200, BodyKind.Length, 7, "GET", "content-length: 7\r\n")]
    [InlineData(200, BodyKind.Chunked, -1, "GET", "transfer-encoding: chunked\r\n")]
    [InlineData(200, BodyKind.UntilClose, -1, "GET", "transfer-encoding: chunked\r\n")]
    [InlineData(204, BodyKind.None, -1, "GET", "")]
    [InlineData(204, BodyKind.None, 0, "GET", "")]
    [InlineData(304, BodyKind.None, -1, "GET", "")]
    [InlineData(304, BodyKind.None, 9, "GET", "content-length: 9\r\n")]
    [InlineData(200, BodyKind.None, 9, "HEAD", "content-length: 9\r\n")]
    [InlineData(200, BodyKind.None, -1, "HEAD", "")]
    [InlineData(200, BodyKind.Tunnel, -1, "CONNECT", "")]
    [InlineData(502, BodyKind.None, -1, "CONNECT", "content-length: 0\r\n")]
    public void A_response_is_delimited_by_its_framing_alone(int status, BodyKind kind, long contentBytes, string method, string expected)
    {
        var head = new ResponseHead { Status = status, Body = new BodyFraming(kind, contentBytes) };
        head.Fields.Add("content-length"u8, "17"u8);
        head.Fields.Add("transfer-encoding"u8, "chunked"u8);
        head.Fields.Add("connection"u8, "x"u8);
        head.Fields.Add("x"u8, "y"u8);

        Assert.Equal($"x: y\r\n{expected}\r\n", Write(head, HeadText.Request(method)).Split("\r\n", 2)[1]);
    }

    [Theory]
    [InlineData(HttpProtocol.Http11, true, BodyKind.Length, "content-length: 1\r\n")]
    [InlineData(HttpProtocol.Http11, false, BodyKind.Length, "content-length: 1\r\nconnection: close\r\n")]
    [InlineData(HttpProtocol.Http10, true, BodyKind.Length, "content-length: 1\r\nconnection: keep-alive\r\n")]
    [InlineData(HttpProtocol.Http10, false, BodyKind.Length, "content-length: 1\r\nconnection: close\r\n")]
    [InlineData(HttpProtocol.Http10, true, BodyKind.Chunked, "connection: close\r\n")]
    [InlineData(HttpProtocol.Http10, true, BodyKind.UntilClose, "connection: close\r\n")]
    [InlineData(HttpProtocol.Http11, true, BodyKind.UntilClose, "transfer-encoding: chunked\r\n")]
    public void A_response_suits_the_version_of_its_client(HttpProtocol client, bool isPersistent, BodyKind kind, string expected)
    {
        var head = new ResponseHead { Status = 200, Body = new BodyFraming(kind, kind == BodyKind.Length ? 1 : -1) };

        Assert.Equal($"HTTP/1.1 200 OK\r\n{expected}\r\n", Write(head, HeadText.Request(protocol: client), isPersistent));
    }

    [Fact]
    public void Informational_responses_and_upgrades_are_written()
    {
        var hints = new ResponseHead { Status = 103 };
        hints.Fields.Add("link"u8, "x"u8);
        var change = new ResponseHead { Status = 101, Body = BodyFraming.Tunnel, Upgrade = "websocket"u8 };
        var demand = new ResponseHead { Status = 426, Upgrade = "websocket"u8 };

        Assert.Equal("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n", Write(hints, HeadText.Request()));
        Assert.Equal("", Write(hints, HeadText.Request(protocol: HttpProtocol.Http10)));
        Assert.Equal(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            Write(change, HeadText.Request(upgrade: "websocket")));
        Assert.Equal(
            "HTTP/1.1 426 Upgrade Required\r\ncontent-length: 0\r\nupgrade: websocket\r\nconnection: close, upgrade\r\n\r\n",
            Write(demand, HeadText.Request(), isPersistent: false));
        Assert.True(Http1Writer.Continue.SequenceEqual("HTTP/1.1 100 Continue\r\n\r\n"u8));
    }

    [Theory]
    [InlineData(200, "x", "a\r\nset-cookie: stolen")]
    [InlineData(200, "x\r\ny", "a")]
    [InlineData(200, "X", "a")]
    [InlineData(200, "x", "a\0")]
    [InlineData(99, "x", "a")]
    [InlineData(1000, "x", "a")]
    public void A_response_cannot_be_split(int status, string name, string value)
    {
        var head = new ResponseHead { Status = status };
        head.Fields.Add(Encoding.Latin1.GetBytes(name), Encoding.Latin1.GetBytes(value));

        Assert.Equal("refused", Write(head, HeadText.Request()));
    }

    [Fact]
    public void A_status_without_a_phrase_keeps_its_space() =>
        Assert.Equal("HTTP/1.1 599 \r\ncontent-length: 0\r\n\r\n", Write(new ResponseHead { Status = 599 }, HeadText.Request()));

    [Fact]
    public void Trailers_follow_the_last_chunk_and_those_that_mean_nothing_do_not()
    {
        HeaderList trailers = HeaderListTests.Of("grpc-status: 0", "content-length: 5", "host: b", "authorization: c", "x: y");
        var output = new ArrayBufferWriter<byte>();

        Assert.True(Http1Writer.TryWriteLastChunk(trailers, output));
        Assert.Equal("0\r\ngrpc-status: 0\r\nx: y\r\n\r\n", Encoding.Latin1.GetString(output.WrittenSpan));

        trailers.Add("z"u8, "1\r\n"u8);
        output.Clear();
        Assert.False(Http1Writer.TryWriteLastChunk(trailers, output));
        Assert.Equal(0, output.WrittenCount);
        trailers.Clear();
        Assert.True(Http1Writer.TryWriteLastChunk(trailers, output));
        Assert.True(output.WrittenSpan.SequenceEqual(ChunkWriter.Last));
    }

    [Theory]
    [InlineData("GET /a?b HTTP/1.1\r\nhost: c:80\r\naccept: */*\r\ncookie: a=b\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nhost: c\r\nx: \r\ncontent-length: 12\r\nexpect: 100-continue\r\nte: trailers\r\nconnection: te\r\n\r\n")]
    [InlineData("PUT / HTTP/1.1\r\nhost: c\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nhost: c\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")]
    [InlineData("CONNECT c:1 HTTP/1.1\r\nhost: c:1\r\n\r\n")]
    public void What_was_read_is_written_as_it_was(string input)
    {
        var sequence = new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(input));
        var head = new RequestHead();

        Assert.Equal(Http1ReadStatus.Complete, new Http1RequestReader(new Http1Options()).Read(ref sequence, head));

        Assert.Equal(input, Write(head, head.IsPersistent));
    }

    private static string Write(RequestHead head, bool isPersistent = true)
    {
        var output = new ArrayBufferWriter<byte>();
        bool isWritten = Http1Writer.TryWriteRequest(head, isPersistent, output);
        return Told(isWritten, output);
    }

    private static string Write(ResponseHead head, RequestHead request, bool isPersistent = true)
    {
        var output = new ArrayBufferWriter<byte>();
        bool isWritten = Http1Writer.TryWriteResponse(head, request, isPersistent, output);
        return Told(isWritten, output);
    }

    private static string Told(bool isWritten, ArrayBufferWriter<byte> output)
    {
        Assert.True(isWritten || output.WrittenCount == 0, "What is refused is not begun.");
        return isWritten ? Encoding.Latin1.GetString(output.WrittenSpan) : "refused";
    }
}
