using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>Writes down what a connection tells its owner, one line an event, and lets a test act inside each call.</summary>
internal sealed class RecordingHandler : IHttp2Handler
{
    public List<string> Events { get; } = [];

    public Dictionary<int, List<byte>> Data { get; } = [];

    public Dictionary<int, Http2Stream> Streams { get; } = [];

    /// <summary>When set, DATA events are not written down one by one, so that splitting the input does not change the events.</summary>
    public bool JoinData { get; set; }

    public Action<Http2Stream, bool>? WhenHeaders { get; set; }

    public Action<Http2Stream, byte[], bool>? WhenData { get; set; }

    public Action<Http2Stream>? WhenClosed { get; set; }

    public Action<Http2Stream>? WhenReset { get; set; }

    public Action<Http2Stream?>? WhenWindowOpened { get; set; }

    private int _depth;

    public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        Enter();
        Streams[stream.Id] = stream;
        var text = new StringBuilder();
        for (int i = 0; i < headers.Count; i++)
        {
            text.Append(' ').Append(Encoding.Latin1.GetString(headers[i].Name)).Append('=').Append(Encoding.Latin1.GetString(headers[i].Value));
        }

        Events.Add($"{stream.LastBlock} {stream.Id}{text}{(endStream ? " END" : "")}");
        WhenHeaders?.Invoke(stream, endStream);
        _depth--;
    }

    public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        Enter();
        if (!Data.TryGetValue(stream.Id, out List<byte>? bytes))
        {
            Data[stream.Id] = bytes = [];
        }

        bytes.AddRange(data);
        if (!JoinData)
        {
            Events.Add($"Data {stream.Id} {data.Length}{(endStream ? " END" : "")}");
        }
        else if (endStream)
        {
            Events.Add($"DataEnd {stream.Id} {bytes.Count}");
        }

        WhenData?.Invoke(stream, data.ToArray(), endStream);
        _depth--;
    }

    public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer)
    {
        Enter();
        Events.Add($"Reset {stream.Id} {code} {(byPeer ? "peer" : "self")}");
        WhenReset?.Invoke(stream);
        _depth--;
    }

    public void OnSendWindowOpened(Http2Stream? stream)
    {
        Enter();
        Events.Add($"WindowOpened {stream?.Id ?? 0}");
        WhenWindowOpened?.Invoke(stream);
        _depth--;
    }

    public void OnGoAway(int lastStreamId, Http2ErrorCode code)
    {
        Enter();
        Events.Add($"GoAway {lastStreamId} {code}");
        _depth--;
    }

    public void OnPingAck(ulong opaque)
    {
        Enter();
        Events.Add($"PingAck {opaque:x}");
        _depth--;
    }

    public void OnSettingsChanged()
    {
        Enter();
        Events.Add("Settings");
        _depth--;
    }

    public void OnStreamClosed(Http2Stream stream)
    {
        Enter();
        Assert.Equal(Http2StreamState.Closed, stream.State);
        Events.Add($"Closed {stream.Id}");
        Streams.Remove(stream.Id);
        WhenClosed?.Invoke(stream);
        _depth--;
    }

    private void Enter() => Assert.Equal(1, ++_depth); // Calls never nest.
}
