using System.Text;
using Mesh.Fuzz.Oracles;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Fuzz.Targets;

/// <summary>
/// The owner of a fuzzed connection: writes down what it hears, does what the plan says, and checks what must always hold.
/// </summary>
internal sealed class RecordingOwner(Http2Plan plan, Transcript transcript) : IHttp2Handler
{
    private static readonly HeaderList s_ok = Status200();

    private readonly HashSet<Http2Stream> _open = [];
    private bool _isInside;

    public Http2Connection Connection { get; set; } = null!;

    /// <summary>Streams that were seen and not told closed.</summary>
    public int OpenStreams => _open.Count;

    public void Opened(Http2Stream stream) => _open.Add(stream);

    public void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        Enter();
        var fields = new List<SlowField>();
        for (int i = 0; i < headers.Count; i++)
        {
            fields.Add(new SlowField(
                Encoding.Latin1.GetString(headers[i].Name), Encoding.Latin1.GetString(headers[i].Value), headers[i].NeverIndex));
        }

        transcript.Events.Add($"{stream.LastBlock} {stream.Id} {string.Join('|', fields)}{(endStream ? " END" : "")}");
        if (stream.LastBlock == HeaderBlockKind.Request)
        {
            _open.Add(stream);
        }

        if (plan.Resets(stream.Id))
        {
            Connection.ResetStream(stream, Http2ErrorCode.Cancel);
        }

        if (plan.Owner == Http2Owner.Answers && plan.Role == Http2Role.Server)
        {
            if (stream.LastBlock == HeaderBlockKind.Request)
            {
                Connection.SendHeaders(stream, s_ok, endStream);
            }
            else
            {
                Connection.CompleteSend(stream);
            }
        }

        _isInside = false;
    }

    public void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream)
    {
        Enter();
        transcript.ContentOf(stream.Id).AddRange(data);
        if (endStream)
        {
            transcript.Events.Add($"DataEnd {stream.Id}");
        }

        switch (plan.Owner)
        {
            case Http2Owner.Consumes:
                Connection.Consumed(stream, data.Length);
                break;
            case Http2Owner.Answers when endStream && plan.Role == Http2Role.Server:
                Connection.CompleteSend(stream);
                break;
            default:
                break;
        }

        _isInside = false;
    }

    public void OnRequestRefused(int streamId, HeaderVerdict verdict, HeaderList headers) => Note($"Refused {streamId}");

    public void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer) =>
        Note($"Reset {stream.Id} {code} {(byPeer ? "peer" : "self")}");

    public void OnSendWindowOpened(Http2Stream? stream) => Note($"WindowOpened {stream?.Id ?? 0}");

    public void OnGoAway(int lastStreamId, Http2ErrorCode code) => Note($"GoAway {lastStreamId} {code}");

    public void OnPingAck(ulong opaque) => Note($"PingAck {opaque:x}");

    public void OnSettingsChanged() => Note("Settings");

    public void OnStreamClosed(Http2Stream stream)
    {
        if (!_open.Remove(stream) || stream.State != Http2StreamState.Closed)
        {
            throw new FuzzFailure($"Stream {stream.Id} was told closed and was not open, or not closed.");
        }

        Note($"Closed {stream.Id}");
    }

    private void Note(string line)
    {
        Enter();
        transcript.Events.Add(line);
        _isInside = false;
    }

    private void Enter()
    {
        if (_isInside)
        {
            throw new FuzzFailure("Calls of the owner nest.");
        }

        _isInside = true;
    }

    private static HeaderList Status200()
    {
        var headers = new HeaderList();
        headers.Add(":status"u8, "200"u8);
        return headers;
    }
}
