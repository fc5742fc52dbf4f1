using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: a peer that costs more than it should loses its connection by name, and one that does not is left alone.
/// Method: each attack at its limit and one beyond, with small limits, and the same again after time has refilled the budget.
/// </summary>
public sealed class DefenceTests
{
    private static readonly RateLimit s_ten = new(Burst: 10, PerSecond: 10);

    private static readonly Http2ConnectionOptions s_tight = new()
    {
        UnansweredResets = s_ten,
        ProvokedResets = s_ten,
        SettingsFrames = s_ten,
        PingFrames = s_ten,
        EmptyDataFrames = s_ten,
        WindowUpdateFrames = s_ten,
        PriorityFrames = s_ten,
        IgnoredFrames = s_ten,
        ContinuationFramesMax = 10,
        PeerStreamsMax = 10,
        InformationalResponsesMax = 10,
        HeaderListBytesMax = 1_000,
        HeaderListBombFactor = 4,
        HeaderBlockBytesMax = 4_000,
    };

    /// <summary>Name of the reason, and one unit of the attack; stream 1 is open.</summary>
    private static readonly Dictionary<Http2ErrorReason, Func<int, byte[]>> s_floods = new()
    {
        [Http2ErrorReason.PingFlood] = _ => Wire.Ping(),
        [Http2ErrorReason.SettingsFlood] = _ => Wire.Settings((4, 65_535)),
        [Http2ErrorReason.PriorityFlood] = _ => Wire.Frame(2, 0, 1, new byte[5]),
        [Http2ErrorReason.EmptyDataFlood] = _ => Wire.Data(1, 0),
        [Http2ErrorReason.WindowUpdateFlood] = _ => Wire.WindowUpdate(1, 1),
        [Http2ErrorReason.IgnoredFrameFlood] = _ => Wire.Frame(0xFF, 0, 0),
        [Http2ErrorReason.RapidReset] = i => Wire.Join(Wire.HeadersFrame(StreamId(i), Wire.PostBlock()), Wire.Reset(StreamId(i))),

        // MadeYouReset: the peer makes us reset what it opened, in each way it can.
        [Http2ErrorReason.ProvokedResets] = i => (i % 5) switch
        {
            0 => Wire.Join(Wire.HeadersFrame(StreamId(i), Wire.PostBlock()), Wire.WindowUpdate(StreamId(i), 0)),
            1 => Wire.Join(Wire.HeadersFrame(StreamId(i), Wire.GetBlock(), 5), Wire.Data(StreamId(i), 1)),
            2 => Wire.Join(Wire.HeadersFrame(StreamId(i), Wire.PostBlock()), Wire.Frame(2, 0, StreamId(i), new byte[4])),
            3 => Wire.HeadersFrame(StreamId(i), Wire.Block((":method", "GET"))),
            _ => Wire.Join(Wire.HeadersFrame(StreamId(i), Wire.PostBlock(("content-length", "1"))), Wire.Data(StreamId(i), 2)),
        },
    };

    public static TheoryData<Http2ErrorReason> Floods => [.. s_floods.Keys];

    [Theory]
    [MemberData(nameof(Floods))]
    public void A_flood_ends_with_its_name_at_its_limit_and_not_before(Http2ErrorReason reason)
    {
        Func<int, byte[]> unit = s_floods[reason];
        Http2Connection server = Open(s_tight, nowMs: 1_000, out _);
        int allowed = reason == Http2ErrorReason.SettingsFlood ? 9 : 10; // The opening had one already.
        for (int i = 0; i < allowed; i++)
        {
            Assert.Equal(Http2ReceiveStatus.Ok, server.Receive(unit(i), 1_000));
        }

        // A second later the budget is back.
        for (int i = 10; i < 20; i++)
        {
            Assert.Equal(Http2ReceiveStatus.Ok, server.Receive(unit(i), 2_000));
        }

        Assert.Equal(Http2ReceiveStatus.ConnectionError, server.Receive(unit(20), 2_000));
        Assert.Equal((reason, Http2ErrorCode.EnhanceYourCalm), (server.Error.Reason, server.Error.Code));
        Assert.NotEmpty(server.Error.Text);
        string goAway = Wire.Describe(server.Output.Unsent)[^1];
        Assert.StartsWith("> GoAway ", goAway, StringComparison.Ordinal);
        Assert.EndsWith($" EnhanceYourCalm {reason}", goAway, StringComparison.Ordinal);
        Assert.Equal(Http2ReceiveStatus.ConnectionError, server.Receive(Wire.Ping(), 9_000));
        Assert.Equal(goAway, Wire.Describe(server.Output.Unsent)[^1]); // Nothing follows the end.
    }

