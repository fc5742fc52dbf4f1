using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>
/// The other end of a tunnel, played by a test: a channel whose far side is an HTTP/2 engine that hears what is written at once, and whose
/// own output can be held back.
/// </summary>
internal sealed class EnginePeer : ByteChannel, IReadyHandler, IHttp2Handler
{
    private bool _isAnnounced;
    private bool _isClosed;
    private bool _isEnded;
    private byte[] _raw = [];

    public EnginePeer(EventLoop loop, Http2Role role)
        : base(loop)
    {
        Engine = new Http2Connection(role, new Http2ConnectionOptions(), this);
        Engine.Start();
    }

    /// <summary>What the test acts with.</summary>
    public Http2Connection Engine { get; }

    /// <summary>What the engine said of streams and the connection, one line an event.</summary>
    public List<string> Heard { get; } = [];

    /// <summary>Everything that was written to it, heard or not.</summary>
    public List<byte> Written { get; } = [];

    /// <summary>When something was last written to it, by the loop's clock.</summary>
    public long WrittenMs { get; private set; }

    /// <summary>The last stream with headers.</summary>
    public Http2Stream? Stream { get; private set; }

    /// <summary>While true nothing the engine sends arrives.</summary>
    public bool IsMute { get; set; }

    /// <summary>While true the engine hears nothing of what is written.</summary>
    public bool IsDeaf { get; set; }

    /// <summary>While true nothing can be written to it any more.</summary>
    public bool IsBroken { get; set; }

    public override bool IsClosed => _isClosed;

    public override bool HasUnsentBytes => false;

    /// <summary>Lets what the engine has to send arrive, in the next turn.</summary>
    public void Announce()
    {
        if (!_isAnnounced && !IsMute && !Engine.Output.IsEmpty)
        {
            _isAnnounced = true;
            Loop.RunNextTurn(this);
        }
    }

    /// <summary>Lets bytes arrive that the engine would not send.</summary>
    public void SendRaw(byte[] bytes)
    {
        _raw = bytes;
        Loop.RunNextTurn(this);
    }

    /// <summary>Closes the connection, in order, behind what was said.</summary>
    public void End()
    {
        _isEnded = true;
        Loop.RunNextTurn(this);
    }

    public void OnReady(EpollEvents events)
    {
        _isAnnounced = false;
        if (!_isClosed)
        {
            Events?.OnReadable();
        }
    }

    public override IoResult Read(Span<byte> destination)
    {
        int bytes = IsMute ? 0 : Math.Min(destination.Length, Engine.Output.UnsentBytes);
        Engine.Output.Unsent[..bytes].CopyTo(destination);
        Engine.Output.Advance(bytes);
        if (bytes == 0 && _raw.Length > 0)
        {
            _raw.CopyTo(destination);
            bytes = _raw.Length;
            _raw = [];
        }

        return bytes > 0 ? IoResult.Done(bytes) : _isEnded ? IoResult.End : IoResult.WouldBlock;
    }

    public override IoResult Write(ReadOnlySpan<byte> source)
    {
        if (IsBroken)
        {
            return IoResult.Failed(Errno.EPIPE);
        }

        Written.AddRange(source);
        WrittenMs = Loop.NowMs;
        if (!IsDeaf)
        {
            Engine.Receive(source, Loop.NowMs);
            Announce();
        }

        return IoResult.Done(source.Length);
    }

    public override void CloseWrite()
    {
    }

    public override void Close() => _isClosed = true;

    public override void Reset() => _isClosed = true;

    public override Errno TakeError() => Errno.None;

    void IHttp2Handler.OnHeaders(Http2Stream stream, HeaderList headers, bool endStream)
    {
        Stream = stream;
        Heard.Add($"Headers {stream.Id}");
    }

    void IHttp2Handler.OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream) => Engine.Consumed(stream, data.Length);

    void IHttp2Handler.OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer) => Heard.Add($"Reset {stream.Id} {code}");

    void IHttp2Handler.OnGoAway(int lastStreamId, Http2ErrorCode code) => Heard.Add($"GoAway {lastStreamId} {code}");

    void IHttp2Handler.OnSendWindowOpened(Http2Stream? stream)
    {
    }

    void IHttp2Handler.OnPingAck(ulong opaque)
    {
    }

    void IHttp2Handler.OnSettingsChanged()
    {
    }

    void IHttp2Handler.OnStreamClosed(Http2Stream stream)
    {
    }
}
