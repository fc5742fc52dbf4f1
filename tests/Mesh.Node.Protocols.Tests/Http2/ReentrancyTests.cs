using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>
/// Goal: a handler may call the connection from inside any call. Method: each call does each thing that ends or opens something, and the
/// recording handler asserts that calls never nest and that every stream is closed once.
/// </summary>
public sealed class ReentrancyTests
{
    [Fact]
    public void A_stream_reset_inside_its_data_hears_no_more_of_the_frame()
    {
        var conversation = new Conversation(Http2Role.Server)
        {
            Script = static (connection, events) =>
                events.WhenData = (stream, _, _) => connection.ResetStream(stream, Http2ErrorCode.Cancel),
        };

        // Cut inside the frame: what follows the reset is dropped, and the next frame is read from the right place.
        List<string> transcript = conversation.Run(
            Wire.Join(conversation.Opening, Wire.HeadersFrame(1, Wire.PostBlock()), Wire.Data(1, 100, Wire.EndStream)[..50]),
            Wire.Join(Wire.Data(1, 100, Wire.EndStream)[50..], Wire.Ping()));

        Assert.Equal(
            [
                "Settings", "Request 1 :method=POST :scheme=http :path=/ :authority=a", "Closed 1",
                "> SettingsAck", "> Reset 1 Cancel", "> PingAck 0102030405060708",
            ],
            transcript);
    }

    [Fact]
    public void A_response_may_be_sent_whole_inside_the_request()
    {
        var pair = new EnginePair();
        pair.ServerEvents.WhenHeaders = (stream, _) =>
        {
            pair.Server.SendHeaders(stream, Headers.Status(200), endStream: false);
            EnginePair.Send(pair.Server, stream, "hello"u8, endStream: true);
            Assert.Equal(Http2StreamState.Closed, stream.State);
            pair.Server.ResetStream(stream, Http2ErrorCode.Cancel); // Too late, and harmless.
            Assert.Equal(0, pair.Server.SendableBytes(stream));
            Assert.Equal(1, stream.Id); // Still this stream, until it was told closed.
        };
        pair.Open(Headers.Get(), endStream: true);
        pair.Exchange();
        Assert.Equal(["Request 1 :method=GET :scheme=http :authority=a :path=/ END", "Closed 1"], pair.ServerEvents.Events);
        Assert.Equal(["Response 1 :status=200", "Data 1 5 END", "Closed 1"], pair.ClientEvents.Events);
    }

    [Fact]
    public void A_closed_stream_may_open_the_next_one()
    {
        var pair = new EnginePair();
        pair.ServerEvents.WhenHeaders = (stream, _) => pair.Server.SendHeaders(stream, Headers.Status(204), endStream: true);
        int opened = 1;
        pair.ClientEvents.WhenClosed = closed =>
        {
            if (opened < 50)
            {
                Http2Stream next = pair.Open(Headers.Get(), endStream: true);
                Assert.NotSame(closed, next); // The closed one is not free before its last call has returned.
                opened++;
            }
        };
        pair.Open(Headers.Get(), endStream: true);
        pair.Exchange();
        Assert.Equal(50, pair.ClientEvents.Events.Count(line => line.StartsWith("Closed", StringComparison.Ordinal)));
        Assert.Equal(0, pair.Client.ActiveStreams);
    }

    [Fact]
    public void A_closed_stream_may_close_all_others()
    {
        var pair = new EnginePair();
        Http2Stream[] streams = [.. Enumerable.Range(0, 10).Select(_ => pair.Open())];
        pair.Exchange();
        pair.ClientEvents.WhenClosed = _ =>
        {
            foreach (Http2Stream stream in streams)
            {
                pair.Client.ResetStream(stream, Http2ErrorCode.Cancel);
            }
        };
        pair.Client.ResetStream(streams[4], Http2ErrorCode.Cancel);
        Assert.Equal(streams.Length, pair.ClientEvents.Events.Count);
        Assert.Equal(streams.Length, pair.ClientEvents.Events.Distinct().Count());
        pair.Exchange();
        Assert.Equal(0, pair.Server.ActiveStreams);
    }