    [Fact]
    public void Answered_streams_may_be_reset_without_limit()
    {
        Http2Connection server = Open(s_tight, 0, out RecordingHandler events);
        events.WhenHeaders = (stream, _) => server.SendHeaders(stream, Headers.Status(200), endStream: false);
        for (int i = 0; i < 1_000; i++)
        {
            Assert.Equal(Http2ReceiveStatus.Ok, server.Receive(Wire.HeadersFrame(StreamId(i), Wire.ConnectBlock), 0));
            Assert.Equal(Http2ReceiveStatus.Ok, server.Receive(Wire.Reset(StreamId(i)), 0));
            server.Output.Advance(server.Output.UnsentBytes);
        }
    }

    [Fact]
    public void A_peer_may_announce_what_it_consumed_of_what_we_sent()
    {
        // Two WINDOW_UPDATE frames for every DATA frame, a thousand times the budget.
        var events = new RecordingHandler();
        var client = new Http2Connection(Http2Role.Client, s_tight, events);
        client.Start();
        client.Receive(Wire.Settings(), 0);
        client.TryOpenStream(Headers.Connect(), endStream: false, tag: null, out Http2Stream stream);
        for (int i = 0; i < 10_000; i++)
        {
            EnginePair.Send(client, stream, new byte[10]);
            client.Output.Advance(client.Output.UnsentBytes);
            Assert.Equal(Http2ReceiveStatus.Ok, client.Receive(Wire.Join(Wire.WindowUpdate(0, 10), Wire.WindowUpdate(1, 10)), 0));
        }
    }

    [Fact]
    public void A_header_block_in_too_many_parts_is_a_flood()
    {
        byte[] parts = Wire.Join(Wire.HeadersFrame(3, [], 0), Wire.Repeat(Wire.Continuation(3, [0x82], 0), 10));
        Assert.Equal(Http2ErrorReason.None, ErrorAfter(parts));
        Assert.Equal(Http2ErrorReason.ContinuationFlood, ErrorAfter(Wire.Join(parts, Wire.Continuation(3, [0x82], 0))));
    }

    [Fact]
    public void A_header_block_that_is_too_large_is_refused_before_it_is_collected()
    {
        byte[] parts = Wire.Join(Wire.HeadersFrame(3, new byte[2_000], 0), Wire.Continuation(3, new byte[2_000], 0));
        Assert.Equal(Http2ErrorReason.None, ErrorAfter(parts));
        Assert.Equal(Http2ErrorReason.HeaderBlockTooLarge, ErrorAfter(Wire.Join(parts, Wire.RawFrame(1, 9, 0, 3))));
        Assert.Equal(Http2ErrorReason.HeaderBlockTooLarge, ErrorAfter(Wire.RawFrame(4_001, 1, 0, 3)));
    }

    [Fact]
    public void A_header_block_that_takes_too_long_ends_the_connection_and_one_that_is_whole_does_not()
    {
        Http2Connection server = Open(s_tight with { HeaderBlockMsMax = 1_000 }, nowMs: 0, out _);
        server.Receive(Wire.HeadersFrame(3, [0x82], 0), 5_000);
        server.Receive(Wire.Continuation(3, [0x86], 0), 5_900);
        server.Tick(6_000);
        Assert.False(server.Error.IsError);
        server.Tick(6_001);
        Assert.Equal((Http2ErrorReason.HeaderBlockTimeout, Http2ErrorCode.EnhanceYourCalm), (server.Error.Reason, server.Error.Code));

        server = Open(s_tight with { HeaderBlockMsMax = 1_000 }, nowMs: 0, out _);
        server.Receive(Wire.Join(Wire.HeadersFrame(3, Wire.PostBlock()[..2], 0), Wire.Continuation(3, Wire.PostBlock()[2..], 4)), 5_000);
        server.Tick(9_000);
        Assert.False(server.Error.IsError);
    }

