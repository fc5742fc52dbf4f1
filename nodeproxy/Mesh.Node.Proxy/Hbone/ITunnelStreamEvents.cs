using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>Whoever drives one stream of a tunnel. All calls come on the tunnel's loop.</summary>
internal interface ITunnelStreamEvents
{
    /// <summary>The response to our CONNECT; only on the side that opened the stream.</summary>
    void OnResponse(HeaderList headers, bool endStream);

    /// <summary>
    /// Bytes of the carried connection; valid during the call. The receiver returns their credit with <see cref="TunnelStream.Consumed"/>.
    /// </summary>
    void OnData(ReadOnlySpan<byte> data, bool endStream);

    /// <summary>More may be sent: a window opened or the tunnel's output drained.</summary>
    void OnSendable();

    /// <summary>The stream is gone before both directions ended: reset by the peer, or lost with its tunnel. Last call.</summary>
    void OnAborted(TunnelAbort abort);

    /// <summary>Both directions have ended in order. Last call.</summary>
    void OnFinished();
}

/// <summary>Why a stream ended early.</summary>
/// <param name="IsTunnelLost">The tunnel under it is gone, rather than this stream alone.</param>
/// <param name="Code">The peer's RST_STREAM code; meaningless when the tunnel was lost.</param>
/// <param name="IsUnsent">
/// The tunnel was lost, not ended by us, before anything of the stream can have reached the peer: it may be tried anew.
/// </param>
internal readonly record struct TunnelAbort(bool IsTunnelLost, Http2ErrorCode Code, bool IsUnsent = false);
