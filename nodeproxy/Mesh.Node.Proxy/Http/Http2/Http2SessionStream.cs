using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Http.Content;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Http2;

/// <summary>One stream of a session, of either role: one request and its answer. Lives on the session's loop.</summary>
/// <remarks>
/// Life: handed to its owner by <see cref="IHttp2SessionOwner.OnStreamOpened"/> or <see cref="Http2Session.TryOpen"/>, used, and given
/// back by
/// <see cref="Release"/>; then it serves another. Once it has ended every member is harmless: writes go nowhere, reads say how it ended.
/// </remarks>
internal sealed class Http2SessionStream
{
    private readonly Http2Session _session;
    private Http2Stream? _stream;
    private bool _isReleased;

    internal Http2SessionStream(Http2Session session, EventLoop loop, BufferBudget? budget)
    {
        _session = session;
        Content = new Http2ContentReader(this, loop, budget);
        Writer = new Http2ContentWriter(this, loop);
    }

    /// <summary>The session it belongs to.</summary>
    public Http2Session Session => _session;

    /// <summary>What the peer sends.</summary>
    public Http2ContentReader Content { get; }

    /// <summary>
    /// Where our content goes, once a head was sent and <see cref="Http2ContentWriter.Begin"/> has said how it is framed.
    /// </summary>
    public Http2ContentWriter Writer { get; }

    /// <summary>Who is told what happens; null for nobody.</summary>
    public IHttp2StreamEvents? Events { get; set; }

    /// <summary>How it has ended; none while it has not.</summary>
    public Http2StreamEnd End { get; private set; }

    /// <summary>Whether it has neither been finished by both sides nor reset.</summary>
    public bool IsOpen => End.Kind == Http2StreamEndKind.None;

    /// <summary>Whether the response that came last is an informational one.</summary>
    public bool IsInformational => _stream?.LastBlock == HeaderBlockKind.Informational;

    /// <summary>Set while it waits in the session's queue for room in the output.</summary>
    internal bool IsQueuedForOutput { get; set; }

    /// <summary>Sends a response, an informational response or trailers.</summary>
    /// <param name="block">In the order and form HTTP/2 asks for.</param>
    /// <param name="endStream">Nothing follows. Never with an informational response.</param>
    /// <returns>False when the stream has ended.</returns>
    public bool TrySend(HeaderList block, bool endStream)
    {
        if (!IsOpen)
        {
            return false;
        }

        _session.SendHeaders(_stream!, block, endStream);
        return true;
    }

    /// <summary>Ends it both ways at once. Whoever waits for its content or for room is told; <see cref="Events"/> are not.</summary>
    public void Reset(Http2ErrorCode code)
    {
        if (IsOpen)
        {
            End = new Http2StreamEnd(Http2StreamEndKind.ResetByUs, code);
            _session.ResetStream(_stream!, code);
            Break(ContentStatus.Broken);
        }
    }

    /// <summary>Lets it go. Nobody may be waiting for its content or for room.</summary>
    /// <param name="code">What the peer is told where it has not finished; no error for an answer that did not need all of a
    /// request.</param>
    public void Release(Http2ErrorCode code)
    {
        Events = null;
        Reset(code);
        Content.Drop();
        _isReleased = true;
        RecycleIfOver();
    }

    internal void Attach(Http2Stream stream)
    {
        _stream = stream;
        _isReleased = false;
        End = default;
        Content.Begin();
        Writer.Reset();
    }

    internal Span<byte> Reserve(int bytesMax) => IsOpen ? _session.Reserve(this, _stream!, bytesMax) : default;

    internal void Commit(int bytes, bool endStream) => _session.Commit(_stream!, bytes, endStream);

    internal void CompleteSend()
    {
        if (IsOpen)
        {
            _session.CompleteSend(_stream!);
        }
    }

    internal void Consumed(int bytes)
    {
        if (IsOpen)
        {
            _session.Consumed(_stream!, bytes);
        }
    }

    internal void OnHeaders(HeaderList block, bool endStream)
    {
        if (!IsOpen)
        {
            return;
        }

        bool isHead = _stream!.LastBlock != HeaderBlockKind.Trailers;
        if (!isHead)
        {
            Content.Trailers.CopyFrom(block);
        }

        if (endStream)
        {
            Content.End();
        }

        if (isHead)
        {
            Events?.OnHead(block, endStream);
        }
    }

    internal void OnData(ReadOnlySpan<byte> data, bool endStream)
    {
        if (IsOpen && !Content.TryAdd(data, endStream))
        {
            ResetAs(new Http2StreamEnd(Http2StreamEndKind.BufferLimit, Http2ErrorCode.EnhanceYourCalm));
        }
    }

    /// <summary>What was held for its peer was not taken: whoever sends or waits is told.</summary>
    internal void EndStalled()
    {
        if (IsOpen)
        {
            ResetAs(new Http2StreamEnd(Http2StreamEndKind.Stalled, Http2ErrorCode.Cancel));
        }
    }

    internal void OnReset(Http2StreamEnd end)
    {
        if (!IsOpen)
        {
            return;
        }

        End = end;

        // Who cuts the exchange off comes first, so that whoever waits finds it cut.
        Events?.OnReset();
        Break(end.Kind == Http2StreamEndKind.Malformed ? ContentStatus.Refused : ContentStatus.Broken);
    }

    internal void OnClosed()
    {
        if (IsOpen)
        {
            End = new Http2StreamEnd(Http2StreamEndKind.Finished, Http2ErrorCode.NoError);
        }

        _stream = null;
        RecycleIfOver();
    }

    /// <summary>Ends it for a reason of its own, of which its owner is told as of a reset by the peer.</summary>
    private void ResetAs(Http2StreamEnd end)
    {
        Http2Stream stream = _stream!;
        OnReset(end);
        _session.ResetStream(stream, end.Code);
    }

    private void Break(ContentStatus status)
    {
        Writer.Break();
        Content.Break(status);

        // The last who waited may let the stream go, and then it may serve another at once: that one is told nothing by the second call.
        Writer.Wake();
        Content.Wake();
    }

    private void RecycleIfOver()
    {
        if (_isReleased && _stream is null)
        {
            _isReleased = false;
            _session.Recycle(this);
        }
    }
}
