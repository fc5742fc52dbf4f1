using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal and method as <see cref="FrameRuleTests"/>, for what only a client can meet. Stream 1 is a GET unless a row says otherwise.
/// </summary>
public sealed class ClientRuleTests
{
    private const int End = Wire.EndHeaders | Wire.EndStream;

    private sealed record Case(string Name, HeaderList Request, byte[] Input, params string[] Expected);

    private static readonly Case[] s_connectionErrors =
    [
        new("HEADERS on an idle stream", Headers.Get(), Wire.HeadersFrame(3, Wire.StatusBlock("200")), "UnexpectedHeaders ProtocolError"),
        new("HEADERS on an even stream", Headers.Get(), Wire.HeadersFrame(2, Wire.StatusBlock("200")), "UnexpectedHeaders ProtocolError"),
        new("PUSH_PROMISE", Headers.Get(), Wire.Frame(5, Wire.EndHeaders, 1, 0, 0, 0, 2), "PushPromiseRefused ProtocolError"),
        new("DATA on an idle stream", Headers.Get(), Wire.Data(3, 1), "FrameOnIdleStream ProtocolError"),
        new("WINDOW_UPDATE on an idle stream", Headers.Get(), Wire.WindowUpdate(3, 1), "FrameOnIdleStream ProtocolError"),
        new("ENABLE_PUSH of 1", Headers.Get(), Wire.Settings((2, 1)), "BadSettingValue ProtocolError"),
        new("DATA after a finished response", Headers.Get(), Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("204"), End), Wire.Data(1, 1)),
            "FrameOnEndedStream StreamClosed"),
    ];

    private static readonly Case[] s_streamErrors =
    [
        new("DATA before the head", Headers.Get(), Wire.Data(1, 1), "ProtocolError"),
        new("a response without :status", Headers.Get(), Wire.HeadersFrame(1, Wire.Block(("x", "y"))), "ProtocolError"),
        new("a response with a request's pseudo-header", Headers.Get(), Wire.HeadersFrame(1, Wire.StatusBlock("200", (":path", "/"))), "ProtocolError"),
        new("status 101", Headers.Get(), Wire.HeadersFrame(1, Wire.StatusBlock("101")), "ProtocolError"),
        new("status of two digits", Headers.Get(), Wire.HeadersFrame(1, Wire.StatusBlock("20")), "ProtocolError"),
        new("100 that ends", Headers.Get(), Wire.HeadersFrame(1, Wire.StatusBlock("100"), End), "ProtocolError"),
        new("a second head", Headers.Get(),
            Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("200")), Wire.HeadersFrame(1, Wire.StatusBlock("200"))),
            "ProtocolError", "Response 1 :status=200"),
        new("content that is missing", Headers.Get(), Wire.HeadersFrame(1, Wire.StatusBlock("200", ("content-length", "1")), End), "ProtocolError"),
        new("content for HEAD",
            Headers.Of((":method", "HEAD"), (":scheme", "http"), (":authority", "a"), (":path", "/")),
            Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("200", ("content-length", "5"))), Wire.Data(1, 5)),
            "ProtocolError", "Response 1 :status=200 content-length=5"),
        new("content for 204", Headers.Get(), Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("204")), Wire.Data(1, 1)),
            "ProtocolError", "Response 1 :status=204"),
        new("trailers in a tunnel", Headers.Connect(),
            Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("200")), Wire.HeadersFrame(1, Wire.Block(("x", "y")), End)),
            "ProtocolError", "Response 1 :status=200"),
    ];

    private static readonly Case[] s_accepts =
    [
        new("a response", Headers.Get(), Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("200")), Wire.Data(1, 2, Wire.EndStream)),
            "Response 1 :status=200", "DataEnd 1 2", "Closed 1"),
        new("informational responses first", Headers.Get(),
            Wire.Join(
                Wire.HeadersFrame(1, Wire.StatusBlock("100")),
                Wire.HeadersFrame(1, Wire.StatusBlock("103", ("link", "x"))),
                Wire.HeadersFrame(1, Wire.StatusBlock("200"), End)),
            "Informational 1 :status=100", "Informational 1 :status=103 link=x", "Response 1 :status=200 END", "Closed 1"),
        new("HEAD with a content-length",
            Headers.Of((":method", "HEAD"), (":scheme", "http"), (":authority", "a"), (":path", "/")),
            Wire.HeadersFrame(1, Wire.StatusBlock("200", ("content-length", "5")), End),
            "Response 1 :status=200 content-length=5 END", "Closed 1"),
        new("304 with a content-length", Headers.Get(), Wire.HeadersFrame(1, Wire.StatusBlock("304", ("content-length", "5")), End),
            "Response 1 :status=304 content-length=5 END", "Closed 1"),
        new("trailers", Headers.Get(),
            Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("200")), Wire.HeadersFrame(1, Wire.Block(("grpc-status", "0")), End)),
            "Response 1 :status=200", "Trailers 1 grpc-status=0 END", "Closed 1"),
        new("trailers of a refused CONNECT", Headers.Connect(),
            Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("503")), Wire.HeadersFrame(1, Wire.Block(("x", "y")), End)),
            "Response 1 :status=503", "Trailers 1 x=y END"),
        new("GOAWAY spares the streams it names", Headers.Get(), Wire.GoAway(1), "GoAway 1 NoError"),
        new("GOAWAY refuses the streams above", Headers.Get(), Wire.GoAway(0), "Reset 1 RefusedStream peer", "Closed 1", "GoAway 0 NoError"),
        new("RST_STREAM after the response", Headers.Post(),
            Wire.Join(Wire.HeadersFrame(1, Wire.StatusBlock("200"), End), Wire.Reset(1, Http2ErrorCode.NoError)),
            "Response 1 :status=200 END", "Reset 1 NoError peer", "Closed 1"),
    ];

    public static TheoryData<string> ConnectionErrors => [.. s_connectionErrors.Select(row => row.Name)];

    public static TheoryData<string> StreamErrors => [.. s_streamErrors.Select(row => row.Name)];

    public static TheoryData<string> Accepts => [.. s_accepts.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(ConnectionErrors))]
    public void A_client_ends_the_connection(string name)
    {
        Case row = s_connectionErrors.Single(next => next.Name == name);
        List<string> transcript = Ask(row.Request).After(row.Input);
        string[] error = row.Expected[0].Split(' ');
        Assert.Equal($"ERROR {row.Expected[0]}", transcript[^1]);
        Assert.Equal($"> GoAway 0 {error[1]} {error[0]}", transcript[^2]);
        Assert.Single(transcript, "Closed 1");
    }

    [Theory]
    [MemberData(nameof(StreamErrors))]
    public void A_client_ends_the_stream(string name)
    {
        Case row = s_streamErrors.Single(next => next.Name == name);
        List<string> transcript = Ask(row.Request).After(row.Input, Wire.Ping());
        string code = row.Expected[0];
        Assert.Equal(
            [.. row.Expected[1..], $"Reset 1 {code} self", "Closed 1", $"> Reset 1 {code}", "> PingAck 0102030405060708"],
            transcript.Where(line => !line.StartsWith("> Headers", StringComparison.Ordinal)));
    }

    [Theory]
    [MemberData(nameof(Accepts))]
    public void A_client_accepts(string name)
    {
        Case row = s_accepts.Single(next => next.Name == name);
        List<string> transcript = Ask(row.Request).After(row.Input);
        Assert.Equal(row.Expected, transcript.Where(line => !line.StartsWith("> Headers", StringComparison.Ordinal)));
    }

    private static Conversation Ask(HeaderList request)
    {
        bool hasContent = request.TryGet(":method"u8, out ReadOnlySpan<byte> method) && !method.SequenceEqual("GET"u8) && !method.SequenceEqual("HEAD"u8);
        return new Conversation(Http2Role.Client)
        {
            Before = connection => Assert.True(connection.TryOpenStream(request, endStream: !hasContent, tag: null, out _)),
        };
    }
}
