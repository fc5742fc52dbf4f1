using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: flow control holds both ways and never stops what it should not. Method: two engines, or one engine and raw frames.
/// </summary>
public sealed class FlowControlTests
{
    private const int StreamWindow = 256 * 1024;

    [Fact]
    public void The_sender_stops_at_the_stream_window_and_goes_on_when_the_reader_consumed()
    {
        var pair = new EnginePair();
        Http2Stream stream = pair.Open();
        pair.Exchange();

        int sent = Pump(pair, stream);
        Assert.Equal(StreamWindow, sent);
        Assert.Equal(0, pair.Client.SendableBytes(stream));

        Http2Stream served = pair.ServerEvents.Streams[1];
        Assert.Equal(StreamWindow, served.ReceivedUnconsumed);
        pair.Server.Consumed(served, (StreamWindow / 2) - 1);
        pair.Exchange();
        Assert.Equal(0, pair.Client.SendableBytes(stream)); // Below half a window no frame is worth sending.

        pair.Server.Consumed(served, 1);
        pair.Exchange();
        Assert.Equal("WindowOpened 1", pair.ClientEvents.Events[^1]);
        Assert.Equal(StreamWindow / 2, stream.SendWindowBytes);
    }

    [Fact]
    public void A_window_grows_only_while_its_reader_keeps_up()
    {
        var pair = new EnginePair();
        Http2Stream stream = pair.Open();
        pair.Exchange();
        Http2Stream served = pair.ServerEvents.Streams[1];

        // A reader that holds half a window when the update is due keeps its window.
        Pump(pair, stream);
        pair.Server.Consumed(served, StreamWindow / 2);
        Assert.Equal(StreamWindow, served.ReceiveWindowBytes);

        // A reader that consumes everything doubles it, up to the limit.
        int[] sizes = new int[8];
        for (int i = 0; i < sizes.Length; i++)
        {
            pair.Exchange();
            Pump(pair, stream);
            pair.Server.Consumed(served, served.ReceivedUnconsumed);
            sizes[i] = served.ReceiveWindowBytes / 1024;
        }

        Assert.Equal([512, 1024, 2048, 4096, 4096, 4096, 4096, 4096], sizes);
        pair.Exchange();
        Assert.Equal(4096 * 1024, stream.SendWindowBytes);
    }

    [Fact]
    public void Twenty_stalled_readers_do_not_hold_up_the_twenty_first()
    {
        var pair = new EnginePair(); // Connection window 16 MiB, streams 256 KiB to 4 MiB.
        Http2Stream[] stalled = [.. Enumerable.Range(0, 20).Select(_ => pair.Open())];
        Http2Stream lively = pair.Open();
        pair.Exchange();
        foreach (Http2Stream stream in stalled)
        {
            Pump(pair, stream);
            Assert.Equal(0, pair.Client.SendableBytes(stream));
        }

        long sent = 0;
        Http2Stream served = pair.ServerEvents.Streams[lively.Id];
        while (sent < 256L * 1024 * 1024)
        {
            int pumped = Pump(pair, lively);
            Assert.True(pumped > 0, "The stream stands still.");
            sent += pumped;
            pair.Server.Consumed(served, served.ReceivedUnconsumed);
            pair.ServerEvents.Data.Clear();
            pair.ServerEvents.Events.Clear();
            pair.Exchange();
        }
    }

    [Fact]
    public void The_connection_window_is_returned_on_receipt()
    {
        var pair = new EnginePair(serverOptions: new() { ConnectionWindowBytes = 128 * 1024 });
        Http2Stream stream = pair.Open();
        pair.Exchange();
        Assert.Equal(StreamWindow, Pump(pair, stream)); // Twice the connection's window, though nobody consumed.
    }

