using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: every rule of RFC 9113 about frames is kept with the right scope and code. Method: a table of inputs and of everything the engine
/// says and sends about them; each input runs whole, in single bytes, and cut at every place (<see cref="Conversation.RunEveryWay"/>).
/// </summary>
public sealed class FrameRuleTests
{
    private static readonly byte[] s_get = Wire.HeadersFrame(1, Wire.GetBlock(), Wire.EndHeaders | Wire.EndStream);
    private static readonly byte[] s_post = Wire.HeadersFrame(1, Wire.PostBlock());
    private const string GetEvent = "Request 1 :method=GET :scheme=http :path=/ :authority=a END";
    private const string PostEvent = "Request 1 :method=POST :scheme=http :path=/ :authority=a";

    private sealed record Case(string Name, byte[] Input, params string[] Expected);

    /// <summary>Frames a server must end the connection for, after the opening.</summary>
    private static readonly Case[] s_serverConnectionErrors =
    [
        // RFC 9113 §4.1, §4.2: sizes.
        new("frame above SETTINGS_MAX_FRAME_SIZE", Wire.RawFrame(0x10_0001, 0, 0, 1), "FrameTooLarge FrameSizeError"),
        new("unknown frame above SETTINGS_MAX_FRAME_SIZE", Wire.RawFrame(0x10_0001, 0xFF, 0, 1), "FrameTooLarge FrameSizeError"),
        new("PING of 7 bytes", Wire.Frame(6, 0, 0, new byte[7]), "BadFrameSize FrameSizeError"),
        new("PING of 9 bytes", Wire.Frame(6, 0, 0, new byte[9]), "BadFrameSize FrameSizeError"),
        new("RST_STREAM of 3 bytes", Wire.Join(s_post, Wire.Frame(3, 0, 1, new byte[3])), "BadFrameSize FrameSizeError", PostEvent),
        new("RST_STREAM of 5 bytes", Wire.Join(s_post, Wire.Frame(3, 0, 1, new byte[5])), "BadFrameSize FrameSizeError", PostEvent),
        new("WINDOW_UPDATE of 3 bytes", Wire.Frame(8, 0, 0, new byte[3]), "BadFrameSize FrameSizeError"),
        new("WINDOW_UPDATE of 5 bytes", Wire.Frame(8, 0, 0, new byte[5]), "BadFrameSize FrameSizeError"),
        new("SETTINGS of 5 bytes", Wire.Frame(4, 0, 0, new byte[5]), "BadFrameSize FrameSizeError"),
        new("SETTINGS of 7 bytes", Wire.Frame(4, 0, 0, new byte[7]), "BadFrameSize FrameSizeError"),
        new("SETTINGS ACK with a payload", Wire.Frame(4, Wire.Ack, 0, new byte[6]), "BadFrameSize FrameSizeError"),
        new("GOAWAY of 7 bytes", Wire.Frame(7, 0, 0, new byte[7]), "BadFrameSize FrameSizeError"),
        new("PRIORITY of 4 bytes without a stream", Wire.Frame(2, 0, 1, new byte[4]), "BadFrameSize FrameSizeError"),
        new("padded DATA without a length", Wire.Join(s_post, Wire.Frame(0, Wire.Padded, 1)), "BadFrameSize FrameSizeError", PostEvent),
        new("padded HEADERS without a length", Wire.Frame(1, Wire.Padded | Wire.EndHeaders, 1), "BadFrameSize FrameSizeError"),
        new("HEADERS with half a priority", Wire.Frame(1, Wire.Priority | Wire.EndHeaders, 1, new byte[4]), "BadFrameSize FrameSizeError"),

        // §6.1, §6.2: padding.
        new("DATA padding as long as the payload", Wire.Join(s_post, Wire.Frame(0, Wire.Padded, 1, 3, 0, 0)), "BadPadding ProtocolError", PostEvent),
        new("DATA padding of one byte in one byte", Wire.Join(s_post, Wire.Frame(0, Wire.Padded, 1, 1)), "BadPadding ProtocolError", PostEvent),
        new("HEADERS padding longer than the fragment", Wire.Frame(1, Wire.Padded | Wire.EndHeaders, 1, 4, 0x82, 0, 0), "BadPadding ProtocolError"),
        new("HEADERS padding into the priority", Wire.Frame(1, 0x2C, 1, 1, 0, 0, 0, 0, 0), "BadPadding ProtocolError"),

        // Frames on the wrong kind of stream.
        new("DATA on stream 0", Wire.Data(0, 1), "FrameOnStreamZero ProtocolError"),
        new("HEADERS on stream 0", Wire.HeadersFrame(0, Wire.GetBlock()), "FrameOnStreamZero ProtocolError"),
        new("PRIORITY on stream 0", Wire.Frame(2, 0, 0, new byte[5]), "FrameOnStreamZero ProtocolError"),
        new("RST_STREAM on stream 0", Wire.Reset(0), "FrameOnStreamZero ProtocolError"),
        new("CONTINUATION on stream 0", Wire.Continuation(0, []), "FrameOnStreamZero ProtocolError"),
        new("SETTINGS on a stream", Wire.Frame(4, 0, 1), "FrameNotOnStreamZero ProtocolError"),
        new("SETTINGS ACK on a stream", Wire.Frame(4, Wire.Ack, 1), "FrameNotOnStreamZero ProtocolError"),
        new("PING on a stream", Wire.Frame(6, 0, 1, new byte[8]), "FrameNotOnStreamZero ProtocolError"),
        new("GOAWAY on a stream", Wire.Frame(7, 0, 1, new byte[8]), "FrameNotOnStreamZero ProtocolError"),

        // §5.1: idle streams.
        new("DATA on an idle stream", Wire.Data(1, 1), "FrameOnIdleStream ProtocolError"),
        new("RST_STREAM on an idle stream", Wire.Reset(1), "FrameOnIdleStream ProtocolError"),
        new("WINDOW_UPDATE on an idle stream", Wire.WindowUpdate(1, 1), "FrameOnIdleStream ProtocolError"),
        new("WINDOW_UPDATE on an idle stream of ours", Wire.WindowUpdate(2, 1), "FrameOnIdleStream ProtocolError"),
        new("DATA on an idle stream of ours", Wire.Data(2, 1), "FrameOnIdleStream ProtocolError"),

        // §5.1.1: identifiers.
        new("HEADERS on an even stream", Wire.HeadersFrame(2, Wire.GetBlock()), "BadStreamId ProtocolError"),
        new("HEADERS on a skipped stream",
            Wire.Join(Wire.HeadersFrame(5, Wire.PostBlock()), Wire.HeadersFrame(3, Wire.PostBlock())),
            "BadStreamId ProtocolError", PostEvent.Replace('1', '5')),
        new("DATA on a skipped stream", Wire.Join(Wire.HeadersFrame(5, Wire.PostBlock()), Wire.Data(3, 1)),
            "FrameOnEndedStream StreamClosed", PostEvent.Replace('1', '5')),

        // §6.6: a client never pushes.
        new("PUSH_PROMISE from a client", Wire.Frame(5, Wire.EndHeaders, 1, 0, 0, 0, 2), "PushPromiseRefused ProtocolError"),

        // §4.3, §6.2, §6.10: a header block is one unit.
        new("CONTINUATION without HEADERS", Wire.Continuation(1, []), "UnexpectedContinuation ProtocolError"),
        new("CONTINUATION after END_HEADERS", Wire.Join(s_post, Wire.Continuation(1, [])), "UnexpectedContinuation ProtocolError", PostEvent),
        new("DATA inside a header block", Wire.Join(Wire.HeadersFrame(1, [], 0), Wire.Data(1, 1)), "HeaderBlockInterrupted ProtocolError"),
        new("PING inside a header block", Wire.Join(Wire.HeadersFrame(1, [], 0), Wire.Ping()), "HeaderBlockInterrupted ProtocolError"),
        new("unknown frame inside a header block", Wire.Join(Wire.HeadersFrame(1, [], 0), Wire.Frame(0xFF, 0, 0)), "HeaderBlockInterrupted ProtocolError"),
        new("HEADERS inside a header block", Wire.Join(Wire.HeadersFrame(1, [], 0), Wire.HeadersFrame(3, [])), "HeaderBlockInterrupted ProtocolError"),
        new("CONTINUATION of another stream", Wire.Join(Wire.HeadersFrame(1, [], 0), Wire.Continuation(3, [])), "HeaderBlockInterrupted ProtocolError"),

        // §4.3, RFC 7541: the compression state is lost.
        new("index 0", Wire.HeadersFrame(1, [0x80]), "HpackBadIndex CompressionError"),
        new("index beyond the tables", Wire.HeadersFrame(1, [0xBE]), "HpackBadIndex CompressionError"),
        new("a field that is cut off", Wire.HeadersFrame(1, [0x00, 0x05, 0x61]), "HpackTruncated CompressionError"),
        new("an endless integer", Wire.HeadersFrame(1, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]), "HpackIntegerTooLarge CompressionError"),
        new("Huffman padding of zeros", Wire.HeadersFrame(1, [0x00, 0x81, 0x00, 0x00]), "HpackBadHuffman CompressionError"),
        new("table size above the limit", Wire.HeadersFrame(1, [0x3F, 0xE2, 0x1F]), "HpackBadSizeUpdate CompressionError"),
        new("table size after a field", Wire.HeadersFrame(1, [0x82, 0x20]), "HpackBadSizeUpdate CompressionError"),

