using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>Goal: two engines hold an ordinary conversation. Method: an <see cref="EnginePair"/> and the events of both sides.</summary>
public sealed class ConnectionTests
{
    [Fact]
    public void A_tunnel_carries_bytes_both_ways_and_half_closes()
    {
        var pair = new EnginePair();
        Http2Stream stream = pair.Open(Headers.Connect("10.0.0.1:8080"));
        pair.Exchange();
        Assert.Equal(["Request 1 :method=CONNECT :authority=10.0.0.1:8080"], pair.ServerEvents.Events);

        Http2Stream served = pair.ServerEvents.Streams[1];
        pair.Server.SendHeaders(served, Headers.Status(200), endStream: false);
        pair.Exchange();
        Assert.Equal(["Response 1 :status=200"], pair.ClientEvents.Events);

        EnginePair.Send(pair.Client, stream, "ping"u8, endStream: true);
        pair.Exchange();
        Assert.Equal(Http2StreamState.HalfClosedLocal, stream.State);
        Assert.Equal("ping"u8, pair.ServerEvents.Data[1].ToArray());

        EnginePair.Send(pair.Server, served, "pong"u8);
        pair.Server.CompleteSend(served);
        pair.Exchange();
        Assert.Equal("pong"u8, pair.ClientEvents.Data[1].ToArray());
        Assert.Equal(["Response 1 :status=200", "Data 1 4", "Data 1 0 END", "Closed 1"], pair.ClientEvents.Events);
        Assert.Equal("Closed 1", pair.ServerEvents.Events[^1]);
        Assert.Equal(0, pair.Client.ActiveStreams + pair.Server.ActiveStreams);
    }
}