    [Fact]
    public void A_call_outside_a_handler_tells_the_end_before_it_returns()
    {
        var pair = new EnginePair();
        Http2Stream stream = pair.Open();
        pair.Client.ResetStream(stream, Http2ErrorCode.ConnectError);
        Assert.Equal(["Closed 1"], pair.ClientEvents.Events);
        pair.Exchange();
        Assert.Equal("Reset 1 ConnectError peer", pair.ServerEvents.Events[^2]);
    }

    [Fact]
    public void Abandoning_inside_a_call_ends_every_stream_once_and_sends_nothing_more()
    {
        foreach (string where in (string[])["headers", "data", "closed", "reset", "window"])
        {
            var pair = new EnginePair();
            void Abandon()
            {
                pair.Server.Abandon(Http2ErrorCode.ConnectError);
                pair.Server.Abandon(Http2ErrorCode.Cancel);
            }

            RecordingHandler events = pair.ServerEvents;
            events.WhenHeaders = (stream, _) =>
            {
                if (stream.Id == 5 && where == "headers")
                {
                    Abandon();
                }
            };
            events.WhenData = (_, _, _) => If("data");
            events.WhenClosed = _ => If("closed");
            events.WhenReset = _ => If("reset");
            events.WhenWindowOpened = _ => If("window");
            Http2Stream[] streams = [.. Enumerable.Range(0, 3).Select(_ => pair.Open())];
            EnginePair.Send(pair.Client, streams[0], "x"u8);
            pair.Exchange();
            if (!pair.Server.Error.IsError)
            {
                pair.Server.Receive(Wire.Join(Wire.Settings((4, 0)), Wire.Settings((4, 100)), Wire.Reset(1)), 0);
            }

            Assert.Equal(Http2ErrorReason.ClosedByOwner, pair.Server.Error.Reason);
            Assert.True(pair.Server.Output.IsEmpty);
            Assert.Equal(0, pair.Server.ActiveStreams);
            Assert.Equal(["Closed 1", "Closed 3", "Closed 5"], events.Events.Where(IsClosed).Order());
            Assert.Equal(Http2ReceiveStatus.ConnectionError, pair.Server.Receive(Wire.Ping(), 0));

            void If(string here)
            {
                if (here == where)
                {
                    Abandon();
                }
            }
        }
    }

    [Fact]
    public void A_connection_error_ends_every_stream_once()
    {
        var pair = new EnginePair();
        for (int i = 0; i < 3; i++)
        {
            pair.Open();
        }

        pair.Exchange();
        pair.ServerEvents.Events.Clear();
        pair.ServerEvents.WhenReset = stream =>
        {
            // Whatever a handler tries on a dead connection does nothing.
            pair.Server.SendHeaders(stream, Headers.Status(200), endStream: false);
            pair.Server.ResetStream(stream, Http2ErrorCode.Cancel);
            pair.Server.Consumed(stream, 0);
            pair.Server.SendPing(1);
            pair.Server.BeginDrain();
            pair.Server.SendGoAway(Http2ErrorCode.NoError, "no");
            pair.Server.Tick(1);
        };
        pair.Server.Receive(Wire.Frame(6, 0, 0, new byte[7]), 0);
        Assert.Equal(6, pair.ServerEvents.Events.Count);
        Assert.All(pair.ServerEvents.Events.Where(line => !IsClosed(line)), line => Assert.EndsWith("FrameSizeError self", line, StringComparison.Ordinal));
        Assert.Equal(["> GoAway 5 FrameSizeError BadFrameSize"], Wire.Describe(pair.Server.Output.Unsent));
        Assert.True(pair.Server.IsFinished);
    }

    [Fact]
    public void Receive_is_refused_inside_a_handler_and_before_the_start()
    {
        var events = new RecordingHandler();
        var server = new Http2Connection(Http2Role.Server, new(), events);
        Assert.Throws<InvalidOperationException>(() => server.Receive(Wire.Preface, 0));
        server.Start();
        Assert.Throws<InvalidOperationException>(server.Start);
        events.WhenHeaders = (_, _) => Assert.Throws<InvalidOperationException>(() => server.Receive(Wire.Ping(), 0));
        server.Receive(Wire.Join(Wire.Preface, Wire.Settings(), Wire.HeadersFrame(1, Wire.PostBlock())), 0);
        Assert.Equal(2, events.Events.Count);
    }

    private static bool IsClosed(string line) => line.StartsWith("Closed", StringComparison.Ordinal);
}
