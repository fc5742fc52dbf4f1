using System.Buffers;
using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Protocols.Tests.Http;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>
/// Goal: a message means the same after it went from one version of HTTP to the other. Method: heads of one version, what they become in the
/// model and in the other; whatever becomes HTTP/2 must pass the rules of HTTP/2.
/// </summary>
public sealed class TranslationTests
{
    private static readonly string[] s_upgrades = ["websocket"];

    [Theory]
    [InlineData("GET /a?b HTTP/1.1\r\nHost: c:80\r\nX: 1\r\n\r\n", ":method: GET, :scheme: http, :authority: c:80, :path: /a?b, x: 1")]
    [InlineData("GET http://d HTTP/1.1\r\nHost: c\r\n\r\n", ":method: GET, :scheme: http, :authority: d, :path: /")]
    [InlineData("GET / HTTP/1.0\r\n\r\n", ":method: GET, :scheme: http, :path: /")]
    [InlineData("OPTIONS * HTTP/1.1\r\nHost: c\r\n\r\n", ":method: OPTIONS, :scheme: http, :authority: c, :path: *")]
    [InlineData("CONNECT c:80 HTTP/1.1\r\nHost: c:80\r\nX: 1\r\n\r\n", ":method: CONNECT, :authority: c:80, x: 1")]
    [InlineData("PUT / HTTP/1.1\r\nHost: c\r\nContent-Length: 005\r\n\r\n",
        ":method: PUT, :scheme: http, :authority: c, :path: /, content-length: 5")]
    [InlineData("PUT / HTTP/1.1\r\nHost: c\r\nContent-Length: 0\r\n\r\n",
        ":method: PUT, :scheme: http, :authority: c, :path: /, content-length: 0")]
    [InlineData("PUT / HTTP/1.1\r\nHost: c\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
        ":method: PUT, :scheme: http, :authority: c, :path: /, expect: 100-continue")]
    [InlineData("GET / HTTP/1.1\r\nHost: c\r\nTE: trailers, gzip\r\nConnection: te, X, keep-alive\r\nX: 1\r\nKeep-Alive: 5\r\nProxy-Connection: y\r\n\r\n",
        ":method: GET, :scheme: http, :authority: c, :path: /, te: trailers")]
    [InlineData("GET / HTTP/1.1\r\nHost: c\r\nUpgrade: h2c\r\nConnection: upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\n\r\n",
        ":method: GET, :scheme: http, :authority: c, :path: /")]
    [InlineData("GET /w HTTP/1.1\r\nHost: c\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n",
        ":method: CONNECT, :protocol: websocket, :scheme: http, :authority: c, :path: /w, sec-websocket-version: 13")]
    [InlineData("GET / HTTP/1.1\r\nHost: c\r\nCookie: a=b; c=d\r\n\r\n", ":method: GET, :scheme: http, :authority: c, :path: /, cookie: a=b; c=d")]
    public void A_request_of_HTTP_1_becomes_a_block(string input, string expected)
    {
        RequestHead head = Read(input);
        var block = new HeaderList();

        Http2RequestHeads.Write(head, block);

        Assert.Equal(expected, string.Join(", ", HeaderListTests.Text(block)));
        Assert.Equal(HeaderVerdict.Ok, HeaderBlockRules.CheckRequest(block, allowConnectProtocol: true, out _));
    }

    [Theory]
    [InlineData(":method: GET, :scheme: http, :authority: c, :path: /a, x: 1", true, "GET http c /a 2 None | x: 1")]
    [InlineData(":method: GET, :scheme: https, :path: /a, host: c, x: 1", true, "GET https c /a 2 None | x: 1")]
    [InlineData(":method: GET, :scheme: http, :authority: c, :path: /a, host: C", true, "GET http c /a 2 None")]
    [InlineData(":method: OPTIONS, :scheme: http, :authority: c, :path: *", true, "OPTIONS http c * 2 None")]
    [InlineData(":method: POST, :scheme: http, :authority: c, :path: /", false, "POST http c / 2 Chunked")]
    [InlineData(":method: POST, :scheme: http, :authority: c, :path: /, content-length: 5", false, "POST http c / 2 Length(5)")]
    [InlineData(":method: POST, :scheme: http, :authority: c, :path: /, content-length: 0", true, "POST http c / 2 None(0)")]
    [InlineData(":method: POST, :scheme: http, :authority: c, :path: /, content-length: 0", false, "POST http c / 2 Chunked")]
    [InlineData(":method: POST, :scheme: http, :authority: c, :path: /, te: trailers, expect: 100-continue", false, "POST http c / 2 Chunked continue te")]
    [InlineData(":method: GET, :scheme: http, :authority: c, :path: /, expect: 100-continue", true, "GET http c / 2 None")]
    [InlineData(":method: GET, :scheme: http, :authority: c, :path: /, cookie: a=b, x: 1, cookie: c=d, cookie: e=f", true,
        "GET http c / 2 None | cookie: a=b; c=d; e=f | x: 1")]
    [InlineData(":method: CONNECT, :authority: c:80", false, "CONNECT - c:80 - 2 Tunnel")]
    [InlineData(":method: CONNECT, :protocol: websocket, :scheme: http, :authority: c, :path: /w, sec-websocket-version: 13", false,
        "GET http c /w 2 None upgrade=websocket | sec-websocket-version: 13")]