        // §6.5: settings.
        new("ENABLE_PUSH of 2", Wire.Settings((2, 2)), "BadSettingValue ProtocolError"),
        new("INITIAL_WINDOW_SIZE above 2^31-1", Wire.Settings((4, 0x8000_0000)), "WindowOverflow FlowControlError"),
        new("MAX_FRAME_SIZE of 16383", Wire.Settings((5, 16_383)), "BadSettingValue ProtocolError"),
        new("MAX_FRAME_SIZE of 2^24", Wire.Settings((5, 16_777_216)), "BadSettingValue ProtocolError"),
        new("ENABLE_CONNECT_PROTOCOL of 2", Wire.Settings((8, 2)), "BadSettingValue ProtocolError"),
        new("ENABLE_CONNECT_PROTOCOL taken back", Wire.Settings((8, 1), (8, 0)), "BadSettingValue ProtocolError"),
        new("an acknowledgement too many", Wire.Join(Wire.SettingsAck, Wire.SettingsAck), "SettingsAckUnexpected ProtocolError"),

        // §6.9: flow control.
        new("WINDOW_UPDATE of the connection by 0", Wire.WindowUpdate(0, 0), "ZeroWindowIncrement ProtocolError"),
        new("WINDOW_UPDATE of the connection above 2^31-1", Wire.WindowUpdate(0, 0x7FFF_FFFF), "WindowOverflow FlowControlError"),
        new("INITIAL_WINDOW_SIZE lifts a stream above 2^31-1",
            Wire.Join(s_post, Wire.WindowUpdate(1, 0x7FFF_FFFF - 65_535), Wire.Settings((4, 65_536))),
            "WindowOverflow FlowControlError", PostEvent),

