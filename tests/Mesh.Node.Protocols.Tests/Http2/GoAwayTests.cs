using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>Goal: a connection can be ended without losing a request. Method: two engines with bytes held back between them.</summary>
public sealed class GoAwayTests
{
    [Fact]
    public void A_draining_server_serves_what_was_on_its_way_and_refuses_what_came_later()
    {
        var pair = new EnginePair();
        pair.Open(Headers.Get(), endStream: true);
        pair.Server.BeginDrain();
        EnginePair.Move(pair.Client, pair.Server, 0); // The request was on its way: it is served.
        Assert.Equal(["Request 1 :method=GET :scheme=http :authority=a :path=/ END"], pair.ServerEvents.Events);
        Assert.Equal(["> GoAway 2147483647 NoError", "> Ping 6d65736864726169"], Wire.Describe(pair.Server.Output.Unsent));

        EnginePair.Move(pair.Server, pair.Client, 0);
        Assert.Equal(["GoAway 2147483647 NoError"], pair.ClientEvents.Events);
        Assert.False(pair.Client.CanOpenStream);

        EnginePair.Move(pair.Client, pair.Server, 0); // The answer to the PING brings the final GOAWAY.
        Assert.Equal(["> GoAway 1 NoError"], Wire.Describe(pair.Server.Output.Unsent));
        Assert.False(pair.Server.IsFinished);

        pair.Server.Receive(Wire.HeadersFrame(3, Wire.GetBlock(), 5), 0); // From a client that did not listen.
        Assert.Single(pair.ServerEvents.Events);
        pair.Server.SendHeaders(pair.ServerEvents.Streams[1], Headers.Status(204), endStream: true);
        pair.Exchange();
        Assert.True(pair.Server.IsFinished);
        Assert.True(pair.Client.IsFinished);
        Assert.DoesNotContain("PingAck", string.Join(' ', pair.ServerEvents.Events));
    }

    [Fact]
    public void A_peer_that_does_not_answer_the_ping_is_not_waited_for()
    {
        var pair = new EnginePair(serverOptions: new() { DrainPingMsMax = 1_000 });
        pair.Server.Tick(5_000);
        pair.Server.BeginDrain();
        pair.Server.BeginDrain(); // Once is enough.
        pair.Server.Output.Advance(pair.Server.Output.UnsentBytes);
        pair.Server.Tick(6_000);
        Assert.True(pair.Server.Output.IsEmpty);
        pair.Server.Tick(6_001);
        Assert.Equal(["> GoAway 0 NoError"], Wire.Describe(pair.Server.Output.Unsent));
        Assert.True(pair.Server.IsFinished);
    }

    [Fact]
    public void A_draining_client_opens_nothing_and_finishes_what_it_has()
    {
        var pair = new EnginePair();
        Http2Stream stream = pair.Open(Headers.Get(), endStream: true);
        pair.Client.BeginDrain();
        Assert.False(pair.Client.CanOpenStream);
        Assert.False(pair.Client.TryOpenStream(Headers.Get(), endStream: true, tag: null, out _));
        Assert.False(pair.Client.IsFinished);
        pair.Exchange();
        Assert.True(pair.Server.GoAwayReceived);
        pair.Server.SendHeaders(pair.ServerEvents.Streams[stream.Id], Headers.Status(204), endStream: true);
        pair.Exchange();
        Assert.True(pair.Client.IsFinished);
    }

    [Fact]
    public void Streams_the_server_never_saw_can_be_tried_elsewhere()
    {
        var pair = new EnginePair();
        pair.Open();
        pair.Exchange();
        pair.Server.SendGoAway(Http2ErrorCode.NoError, "maintenance");
        pair.Open();
        pair.Open();
        pair.Exchange();
        Assert.Equal(
            ["Reset 3 RefusedStream peer", "Closed 3", "Reset 5 RefusedStream peer", "Closed 5", "GoAway 1 NoError"],
            pair.ClientEvents.Events.Order().OrderBy(line => line.StartsWith("GoAway", StringComparison.Ordinal)).ThenBy(line => line.Split(' ')[1])
                .ThenByDescending(line => line[0]));
        Assert.Equal(1, pair.Client.ActiveStreams);
        Assert.Equal(["Request 1 :method=CONNECT :authority=10.0.0.1:80"], pair.ServerEvents.Events);
    }

    [Fact]
    public void Words_of_GOAWAY_are_cut_at_a_character()
    {
        var pair = new EnginePair();
        pair.Server.SendGoAway(Http2ErrorCode.NoError, new string('é', 200));
        string line = Assert.Single(Wire.Describe(pair.Server.Output.Unsent));
        Assert.Equal($"> GoAway 0 NoError {new string('é', 128)}", line);
    }

    [Fact]
    public void Stream_identifiers_run_out()
    {
        var pair = new EnginePair(clientOptions: new() { StreamIdMax = 3 });
        pair.Open();
        pair.Open();
        Assert.False(pair.Client.CanOpenStream);
    }

    [Fact]
    public void The_peers_limit_of_streams_is_kept()
    {
        var pair = new EnginePair(serverOptions: new() { PeerStreamsMax = 2 });
        Http2Stream first = pair.Open();
        pair.Open();
        Assert.False(pair.Client.CanOpenStream);
        pair.Client.ResetStream(first, Http2ErrorCode.Cancel);
        Assert.True(pair.Client.CanOpenStream);
        pair.Client.Receive(Wire.Settings((3, 0)), 0);
        Assert.False(pair.Client.CanOpenStream);
        pair.Client.Receive(Wire.Settings((3, 0xFFFF_FFFF)), 0);
        Assert.True(pair.Client.CanOpenStream);
        Assert.False(pair.Server.CanOpenStream); // A server opens none.
    }
}