    // What HTTP/1.1 could not carry, or would carry as something else.
    [InlineData(":method: GET, :scheme: http, :authority: c, :path: /\u00e9", true, "400")]
    [InlineData(":method: GET, :scheme: http, :authority: c/d, :path: /", true, "400")]
    [InlineData(":method: GET, :scheme: http, :authority: c:x, :path: /", true, "400")]
    [InlineData(":method: GET, :scheme: http, :path: /", true, "400")]
    [InlineData(":method: GET, :scheme: http, :path: /, host: c?d", true, "400")]
    [InlineData(":method: GET, :scheme: ftp, :authority: c, :path: /", true, "400")]
    [InlineData(":method: GET, :scheme: http, :authority: c, :path: /, expect: x", true, "400")]
    [InlineData(":method: CONNECT, :authority: c", false, "400")]
    [InlineData(":method: CONNECT, :authority: c:80, content-length: 5", false, "400")]
    [InlineData(":method: CONNECT, :protocol: h2c, :scheme: http, :authority: c, :path: /w", false, "400")]
    public void A_block_becomes_a_request(string fields, bool endStream, string expected)
    {
        HeaderList block = HeaderListTests.Of(fields.Split(", "));
        var head = new RequestHead();
        Assert.Equal(HeaderVerdict.Ok, HeaderBlockRules.CheckRequest(block, allowConnectProtocol: true, out _));

        bool isRead = Http2RequestHeads.TryRead(block, endStream, s_upgrades, head);

        Assert.Equal(expected, isRead ? HeadText.Of(head) : "400");
        if (isRead)
        {
            var again = new HeaderList();
            Http2RequestHeads.Write(head, again);
            Assert.Equal(HeaderVerdict.Ok, HeaderBlockRules.CheckRequest(again, allowConnectProtocol: true, out _));
            Assert.True(Http1Writer.TryWriteRequest(head, isPersistent: true, new ArrayBufferWriter<byte>()), "What is read can be sent on.");
        }
    }

