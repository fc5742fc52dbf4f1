using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>A client and a server engine with nothing between them: what one has to send, the other receives.</summary>
internal sealed class EnginePair
{
    public EnginePair(Http2ConnectionOptions? clientOptions = null, Http2ConnectionOptions? serverOptions = null, bool start = true)
    {
        Client = new Http2Connection(Http2Role.Client, clientOptions ?? new(), ClientEvents);
        Server = new Http2Connection(Http2Role.Server, serverOptions ?? new(), ServerEvents);
        Client.Start();
        Server.Start();
        if (start)
        {
            Exchange();
            ClientEvents.Events.Clear();
            ServerEvents.Events.Clear();
        }
    }

    public Http2Connection Client { get; }

    public Http2Connection Server { get; }

    public RecordingHandler ClientEvents { get; } = new();

    public RecordingHandler ServerEvents { get; } = new();

    public long NowMs { get; set; }

    /// <summary>Moves everything both ways until both are silent.</summary>
    public void Exchange()
    {
        for (int turn = 0; Client.Output.UnsentBytes + Server.Output.UnsentBytes > 0; turn++)
        {
            Assert.True(turn < 100_000, "The engines never fall silent.");
            Move(Client, Server, NowMs);
            Move(Server, Client, NowMs);
        }
    }

    public static Http2ReceiveStatus Move(Http2Connection from, Http2Connection to, long nowMs)
    {
        byte[] bytes = from.Output.Unsent.ToArray();
        from.Output.Advance(bytes.Length);
        return to.Receive(bytes, nowMs);
    }

    public Http2Stream Open(HeaderList? headers = null, bool endStream = false)
    {
        Assert.True(Client.TryOpenStream(headers ?? Headers.Connect(), endStream, tag: null, out Http2Stream stream));
        return stream;
    }

    public static void Send(Http2Connection from, Http2Stream stream, ReadOnlySpan<byte> data, bool endStream = false)
    {
        while (!data.IsEmpty)
        {
            Span<byte> room = from.ReserveData(stream, data.Length);
            Assert.False(room.IsEmpty, "The window is closed.");
            data[..room.Length].CopyTo(room);
            data = data[room.Length..];
            from.CommitData(stream, room.Length, endStream && data.IsEmpty);
        }
    }
}