        // §5.1: a stream both sides have ended.
        new("HEADERS after END_STREAM on a finished stream", Wire.Join(s_get, Wire.HeadersFrame(1, Wire.GetBlock())),
            "FrameOnEndedStream StreamClosed", GetEvent, "Closed 1"),
        new("DATA after END_STREAM on a finished stream", Wire.Join(s_get, Wire.Data(1, 1)),
            "FrameOnEndedStream StreamClosed", GetEvent, "Closed 1"),

        // §6.8.
        new("GOAWAY that raises the last stream", Wire.Join(Wire.GoAway(3), Wire.GoAway(5)), "GoAwayIncreased ProtocolError", "GoAway 3 NoError"),
    ];

    /// <summary>Frames a server ends one stream for. The rest of the connection goes on: a PING at the end is answered.</summary>
    private static readonly Case[] s_serverStreamErrors =
    [
        new("DATA on a half-closed stream", Wire.Join(s_get, Wire.Data(1, 1)), "StreamClosed", GetEvent),
        new("HEADERS on a half-closed stream", Wire.Join(s_get, Wire.HeadersFrame(1, Wire.GetBlock())), "StreamClosed", GetEvent),
        new("WINDOW_UPDATE of a stream by 0", Wire.Join(s_post, Wire.WindowUpdate(1, 0)), "ProtocolError", PostEvent),
        new("WINDOW_UPDATE of a stream above 2^31-1", Wire.Join(s_post, Wire.WindowUpdate(1, 0x7FFF_FFFF)), "FlowControlError", PostEvent),
        new("PRIORITY of 4 bytes", Wire.Join(s_post, Wire.Frame(2, 0, 1, new byte[4])), "FrameSizeError", PostEvent),
        new("trailers that do not end", Wire.Join(s_post, Wire.HeadersFrame(1, Wire.Block(("x", "y")))), "ProtocolError", PostEvent),
        new("trailers with a pseudo-header",
            Wire.Join(s_post, Wire.HeadersFrame(1, Wire.Block((":path", "/")), Wire.EndHeaders | Wire.EndStream)), "ProtocolError", PostEvent),
        new("more DATA than content-length", Wire.Join(Wire.HeadersFrame(1, Wire.PostBlock(("content-length", "2"))), Wire.Data(1, 3)),
            "ProtocolError", PostEvent + " content-length=2"),
        new("less DATA than content-length",
            Wire.Join(Wire.HeadersFrame(1, Wire.PostBlock(("content-length", "2"))), Wire.Data(1, 1, Wire.EndStream)),
            "ProtocolError", PostEvent + " content-length=2"),
        new("trailers before the content is complete",
            Wire.Join(
                Wire.HeadersFrame(1, Wire.PostBlock(("content-length", "2"))),
                Wire.HeadersFrame(1, Wire.Block(("x", "y")), Wire.EndHeaders | Wire.EndStream)),
            "ProtocolError", PostEvent + " content-length=2"),
        new("trailers in a tunnel",
            Wire.Join(Wire.HeadersFrame(1, Wire.ConnectBlock), Wire.HeadersFrame(1, Wire.Block(("x", "y")), Wire.EndHeaders | Wire.EndStream)),
            "ProtocolError", "Request 1 :method=CONNECT :authority=10.0.0.1:80"),
    ];

    /// <summary>Inputs that are right, however odd, and what comes of them.</summary>
    private static readonly Case[] s_serverAccepts =
    [
        new("a request", s_get, GetEvent),
        new("a request and its content",
            Wire.Join(s_post, Wire.Data(1, 3), Wire.Data(1, 2, Wire.EndStream)), PostEvent, "DataEnd 1 5"),
        new("content in padded frames", Wire.Join(s_post, Wire.PaddedData(1, 3, 5), Wire.PaddedData(1, 2, 0, Wire.EndStream)), PostEvent, "DataEnd 1 5"),
        new("padding and nothing else", Wire.Join(s_post, Wire.PaddedData(1, 0, 255), Wire.PaddedData(1, 0, 9, Wire.EndStream)), PostEvent, "DataEnd 1 0"),
        new("an empty end", Wire.Join(s_post, Wire.Data(1, 0, Wire.EndStream)), PostEvent, "DataEnd 1 0"),
        new("content-length that is kept",
            Wire.Join(Wire.HeadersFrame(1, Wire.PostBlock(("content-length", "5"))), Wire.Data(1, 3), Wire.Data(1, 2, Wire.EndStream)),
            PostEvent + " content-length=5", "DataEnd 1 5"),
        new("padded HEADERS with a priority",
            Wire.Frame(1, 0x2D, 1, [2, 0x80, 0, 0, 0, 7, .. Wire.GetBlock(), 0, 0]), GetEvent),
        new("HEADERS in many parts",
            Wire.Join(
                Wire.Frame(1, Wire.EndStream | Wire.Padded, 1, [1, .. Wire.GetBlock()[..10], 0]),
                Wire.Continuation(1, [], 0),
                Wire.Continuation(1, Wire.GetBlock()[10..11], 0),
                Wire.Continuation(1, Wire.GetBlock()[11..])),
            GetEvent),
        new("trailers", Wire.Join(s_post, Wire.Data(1, 1), Wire.HeadersFrame(1, Wire.Block(("x", "y")), Wire.EndHeaders | Wire.EndStream)),
            PostEvent, "Trailers 1 x=y END"),
        new("the reserved bit of a stream identifier",
            Wire.RawFrame(Wire.GetBlock().Length, 1, 5, 0x8000_0001, Wire.GetBlock()), GetEvent),
        new("flags that mean nothing on the frame", Wire.Frame(6, 0xFE, 0, 1, 2, 3, 4, 5, 6, 7, 8), "> PingAck 0102030405060708"),
        new("PING", Wire.Ping(), "> PingAck 0102030405060708"),
        new("PING ACK", Wire.Ping(Wire.Ack), "PingAck 102030405060708"),
        new("an unknown frame", Wire.Frame(0xFF, 0xFF, 77, new byte[20])),
        new("an empty unknown frame", Wire.Frame(0x10, 0, 0)),
        new("an unknown setting", Wire.Settings((0x99, 5)), "Settings", "> SettingsAck"),
        new("SETTINGS without a setting", Wire.Settings(), "Settings", "> SettingsAck"),
        new("PRIORITY of an idle stream", Wire.Frame(2, 0, 9, new byte[5])),
        new("PRIORITY that depends on itself", Wire.Frame(2, 0, 9, 0, 0, 0, 9, 1)),
        new("PRIORITY of an even stream", Wire.Frame(2, 0, 10, new byte[5])),
        new("a reset", Wire.Join(s_post, Wire.Reset(1)), PostEvent, "Reset 1 Cancel peer", "Closed 1"),
        new("a reset with an unknown code", Wire.Join(s_post, Wire.Reset(1, (Http2ErrorCode)0xFFFF)), PostEvent, "Reset 1 65535 peer", "Closed 1"),
        new("a second reset", Wire.Join(s_post, Wire.Reset(1), Wire.Reset(1)), PostEvent, "Reset 1 Cancel peer", "Closed 1"),
        new("WINDOW_UPDATE after a reset", Wire.Join(s_post, Wire.Reset(1), Wire.WindowUpdate(1, 5)), PostEvent, "Reset 1 Cancel peer", "Closed 1"),
        new("DATA after a reset by the peer", Wire.Join(s_post, Wire.Reset(1), Wire.Data(1, 5)),
            PostEvent, "Reset 1 Cancel peer", "Closed 1", "> Reset 1 StreamClosed"),
        new("HEADERS after a reset by the peer", Wire.Join(s_post, Wire.Reset(1), Wire.HeadersFrame(1, Wire.GetBlock())),
            PostEvent, "Reset 1 Cancel peer", "Closed 1", "> Reset 1 StreamClosed"),
        new("GOAWAY", Wire.GoAway(0, Http2ErrorCode.InternalError), "GoAway 0 InternalError"),
        new("GOAWAY with words", Wire.Frame(7, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0, .. "bye"u8]), "GoAway 0 NoError"),
        new("GOAWAY twice", Wire.Join(Wire.GoAway(0x7FFF_FFFF), Wire.GoAway(3)), "GoAway 2147483647 NoError", "GoAway 3 NoError"),
        new("a request after GOAWAY", Wire.Join(Wire.GoAway(0), s_get), "GoAway 0 NoError", GetEvent),
        new("the largest window", Wire.WindowUpdate(0, 0x7FFF_FFFF - 65_535)),
        new("the reserved bit of an increment", Wire.Join(s_post, Wire.WindowUpdate(1, 0x8000_0001)), PostEvent),
    ];

    public static TheoryData<string> ServerConnectionErrors => [.. s_serverConnectionErrors.Select(row => row.Name)];

    public static TheoryData<string> ServerStreamErrors => [.. s_serverStreamErrors.Select(row => row.Name)];

    public static TheoryData<string> ServerAccepts => [.. s_serverAccepts.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(ServerConnectionErrors))]
    public void A_server_ends_the_connection(string name)
    {
        Case row = s_serverConnectionErrors.Single(next => next.Name == name);
        bool finishes = row.Expected.Contains("Closed 1");
        var conversation = new Conversation(Http2Role.Server) { Script = finishes ? AnswerAtOnce : null };

        List<string> transcript = conversation.After(row.Input);

        string[] error = row.Expected[0].Split(' ');
        Assert.Equal($"ERROR {row.Expected[0]}", transcript[^1]);
        Assert.Matches($"^> GoAway [0-9]+ {error[1]} {error[0]}$", transcript[^2]);
        string[] events = [.. transcript.Where(line => !line.StartsWith('>') && !line.StartsWith("ERROR", StringComparison.Ordinal))];
        Assert.Equal(row.Expected[1..], events.Where(line => !line.StartsWith("Reset", StringComparison.Ordinal)).Take(row.Expected.Length - 1));
    }

    [Theory]
    [MemberData(nameof(ServerStreamErrors))]
    public void A_server_ends_the_stream(string name)
    {
        Case row = s_serverStreamErrors.Single(next => next.Name == name);
        string code = row.Expected[0];

        List<string> transcript = new Conversation(Http2Role.Server).After(row.Input, Wire.Ping());

        string[] expected =
        [
            .. row.Expected[1..], $"Reset 1 {code} self", "Closed 1", $"> Reset 1 {code}", "> PingAck 0102030405060708",
        ];
        Assert.Equal(expected, transcript);
    }

    [Theory]
    [MemberData(nameof(ServerAccepts))]
    public void A_server_accepts(string name)
    {
        Case row = s_serverAccepts.Single(next => next.Name == name);
        Assert.Equal(row.Expected, new Conversation(Http2Role.Server).After(row.Input));
    }

    [Fact]
    public void A_server_refuses_whatever_is_no_preface_at_its_first_wrong_byte()
    {
        string[] expected = ["> GoAway 0 ProtocolError BadPreface", "ERROR BadPreface ProtocolError"];
        for (int wrong = 0; wrong < Wire.Preface.Length; wrong++)
        {
            byte[] preface = Wire.Preface;
            preface[wrong] ^= 0x20;
            Assert.Equal(expected, new Conversation(Http2Role.Server).RunEveryWay(preface[..(wrong + 1)]));
        }
    }

    [Fact]
    public void The_first_frame_of_either_side_is_SETTINGS()
    {
        string[] expected = ["> GoAway 0 ProtocolError FirstFrameNotSettings", "ERROR FirstFrameNotSettings ProtocolError"];
        foreach (byte[] frame in (byte[][])[Wire.Ping(), Wire.SettingsAck, Wire.WindowUpdate(0, 1), Wire.Frame(0xFF, 0, 0)])
        {
            Assert.Equal(expected, new Conversation(Http2Role.Server).RunEveryWay(Wire.Join(Wire.Preface, frame)));
            Assert.Equal(expected, new Conversation(Http2Role.Client).RunEveryWay(frame));
        }
    }

    [Fact]
    public void Frames_for_a_stream_we_reset_are_ignored()
    {
        var conversation = new Conversation(Http2Role.Server)
        {
            Script = static (connection, events) => events.WhenHeaders = (stream, _) => connection.ResetStream(stream, Http2ErrorCode.Cancel),
        };

        List<string> transcript = conversation.After(
            s_post,
            Wire.Data(1, 3),
            Wire.WindowUpdate(1, 0),
            Wire.HeadersFrame(1, Wire.Block(("x", "y")), Wire.EndHeaders | Wire.EndStream),
            Wire.Reset(1),
            Wire.Ping());

        Assert.Equal([PostEvent, "Closed 1", "> Reset 1 Cancel", "> PingAck 0102030405060708"], transcript);
    }

    private static void AnswerAtOnce(Http2Connection connection, RecordingHandler events) =>
        events.WhenHeaders = (stream, _) => connection.SendHeaders(stream, Headers.Status(204), endStream: true);
}
