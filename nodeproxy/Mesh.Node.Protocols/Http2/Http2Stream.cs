using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Http2;

/// <summary>One stream of an <see cref="Http2Connection"/>, which owns, pools and alone changes it.</summary>
/// <remarks>After <see cref="IHttp2Handler.OnStreamClosed"/> the object serves another stream.</remarks>
public sealed class Http2Stream
{
    internal SendWindow SendWindow;
    internal ReceiveWindow ReceiveWindow;

    internal Http2Stream()
    {
    }

    /// <summary>The identifier, 1 to 2^31-1; odd when the client opened it.</summary>
    public int Id { get; internal set; }

    /// <summary>Whatever the owner of the connection keeps about this stream.</summary>
    public object? Tag { get; set; }

    /// <summary>Where the stream stands.</summary>
    public Http2StreamState State { get; internal set; }

    /// <summary>Bytes given to <see cref="IHttp2Handler.OnData"/> and not yet <see cref="Http2Connection.Consumed"/>.</summary>
    public int ReceivedUnconsumed { get; internal set; }

    /// <summary>What the last header block received was.</summary>
    public HeaderBlockKind LastBlock { get; internal set; }

    /// <summary>True for a stream opened by CONNECT, whose DATA is a byte stream in both directions (RFC 9113 §8.5).</summary>
    public bool IsTunnel => (Flags & StreamFlags.Connect) != 0;

    /// <summary>The size our receive window has grown to, in bytes.</summary>
    public int ReceiveWindowBytes => ReceiveWindow.SizeBytes;

    /// <summary>What the peer lets us send on this stream, in bytes; zero or less is nothing.</summary>
    public int SendWindowBytes => SendWindow.Bytes;

    internal StreamFlags Flags { get; set; }

    /// <summary>What content-length still promises, or -1 when it promised nothing.</summary>
    internal long ContentBytesLeft { get; set; } = -1;

    internal int InformationalCount { get; set; }

    internal Http2ErrorCode ResetCode { get; set; }

    /// <summary>Neighbours among the active streams; in the pool and among the closed, the next one.</summary>
    internal Http2Stream? Next { get; set; }

    internal Http2Stream? Previous { get; set; }

    internal bool Has(StreamFlags flag) => (Flags & flag) != 0;

    internal void Open(int id, bool isLocal, int sendWindowBytes, int receiveWindowBytes)
    {
        Id = id;
        State = Http2StreamState.Idle;
        Flags = isLocal ? StreamFlags.Local : StreamFlags.None;
        SendWindow = new SendWindow(sendWindowBytes);
        ReceiveWindow = new ReceiveWindow(receiveWindowBytes);
        ReceivedUnconsumed = 0;
        ContentBytesLeft = -1;
        InformationalCount = 0;
        LastBlock = HeaderBlockKind.Request;
    }

    internal void Forget()
    {
        Id = 0;
        Tag = null;
        State = Http2StreamState.Closed;
        Next = null;
        Previous = null;
    }
}