    [Fact]
    public void A_field_that_must_not_be_indexed_stays_so_and_crumbs_of_one_that_must_not_make_a_cookie_that_must_not()
    {
        HeaderList block = HeaderListTests.Of(":method: GET", ":scheme: http", ":authority: c", ":path: /", "cookie: a=b");
        block.Add("cookie"u8, "secret=1"u8, neverIndex: true);
        block.Add("x"u8, "1"u8, neverIndex: true);
        var head = new RequestHead();

        Assert.True(Http2RequestHeads.TryRead(block, endStream: true, s_upgrades, head));
        Http2RequestHeads.Write(head, block);

        Assert.Equal("cookie: a=b; secret=1, x: 1", string.Join(", ", HeaderListTests.Text(block)[4..]));
        Assert.True(block[4].NeverIndex && block[5].NeverIndex);
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: 1\r\nConnection: close\r\n\r\n", "GET", ":status: 200, x: 1, content-length: 5")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET", ":status: 200, content-length: 0")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x\r\n\r\n", "GET", ":status: 200, trailer: x")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\n", "GET", ":status: 200")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD", ":status: 200, content-length: 5")]
    [InlineData("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", "GET", ":status: 304, content-length: 5")]
    [InlineData("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", "GET", ":status: 204")]
    [InlineData("HTTP/1.1 103 x\r\nLink: y\r\n\r\n", "GET", ":status: 103, link: y")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "CONNECT", ":status: 200")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X\r\nX: 1\r\nKeep-Alive: 5\r\nUpgrade: h2c\r\n\r\n", "GET", ":status: 200, content-length: 0")]
    public void A_response_of_HTTP_1_becomes_a_block(string input, string method, string expected)
    {
        ResponseHead head = Read(input, HeadText.Request(method));
        var block = new HeaderList();

        Http2ResponseHeads.Write(head, block);

        Assert.Equal(expected, string.Join(", ", HeaderListTests.Text(block)));
        Assert.Equal(HeaderVerdict.Ok, HeaderBlockRules.CheckResponse(block, out _));
    }

    [Theory]
    [InlineData(":status: 200, content-length: 5, x: 1", false, "GET", "200 2 Length(5) | x: 1")]
    [InlineData(":status: 200", false, "GET", "200 2 Chunked")]
    [InlineData(":status: 200", true, "GET", "200 2 None")]
    [InlineData(":status: 200, content-length: 0", true, "GET", "200 2 None(0)")]
    [InlineData(":status: 200, content-length: 0", false, "GET", "200 2 Chunked")]
    [InlineData(":status: 200, content-length: 5", true, "HEAD", "200 2 None(5)")]
    [InlineData(":status: 304, content-length: 5", true, "GET", "304 2 None(5)")]
    [InlineData(":status: 204", true, "GET", "204 2 None")]
    [InlineData(":status: 103, link: x", false, "GET", "103 2 None | link: x")]
    [InlineData(":status: 200", false, "CONNECT", "200 2 Tunnel")]
    [InlineData(":status: 503", true, "CONNECT", "503 2 None")]
    public void A_block_becomes_a_response(string fields, bool endStream, string method, string expected)
    {
        HeaderList block = HeaderListTests.Of(fields.Split(", "));
        var head = new ResponseHead();
        Assert.Equal(HeaderVerdict.Ok, HeaderBlockRules.CheckResponse(block, out _));

        Http2ResponseHeads.Read(block, endStream, HeadText.Request(method), head);

        Assert.Equal(expected, HeadText.Of(head));
        Assert.True(Http1Writer.TryWriteResponse(head, HeadText.Request(method), isPersistent: true, new ArrayBufferWriter<byte>()));
    }

    [Fact]
    public void A_WebSocket_that_comes_as_HTTP_1_and_leaves_as_HTTP_2_is_answered_with_101()
    {
        RequestHead request = Read("GET / HTTP/1.1\r\nHost: c\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        var response = new ResponseHead();
        var output = new ArrayBufferWriter<byte>();

        Http2ResponseHeads.Read(HeaderListTests.Of(":status: 200", "sec-websocket-protocol: chat"), endStream: false, request, response);
        Assert.True(request.Fields.TryGet("sec-websocket-key"u8, out ReadOnlySpan<byte> key));
        Assert.True(WebSocketHandshake.TrySetAccept(key, response.Fields));
        Assert.True(Http1Writer.TryWriteResponse(response, request, isPersistent: true, output));

        // The key and its answer are those of RFC 6455 §1.3.
        Assert.Equal(
            "HTTP/1.1 101 Switching Protocols\r\nsec-websocket-protocol: chat\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                + "upgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            Encoding.Latin1.GetString(output.WrittenSpan));
    }

    [Fact]
    public void A_WebSocket_that_comes_as_HTTP_2_and_leaves_as_HTTP_1_is_answered_with_200()
    {
        HeaderList block = HeaderListTests.Of(":method: CONNECT", ":protocol: websocket", ":scheme: http", ":authority: c", ":path: /w");
        var request = new RequestHead();
        var output = new ArrayBufferWriter<byte>();
        Assert.True(Http2RequestHeads.TryRead(block, endStream: false, s_upgrades, request));

        WebSocketHandshake.SetKey("the sample nonce"u8, request.Fields);
        Assert.True(Http1Writer.TryWriteRequest(request, isPersistent: true, output));
        Assert.Equal(
            "GET /w HTTP/1.1\r\nhost: c\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            Encoding.Latin1.GetString(output.WrittenSpan));

        ResponseHead response = Read(
            "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", request);
        Http2ResponseHeads.Write(response, block);
        Assert.Equal([":status: 200"], HeaderListTests.Text(block));
    }

    [Theory]
    [InlineData("")]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ=")]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ==x")]
    [InlineData("dGhlIHNhbXBsZSBub25jZQ==\r\nx: y")]
    [InlineData("!!!!IHNhbXBsZSBub25jZQ==")]
    [InlineData("dGhlIHNhbXBsZSBub25jZWFh")]
    public void What_is_no_key_gets_no_answer(string key)
    {
        var fields = new HeaderList();

        Assert.False(WebSocketHandshake.TrySetAccept(Encoding.Latin1.GetBytes(key), fields));
        Assert.Equal(0, fields.Count);
    }

    [Fact]
    public void Trailers_that_mean_nothing_do_not_reach_HTTP_2()
    {
        var block = new HeaderList();

        Http2Trailers.Write(HeaderListTests.Of("grpc-status: 0", "content-length: 5", "connection: x", "te: x", "cookie: y", "x: 1"), block);

        Assert.Equal(["grpc-status: 0", "x: 1"], HeaderListTests.Text(block));
        Assert.Equal(HeaderVerdict.Ok, HeaderBlockRules.CheckTrailers(block));
    }

    private static RequestHead Read(string input)
    {
        var head = new RequestHead();
        var sequence = new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(input));
        Assert.Equal(Http1ReadStatus.Complete, new Http1RequestReader(new Http1Options()).Read(ref sequence, head));
        return head;
    }

    private static ResponseHead Read(string input, RequestHead request)
    {
        var head = new ResponseHead();
        var sequence = new ReadOnlySequence<byte>(Encoding.Latin1.GetBytes(input));
        var reader = new Http1ResponseReader(new Http1Options());
        reader.Begin(request);
        Assert.Equal(Http1ReadStatus.Complete, reader.Read(ref sequence, head));
        return head;
    }
}