    [Fact]
    public void A_decompression_bomb_ends_the_connection()
    {
        // One insertion of a large entry, then one byte for each further copy of it.
        byte[] insert = [0x40, 1, (byte)'x', 0x7F, 0xE1, 0x06, .. Enumerable.Repeat((byte)'v', 992)];
        byte[] bomb = [.. insert, .. Enumerable.Repeat((byte)0xBE, 5)];
        Assert.Equal(Http2ErrorReason.HeaderListBomb, ErrorAfter(Wire.HeadersFrame(3, bomb)));
    }

    [Fact]
    public void A_header_list_above_the_limit_is_answered_431_and_the_connection_lives()
    {
        byte[] large = Wire.GetBlock(("x", new string('v', 1_000)));
        Http2Connection server = Open(s_tight, 0, out RecordingHandler events);
        server.Receive(Wire.Join(Wire.HeadersFrame(3, large, 5), Wire.HeadersFrame(5, large), Wire.HeadersFrame(7, Wire.GetBlock(), 5)), 0);
        List<string> sent = Wire.Describe(server.Output.Unsent);
        Assert.Equal(["> Headers 3 END", "> Headers 5 END", "> Reset 5 NoError"], sent[^3..]);
        Assert.Equal("Request 7 :method=GET :scheme=http :path=/ :authority=a END", events.Events[^1]);
    }

    [Fact]
    public void The_table_of_a_list_that_is_too_large_is_kept()
    {
        // The dropped list inserted an entry; the next block refers to it.
        byte[] first = [.. Wire.GetBlock(("x", new string('v', 1_000))), 0x40, 1, (byte)'k', 1, (byte)'w'];
        byte[] second = [.. Wire.GetBlock(), 0xBE];
        Http2Connection server = Open(s_tight, 0, out RecordingHandler events);
        server.Receive(Wire.Join(Wire.HeadersFrame(3, first, 5), Wire.HeadersFrame(5, second, 5)), 0);
        Assert.Equal("Request 5 :method=GET :scheme=http :path=/ :authority=a k=w END", events.Events[^1]);
    }

    [Fact]
    public void Streams_above_the_limit_are_refused_and_retryable()
    {
        Http2Connection server = Open(s_tight, 0, out _); // One stream of ten is open.
        for (int i = 0; i < 9; i++)
        {
            server.Receive(Wire.HeadersFrame(StreamId(i), Wire.PostBlock()), 0);
        }

        Assert.Equal(10, server.ActiveStreams);
        server.Receive(Wire.HeadersFrame(StreamId(9), Wire.PostBlock()), 0);
        Assert.Equal($"> Reset {StreamId(9)} RefusedStream", Wire.Describe(server.Output.Unsent)[^1]);
        Assert.Equal(10, server.ActiveStreams);

        server.Receive(Wire.Join(Wire.Data(StreamId(9), 5), Wire.Reset(1), Wire.HeadersFrame(StreamId(10), Wire.PostBlock())), 0);
        Assert.Equal(10, server.ActiveStreams);
        Assert.False(server.Error.IsError);
    }

    [Fact]
    public void A_peer_that_makes_us_answer_and_does_not_read_loses_its_connection()
    {
        Http2Connection server = Open(new() { PingFrames = new(1_000_000, 0), OutputBytesMax = 100_000, OutputHighWaterBytes = 50_000 }, 0, out _);
        int pings = 0;
        while (server.Receive(Wire.Ping(), 0) == Http2ReceiveStatus.Ok)
        {
            Assert.True(++pings < 10_000, "The output grows without end.");
        }

        Assert.Equal(Http2ErrorReason.OutputBacklog, server.Error.Reason);
        Assert.InRange(server.Output.UnsentBytes, 100_000, 100_200);
    }

    [Fact]
    public void A_peer_that_asks_without_end_and_reads_no_answer_loses_its_connection()
    {
        Http2Connection server = Open(new() { OutputBytesMax = 100_000, OutputHighWaterBytes = 50_000 }, 0, out RecordingHandler events);
        int asked = 0;
        while (server.Receive(Wire.HeadersFrame(StreamId(asked), Wire.GetBlock(), 5), 0) == Http2ReceiveStatus.Ok && !server.Error.IsError)
        {
            server.SendHeaders(events.Streams[StreamId(asked)], Headers.Status(204), endStream: true);
            Assert.True(++asked < 100_000, "The output grows without end.");
        }

        Assert.Equal(Http2ErrorReason.OutputBacklog, server.Error.Reason);
        Assert.InRange(server.Output.UnsentBytes, 100_000, 100_200);
    }

