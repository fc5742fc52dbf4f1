namespace Mesh.Node.Transport.Channels;

/// <summary>Whoever drives a channel. All calls come on the loop thread.</summary>
/// <remarks>
/// Edges, not levels: an event comes once after the matching call returned <see cref="IoStatus.WouldBlock"/> (and may come without).
/// A new driver starts by trying, because an edge that arrived before it took over is not repeated.
/// A driver that closes the channel inside a call gets no further ones.
/// </remarks>
public interface IChannelEvents
{
    /// <summary>A read may succeed.</summary>
    void OnReadable();

    /// <summary>A write may succeed.</summary>
    void OnWritable();

    /// <summary>
    /// The kernel reports an error (a reset, a time-out): told at once, so that a driver that is not reading learns it too.
    /// </summary>
    void OnFault();
}
