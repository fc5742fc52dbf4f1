using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Messages;

namespace Mesh.Node.Protocols.Http2;

/// <summary>What an <see cref="Http2Connection"/> tells its owner. Called on the thread that called the connection, never nested.</summary>
/// <remarks>
/// A handler may call every member of the connection except <see cref="Http2Connection.Receive"/> from inside a call.
/// Calls do not nest: what such a member causes (a closed stream, say) is told after the current call has returned.
/// A handler must not throw. Spans and header lists are valid until the call returns.
/// </remarks>
public interface IHttp2Handler
{
    /// <summary>
    /// A complete header block: a request, a response, an informational response or trailers (<see cref="Http2Stream.LastBlock"/>).
    /// </summary>
    void OnHeaders(Http2Stream stream, HeaderList headers, bool endStream);

    /// <summary>
    /// A request was malformed or its header list too large: the engine answered 400 or 431, and no stream came of it.
    /// Of a list that is too large the headers are those that had room.
    /// </summary>
    void OnRequestRefused(int streamId, HeaderVerdict verdict, HeaderList headers)
    {
    }

    /// <summary>
    /// The peer asked for a stream beyond <see cref="Http2ConnectionOptions.PeerStreamsMax"/>: the engine refused it with REFUSED_STREAM,
    /// and no stream came of it. What it asked for was not judged.
    /// </summary>
    void OnStreamRefused(int streamId, HeaderList headers)
    {
    }

    /// <summary>
    /// Bytes of a DATA frame, as they arrive: a frame may come in several calls and may be empty when it only ends the stream.
    /// </summary>
    void OnData(Http2Stream stream, ReadOnlySpan<byte> data, bool endStream);

    /// <summary>
    /// The stream was reset by the peer, or by the engine for an error of the peer or the end of the connection.
    /// Not called for <see cref="Http2Connection.ResetStream"/>. <see cref="OnStreamClosed"/> follows.
    /// </summary>
    void OnStreamReset(Http2Stream stream, Http2ErrorCode code, bool byPeer);

    /// <summary>A send window that was closed is open. Null: the connection's window, or the windows of many streams at once.</summary>
    void OnSendWindowOpened(Http2Stream? stream);

    /// <summary>The peer takes no new streams. Streams it will not serve have been reset with REFUSED_STREAM before this call.</summary>
    void OnGoAway(int lastStreamId, Http2ErrorCode code);

    /// <summary>The answer to <see cref="Http2Connection.SendPing"/>.</summary>
    void OnPingAck(ulong opaque);

    /// <summary>The peer's settings changed, so more or fewer streams may be possible.</summary>
    void OnSettingsChanged();

    /// <summary>The last call for a stream. After it the object belongs to another stream: drop every reference.</summary>
    void OnStreamClosed(Http2Stream stream);
}
