using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>Goal: what RFC 9113 §8 calls malformed is refused, and nothing else. Method: a table for each kind of block.</summary>
public sealed class HeaderBlockRulesTests
{
    private const string Get = ":method=GET|:scheme=http|:path=/|:authority=a";
    private const string Connect = ":method=CONNECT|:authority=10.0.0.1:80";
    private const string WebSocket = ":method=CONNECT|:protocol=websocket|:scheme=https|:path=/chat|:authority=a";

    [Theory]
    [InlineData(Get, HeaderVerdict.Ok)]
    [InlineData(":authority=a|:path=/|:scheme=http|:method=GET", HeaderVerdict.Ok)] // In any order.
    [InlineData(":method=GET|:scheme=http|:path=/", HeaderVerdict.Ok)] // RFC 9113 §8.3.1: without :authority, when host or nothing names it.
    [InlineData(":method=OPTIONS|:scheme=http|:path=*|:authority=a", HeaderVerdict.Ok)]
    [InlineData(":method=M-SEARCH|:scheme=coap+tcp|:path=/x?y|:authority=a", HeaderVerdict.Ok)]
    [InlineData(Get + "|te=trailers", HeaderVerdict.Ok)]
    [InlineData(Get + "|te=Trailers", HeaderVerdict.Ok)]
    [InlineData(Get + "|host=a", HeaderVerdict.Ok)]
    [InlineData(Get + "|host=A", HeaderVerdict.Ok)]
    [InlineData(Get + "|x=", HeaderVerdict.Ok)]
    [InlineData(Get + "|x=a b\tc", HeaderVerdict.Ok)]
    [InlineData(Get + "|x=\u00ff", HeaderVerdict.Ok)]
    [InlineData(Get + "|!#$%&'*+-.^_`~09az=y", HeaderVerdict.Ok)]
    [InlineData(Get + "|content-length=0", HeaderVerdict.Ok)]
    [InlineData(Get + "|content-length=7|content-length=7", HeaderVerdict.Ok)]
    [InlineData(Get + "|content-length=7|content-length=8", HeaderVerdict.BadContentLength)]
    [InlineData(Get + "|content-length=-1", HeaderVerdict.BadContentLength)]
    [InlineData(Get + "|content-length=+1", HeaderVerdict.BadContentLength)]
    [InlineData(Get + "|content-length=1,1", HeaderVerdict.BadContentLength)]
    [InlineData(Get + "|content-length=", HeaderVerdict.BadContentLength)]
    [InlineData(Get + "|content-length=1000000000000000000", HeaderVerdict.BadContentLength)]
    [InlineData("", HeaderVerdict.MissingPseudo)]
    [InlineData(":scheme=http|:path=/|:authority=a", HeaderVerdict.MissingPseudo)]
    [InlineData(":method=GET|:path=/|:authority=a", HeaderVerdict.MissingPseudo)]
    [InlineData(":method=GET|:scheme=http|:authority=a", HeaderVerdict.MissingPseudo)]
    [InlineData(":method=GET|:method=GET|:scheme=http|:path=/", HeaderVerdict.RepeatedPseudo)]
    [InlineData(":method=GET|:scheme=http|:scheme=http|:path=/", HeaderVerdict.RepeatedPseudo)]
    [InlineData(":method=GET|:scheme=http|:path=/|:path=/", HeaderVerdict.RepeatedPseudo)]
    [InlineData(Get + "|:authority=a", HeaderVerdict.RepeatedPseudo)]
    [InlineData(Get + "|:status=200", HeaderVerdict.UnknownPseudo)]
    [InlineData(Get + "|:foo=bar", HeaderVerdict.UnknownPseudo)]
    [InlineData(Get + "|:=bar", HeaderVerdict.UnknownPseudo)]
    [InlineData(Get + "|x=y|:path=/", HeaderVerdict.MisplacedPseudo)]
    [InlineData(":method=|:scheme=http|:path=/", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GE T|:scheme=http|:path=/", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=|:path=/", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=1x|:path=/", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=ht/tp|:path=/", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=http|:path=", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=http|:path=x", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=http|:path=*", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=http|:path=/a b", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=http|:path=/a#b", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=http|:path=/|:authority=u@a", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET|:scheme=http|:path=/|:authority=a b", HeaderVerdict.BadPseudoValue)]
    [InlineData(":method=GET |:scheme=http|:path=/", HeaderVerdict.BadValue)]
    [InlineData(Get + "|X=y", HeaderVerdict.BadName)]
    [InlineData(Get + "|=y", HeaderVerdict.BadName)]
    [InlineData(Get + "|x y=z", HeaderVerdict.BadName)]
    [InlineData(Get + "|x:=z", HeaderVerdict.BadName)]
    [InlineData(Get + "|x\u00e9=z", HeaderVerdict.BadName)]
    [InlineData(Get + "|x=a\rb", HeaderVerdict.BadValue)]
    [InlineData(Get + "|x=a\nb", HeaderVerdict.BadValue)]
    [InlineData(Get + "|x=a\0b", HeaderVerdict.BadValue)]
    [InlineData(Get + "|x=a\u007fb", HeaderVerdict.BadValue)]
    [InlineData(Get + "|x= a", HeaderVerdict.BadValue)]
    [InlineData(Get + "|x=a ", HeaderVerdict.BadValue)]
    [InlineData(Get + "|x=\ta", HeaderVerdict.BadValue)]
    [InlineData(Get + "|connection=close", HeaderVerdict.ConnectionSpecific)]
    [InlineData(Get + "|keep-alive=1", HeaderVerdict.ConnectionSpecific)]
    [InlineData(Get + "|proxy-connection=x", HeaderVerdict.ConnectionSpecific)]
    [InlineData(Get + "|transfer-encoding=chunked", HeaderVerdict.ConnectionSpecific)]
    [InlineData(Get + "|upgrade=h2c", HeaderVerdict.ConnectionSpecific)]
    [InlineData(Get + "|te=gzip", HeaderVerdict.ConnectionSpecific)]
    [InlineData(Get + "|te=trailers, gzip", HeaderVerdict.ConnectionSpecific)]
    [InlineData(Get + "|host=b", HeaderVerdict.HostMismatch)]
    [InlineData(Get + "|host=a|host=a", HeaderVerdict.HostMismatch)]
    [InlineData(Connect, HeaderVerdict.Ok)]
    [InlineData(":method=CONNECT", HeaderVerdict.MissingPseudo)]
    [InlineData(":method=CONNECT|:authority=", HeaderVerdict.MissingPseudo)]
    [InlineData(Connect + "|:scheme=http", HeaderVerdict.UnexpectedPseudo)]
    [InlineData(Connect + "|:path=/", HeaderVerdict.UnexpectedPseudo)]
    [InlineData(WebSocket, HeaderVerdict.UnknownPseudo)]
    public void A_request_is_judged(string block, HeaderVerdict expected) =>
        Assert.Equal(expected, HeaderBlockRules.CheckRequest(Parse(block), allowConnectProtocol: false, out _));

    [Theory]
    [InlineData(WebSocket, HeaderVerdict.Ok)]
    [InlineData(Connect, HeaderVerdict.Ok)]
    [InlineData(Get, HeaderVerdict.Ok)]
    [InlineData(WebSocket + "|:protocol=x", HeaderVerdict.RepeatedPseudo)]
    [InlineData(":method=CONNECT|:protocol=websocket|:authority=a", HeaderVerdict.MissingPseudo)]
    [InlineData(":method=CONNECT|:protocol=websocket|:scheme=https|:path=/", HeaderVerdict.MissingPseudo)]
    [InlineData(":method=CONNECT|:protocol=web socket|:scheme=https|:path=/|:authority=a", HeaderVerdict.BadPseudoValue)]
    [InlineData(Get + "|:protocol=websocket", HeaderVerdict.UnexpectedPseudo)]
    public void A_request_is_judged_where_extended_CONNECT_is_allowed(string block, HeaderVerdict expected) =>
        Assert.Equal(expected, HeaderBlockRules.CheckRequest(Parse(block), allowConnectProtocol: true, out _));

    [Theory]
    [InlineData(":status=200", HeaderVerdict.Ok, 200)]
    [InlineData(":status=100", HeaderVerdict.Ok, 100)]
    [InlineData(":status=999|x=y", HeaderVerdict.Ok, 999)]
    [InlineData("", HeaderVerdict.MissingPseudo)]
    [InlineData("x=y", HeaderVerdict.MissingPseudo)]
    [InlineData("x=y|:status=200", HeaderVerdict.MissingPseudo)]
    [InlineData(":status=200|:status=200", HeaderVerdict.RepeatedPseudo)]
    [InlineData(":status=200|x=y|:status=200", HeaderVerdict.MisplacedPseudo)]
    [InlineData(":status=200|:path=/", HeaderVerdict.UnknownPseudo)]
    [InlineData(":path=/", HeaderVerdict.UnknownPseudo)]
    [InlineData(":status=", HeaderVerdict.BadPseudoValue)]
    [InlineData(":status=20", HeaderVerdict.BadPseudoValue)]
    [InlineData(":status=2000", HeaderVerdict.BadPseudoValue)]
    [InlineData(":status=099", HeaderVerdict.BadPseudoValue)]
    [InlineData(":status=2x0", HeaderVerdict.BadPseudoValue)]
    [InlineData(":status=101", HeaderVerdict.BadPseudoValue)]
    [InlineData(":status=200|connection=close", HeaderVerdict.ConnectionSpecific)]
    public void A_response_is_judged(string block, HeaderVerdict expected, int status = -1)
    {
        Assert.Equal(expected, HeaderBlockRules.CheckResponse(Parse(block), out MessageFacts facts));
        if (status >= 0)
        {
            Assert.Equal(status, facts.Status);
        }
    }

    [Theory]
    [InlineData("", HeaderVerdict.Ok)]
    [InlineData("grpc-status=0|grpc-message=", HeaderVerdict.Ok)]
    [InlineData(":status=200", HeaderVerdict.MisplacedPseudo)]
    [InlineData("x=y|:path=/", HeaderVerdict.MisplacedPseudo)]
    [InlineData("Grpc-Status=0", HeaderVerdict.BadName)]
    [InlineData("connection=close", HeaderVerdict.ConnectionSpecific)]
    public void Trailers_are_judged(string block, HeaderVerdict expected) =>
        Assert.Equal(expected, HeaderBlockRules.CheckTrailers(Parse(block)));

    [Fact]
    public void The_facts_of_a_request_are_reported()
    {
        HeaderBlockRules.CheckRequest(Parse(Connect), allowConnectProtocol: false, out MessageFacts facts);
        Assert.Equal((true, false, -1L), (facts.IsConnect, facts.IsHead, facts.ContentBytes));
        HeaderBlockRules.CheckRequest(Parse(":method=HEAD|:scheme=http|:path=/|content-length=999999999999999999"), false, out facts);
        Assert.Equal((false, true, 999_999_999_999_999_999), (facts.IsConnect, facts.IsHead, facts.ContentBytes));
    }

    [Fact]
    public void A_malformed_request_is_answered_and_reported()
    {
        var events = new RefusalHandler();
        var server = new Http2Connection(Http2Role.Server, new(), events);
        server.Start();
        server.Receive(Wire.Join(Wire.Preface, Wire.Settings(), Wire.HeadersFrame(1, Wire.Block((":method", "CONNECT")), 5)), 0);
        Assert.Equal([(1, HeaderVerdict.MissingPseudo)], events.Refused);
        Assert.Equal(["> Headers 1 END", "> Reset 1 ProtocolError"], Wire.Describe(server.Output.Unsent)[^2..]);
        Assert.Equal(0, server.ActiveStreams);
    }

    /// <summary>Fields are separated by bars; the first equals sign ends a name.</summary>
    private static HeaderList Parse(string block)
    {
        IEnumerable<string> parts = block.Split('|', StringSplitOptions.RemoveEmptyEntries);
        return Headers.Of([.. parts.Select(part => (part[..part.IndexOf('=')], part[(part.IndexOf('=') + 1)..]))]);
    }

    private sealed class RefusalHandler : IHttp2Handler
    {
        public List<(int StreamId, HeaderVerdict Verdict)> Refused { get; } = [];

        public void OnRequestRefused(int streamId, HeaderVerdict verdict, HeaderList headers) => Refused.Add((streamId, verdict));

        public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream) => Assert.Fail("The request was refused.");

        public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream) => Assert.Fail("There is no stream.");

        public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer) => Assert.Fail("There is no stream.");

        public void OnSendWindowOpened(Http2Stream? stream) => Assert.Fail("No window was closed.");

        public void OnGoAway(int lastStreamId, Http2ErrorCode code) => Assert.Fail("Nobody goes.");

        public void OnPingAck(ulong opaque) => Assert.Fail("No PING was sent.");

        public void OnSettingsChanged()
        {
        }

        public void OnStreamClosed(Http2Stream stream) => Assert.Fail("There is no stream.");
    }
}
