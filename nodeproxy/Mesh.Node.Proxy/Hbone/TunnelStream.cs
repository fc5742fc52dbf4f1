using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>One carried connection on a tunnel: what a relay reads from and writes to.</summary>
/// <remarks>
/// Runs on the tunnel's loop. After the last event the HTTP/2 stream goes back to its pool, so every member is then a no-op.
/// </remarks>
internal sealed class TunnelStream(TunnelConnection tunnel, ITunnelStreamEvents events)
{
    private Http2Stream? _stream;

    /// <summary>The tunnel that carries it.</summary>
    public TunnelConnection Tunnel => tunnel;

    /// <summary>Who is told; replaced when the relay takes over from the path that opened the stream.</summary>
    public ITunnelStreamEvents Events { get; set; } = events;

    /// <summary>Whether the stream can still be used.</summary>
    public bool IsAlive => _stream is not null;

    /// <summary>Set while the tunnel's output is full and this stream waits in its queue.</summary>
    internal bool IsQueuedForOutput { get; set; }

    /// <summary>How many bytes of the tunnel's output go before its first; 0 on a stream that the peer opened.</summary>
    internal long OutputBefore { get; set; }

    internal Http2Stream? Http2 => _stream;

    /// <summary>Sends response headers (server side).</summary>
    public void Respond(HeaderList headers, bool endStream)
    {
        if (_stream is not null)
        {
            tunnel.SendHeaders(_stream, headers, endStream);
        }
    }

    /// <summary>
    /// Room for up to <paramref name="bytesMax"/> bytes directly in the tunnel's output, empty when nothing may be sent now; then
    /// <see cref="ITunnelStreamEvents.OnSendable"/> follows. Commit, with 0 if nothing came, before anything else is done with the tunnel.
    /// </summary>
    public Span<byte> Reserve(int bytesMax) => _stream is null ? default : tunnel.Reserve(this, _stream, bytesMax);

    /// <summary>Sends what was written into the reserved room.</summary>
    public void Commit(int bytes, bool endStream)
    {
        if (_stream is not null)
        {
            tunnel.Commit(_stream, bytes, endStream);
        }
    }

    /// <summary>Ends our direction (END_STREAM).</summary>
    public void CompleteSend()
    {
        if (_stream is not null)
        {
            tunnel.CompleteSend(_stream);
        }
    }

    /// <summary>Returns credit for bytes that were delivered, which lets the peer send more.</summary>
    public void Consumed(int bytes)
    {
        if (_stream is not null)
        {
            tunnel.Consumed(_stream, bytes);
        }
    }

    /// <summary>Ends both directions at once; no further event follows.</summary>
    public void Reset(Http2ErrorCode code)
    {
        if (_stream is not null)
        {
            Http2Stream stream = _stream;
            Detach();
            tunnel.ResetStream(stream, code);
        }
    }

    internal void Attach(Http2Stream stream) => _stream = stream;

    internal void Detach() => _stream = null;
}