    [Fact]
    public void DATA_for_dropped_streams_is_returned_to_the_connection()
    {
        var conversation = new Conversation(Http2Role.Server)
        {
            Options = new() { ConnectionWindowBytes = 65_535, StreamWindowBytes = 65_535 },
            Script = static (connection, events) => events.WhenHeaders = (stream, _) => connection.ResetStream(stream, Http2ErrorCode.Cancel),
        };
        byte[] input = Wire.Join(
            conversation.Opening,
            Wire.HeadersFrame(1, Wire.PostBlock()),
            Wire.Data(1, 16_000), Wire.Data(1, 16_000), Wire.PaddedData(1, 1_000, 200), Wire.Data(1, 16_000), Wire.Data(1, 16_000));

        List<string> transcript = conversation.Run(input);

        // The first window of the connection is its default, so the first announcement is the one for the bytes.
        Assert.DoesNotContain(transcript, line => line.StartsWith("ERROR", StringComparison.Ordinal));
        Assert.Equal(["> Reset 1 Cancel"], transcript.Where(line => line.StartsWith("> Reset", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_peer_that_exceeds_the_stream_window_loses_the_stream()
    {
        var conversation = new Conversation(Http2Role.Server) { Options = new() { StreamWindowBytes = 65_535 } };
        List<string> transcript = conversation.Run(Wire.Join(
            conversation.Opening, Wire.HeadersFrame(1, Wire.PostBlock()), Wire.Data(1, 65_535), Wire.Data(1, 1), Wire.Ping()));

        Assert.Contains("> Reset 1 FlowControlError", transcript);
        Assert.Contains("> PingAck 0102030405060708", transcript);
    }

    [Fact]
    public void A_peer_that_exceeds_the_connection_window_loses_the_connection()
    {
        // Frames are judged on their header: the window is exceeded by what one frame announces.
        var conversation = new Conversation(Http2Role.Server)
        {
            Options = new() { ConnectionWindowBytes = 65_535, StreamWindowBytes = 65_535 },
        };
        List<string> transcript = conversation.Run(Wire.Join(
            conversation.Opening, Wire.HeadersFrame(1, Wire.PostBlock()), Wire.RawFrame(65_536, 0, 0, 1)));

        Assert.Equal("ERROR ConnectionWindowExceeded FlowControlError", transcript[^1]);
    }

    [Fact]
    public void Padding_counts_and_is_returned_at_once()
    {
        var events = new RecordingHandler();
        var server = new Http2Connection(Http2Role.Server, new() { StreamWindowBytes = 65_535 }, events);
        server.Start();
        server.Receive(Wire.Join(Wire.Preface, Wire.Settings(), Wire.HeadersFrame(1, Wire.PostBlock())), 0);
        for (int i = 0; i < 2_000; i++)
        {
            // Far more padding than any window, with a byte of data that the reader consumes.
            Assert.Equal(Http2ReceiveStatus.Ok, server.Receive(Wire.PaddedData(1, 1, 255), 0));
            server.Consumed(events.Streams[1], 1);
        }

        Assert.DoesNotContain("Reset", string.Join(' ', events.Events));
    }

    [Fact]
    public void Padding_alone_never_closes_a_window()
    {
        var events = new RecordingHandler();
        var server = new Http2Connection(Http2Role.Server, new() { StreamWindowBytes = 65_535, EmptyDataFrames = new(1_000_000, 0) }, events);
        server.Start();
        server.Receive(Wire.Join(Wire.Preface, Wire.Settings(), Wire.HeadersFrame(1, Wire.PostBlock())), 0);
        for (int i = 0; i < 2_000; i++)
        {
            server.Receive(Wire.PaddedData(1, 0, 255), 0);
            server.Output.Advance(server.Output.UnsentBytes);
        }

        Assert.Equal(1, server.ActiveStreams);
        Assert.False(server.Error.IsError);
    }

    [Fact]
    public void A_changed_initial_window_applies_to_open_streams()
    {
        var events = new RecordingHandler();
        var client = new Http2Connection(Http2Role.Client, new(), events);
        client.Start();
        client.Receive(Wire.Settings(), 0);
        client.TryOpenStream(Headers.Connect(), endStream: false, tag: null, out Http2Stream stream);
        EnginePair.Send(client, stream, new byte[1_000]);

        client.Receive(Wire.Settings((4, 500)), 0);
        Assert.Equal(-500, stream.SendWindowBytes);
        Assert.Equal(0, client.SendableBytes(stream));
        Assert.True(client.ReserveData(stream, 10).IsEmpty);

        client.Receive(Wire.WindowUpdate(1, 500), 0);
        Assert.Equal(0, client.SendableBytes(stream));
        Assert.DoesNotContain("WindowOpened 1", events.Events); // From below zero to zero is not open.

        events.Events.Clear();
        client.Receive(Wire.Settings((4, 600)), 0);
        Assert.Equal(["Settings", "WindowOpened 0"], events.Events);
        Assert.Equal(100, client.SendableBytes(stream));
    }

    [Fact]
    public void A_blocked_connection_window_opens_for_everyone()
    {
        var events = new RecordingHandler();
        var client = new Http2Connection(Http2Role.Client, new(), events);
        client.Start();
        client.Receive(Wire.Settings((4, 1_000_000)), 0);
        client.TryOpenStream(Headers.Connect(), endStream: false, tag: null, out Http2Stream stream);
        int sent = 0;
        while (client.SendableBytes(stream) is > 0 and int bytes)
        {
            EnginePair.Send(client, stream, new byte[bytes]);
            client.Output.Advance(client.Output.UnsentBytes);
            sent += bytes;
        }

        Assert.Equal(65_535, sent);
        Assert.Equal(0, client.SendWindowBytes);
        events.Events.Clear();
        client.Receive(Wire.WindowUpdate(0, 7), 0);
        Assert.Equal(["WindowOpened 0"], events.Events);
        Assert.Equal(7, client.SendableBytes(stream));
        client.Receive(Wire.WindowUpdate(0, 7), 0);
        Assert.Equal(["WindowOpened 0"], events.Events); // It was open.
    }

    [Fact]
    public void DATA_respects_the_peers_frame_size_our_frame_size_and_the_high_water_mark()
    {
        var events = new RecordingHandler();
        var client = new Http2Connection(Http2Role.Client, new() { DataBytesMax = 100_000, OutputHighWaterBytes = 50_000 }, events);
        client.Start();
        client.Receive(Wire.Settings((4, 1_000_000), (5, 20_000)), 0);
        client.Receive(Wire.WindowUpdate(0, 1_000_000), 0);
        client.TryOpenStream(Headers.Connect(), endStream: false, tag: null, out Http2Stream stream);
        client.Output.Advance(client.Output.UnsentBytes);

        Assert.Equal(20_000, client.SendableBytes(stream));
        Assert.Equal(20_000, client.ReserveData(stream, 60_000).Length);
        client.CommitData(stream, 20_000, endStream: false);
        Assert.False(client.Output.IsAboveHighWater);
        EnginePair.Send(client, stream, new byte[20_000]);
        Assert.Equal(20_000, client.SendableBytes(stream)); // Below the mark a whole frame fits, so the mark is exceeded by one frame at most.
        EnginePair.Send(client, stream, new byte[20_000]);
        Assert.True(client.Output.IsAboveHighWater);
        Assert.Equal(0, client.SendableBytes(stream));
        client.Output.Advance(20_000);
        Assert.Equal(20_000, client.SendableBytes(stream));
    }

    [Fact]
    public void Misuse_of_the_sending_calls_is_refused()
    {
        var pair = new EnginePair();
        Http2Stream stream = pair.Open();
        Http2Stream other = pair.Open();
        Assert.Throws<InvalidOperationException>(() => pair.Client.CommitData(stream, 1, endStream: false));
        Assert.Equal(10, pair.Client.ReserveData(stream, 10).Length);
        Assert.Throws<InvalidOperationException>(() => pair.Client.CommitData(other, 1, endStream: false));
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Client.CommitData(stream, 11, endStream: false));
        Assert.Throws<InvalidOperationException>(() => pair.Client.SendPing(1)); // The reservation is open.
        pair.Client.CommitData(stream, 0, endStream: false); // Cancels it.
        pair.Client.SendPing(1);
        pair.Exchange();
        Assert.Throws<InvalidOperationException>(() => pair.Server.CompleteSend(pair.ServerEvents.Streams[1])); // No head was sent.
        Assert.Equal(0, pair.Server.SendableBytes(pair.ServerEvents.Streams[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => pair.Server.Consumed(pair.ServerEvents.Streams[1], 1));
        Assert.Throws<ArgumentException>(() => pair.Server.SendHeaders(pair.ServerEvents.Streams[1], Headers.Get(), endStream: false));
        Assert.Throws<ArgumentException>(() => pair.Server.SendHeaders(pair.ServerEvents.Streams[1], Headers.Status(100), endStream: true));
        pair.Server.SendHeaders(pair.ServerEvents.Streams[1], Headers.Status(200), endStream: false);
        Assert.Throws<InvalidOperationException>(
            () => pair.Server.SendHeaders(pair.ServerEvents.Streams[1], Headers.Of(("x", "y")), endStream: true)); // In a tunnel.
        pair.Client.CompleteSend(stream);
        Assert.Throws<InvalidOperationException>(() => pair.Client.SendHeaders(stream, Headers.Of(("x", "y")), endStream: true));
        pair.Client.CompleteSend(stream); // Ending twice is no error.
    }

    /// <summary>Sends until the client may send no more; the server's handler records and consumes nothing.</summary>
    private static int Pump(EnginePair pair, Http2Stream stream)
    {
        int sent = 0;
        while (pair.Client.SendableBytes(stream) is > 0 and int bytes)
        {
            EnginePair.Send(pair.Client, stream, new byte[bytes]);
            sent += bytes;
            pair.Exchange();
        }

        return sent;
    }
}