    [Fact]
    public void A_SETTINGS_frame_with_too_many_entries_is_a_flood()
    {
        (int Id, long Value)[] entries = [.. Enumerable.Repeat((4, 65_535L), 64)];
        Assert.Equal(Http2ErrorReason.None, ErrorAfter(Wire.Settings(entries)));
        Assert.Equal(Http2ErrorReason.SettingsFlood, ErrorAfter(Wire.Settings([.. entries, (4, 65_535L)])));
    }

    [Fact]
    public void Informational_responses_without_end_are_a_flood()
    {
        var client = new Http2Connection(Http2Role.Client, s_tight, new RecordingHandler());
        client.Start();
        client.Receive(Wire.Settings(), 0);
        client.TryOpenStream(Headers.Get(), endStream: true, tag: null, out _);
        Assert.Equal(Http2ReceiveStatus.Ok, client.Receive(Wire.Repeat(Wire.HeadersFrame(1, Wire.StatusBlock("100")), 10), 0));
        Assert.Equal(Http2ReceiveStatus.ConnectionError, client.Receive(Wire.HeadersFrame(1, Wire.StatusBlock("100")), 0));
        Assert.Equal(Http2ErrorReason.InformationalFlood, client.Error.Reason);
    }

    [Fact]
    public void A_peer_that_keeps_the_connection_window_closed_is_not_waited_for()
    {
        var client = new Http2Connection(Http2Role.Client, new() { WindowClosedMsMax = 60_000 }, new RecordingHandler());
        client.Start();
        client.Receive(Wire.Join(Wire.Settings((4, 1_000_000)), Wire.SettingsAck), 1_000);
        client.TryOpenStream(Headers.Connect(), endStream: false, tag: null, out Http2Stream stream);
        while (client.SendableBytes(stream) is > 0 and int bytes)
        {
            EnginePair.Send(client, stream, new byte[bytes]);
            client.Output.Advance(client.Output.UnsentBytes);
        }

        client.Tick(61_000);
        Assert.False(client.Error.IsError);
        client.Receive(Wire.WindowUpdate(0, 10), 61_000);
        client.Tick(500_000);
        Assert.False(client.Error.IsError); // It is open, if only a little.

        EnginePair.Send(client, stream, new byte[10]);
        client.Tick(560_000);
        Assert.False(client.Error.IsError);
        client.Tick(560_001);
        Assert.Equal(Http2ErrorReason.WindowExhausted, client.Error.Reason);
    }

    [Fact]
    public void Settings_that_are_not_acknowledged_end_the_connection()
    {
        Http2Connection server = Open(new() { SettingsAckMsMax = 5_000 }, 1_000, out _, acknowledge: false);
        server.Tick(6_000);
        Assert.False(server.Error.IsError);
        server.Tick(6_001);
        Assert.Equal((Http2ErrorReason.SettingsAckTimeout, Http2ErrorCode.SettingsTimeout), (server.Error.Reason, server.Error.Code));

        server = Open(new() { SettingsAckMsMax = 5_000 }, 1_000, out _);
        server.Tick(1_000_000);
        Assert.False(server.Error.IsError);
    }

    [Fact]
    public void Every_reason_has_a_code_and_a_text()
    {
        foreach (Http2ErrorReason reason in Enum.GetValues<Http2ErrorReason>())
        {
            var error = Http2ConnectionError.For(reason);
            Assert.Equal(reason != Http2ErrorReason.None, error.IsError);
            Assert.Equal(reason != Http2ErrorReason.None, error.Text.Length > 0);
        }
    }

    private static int StreamId(int i) => (2 * i) + 3;

    /// <summary>A server that has seen a preface, settings and one request, which it has not answered.</summary>
    private static Http2Connection Open(Http2ConnectionOptions options, long nowMs, out RecordingHandler events, bool acknowledge = true)
    {
        events = new RecordingHandler();
        var server = new Http2Connection(Http2Role.Server, options, events);
        server.Start();
        server.Receive(Wire.Join(Wire.Preface, Wire.Settings(), Wire.HeadersFrame(1, Wire.PostBlock())), nowMs);
        if (acknowledge)
        {
            server.Receive(Wire.SettingsAck, nowMs);
        }

        server.Output.Advance(server.Output.UnsentBytes);
        return server;
    }

    private static Http2ErrorReason ErrorAfter(byte[] input)
    {
        Http2Connection server = Open(s_tight, 0, out _);
        server.Receive(input, 0);
        return server.Error.Reason;
    }
}
