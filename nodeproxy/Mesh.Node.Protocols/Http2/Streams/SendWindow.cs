namespace Mesh.Node.Protocols.Http2.Streams;

/// <summary>How many payload bytes we may still send, on one stream or on the connection (RFC 9113 §6.9).</summary>
/// <remarks>
/// Invariant W: never above 2 147 483 647 bytes; below zero only after <see cref="TryResize"/>.
/// Written by: the owner of the connection. A mutable struct: keep it in a field that is not readonly.
/// </remarks>
internal struct SendWindow(int bytes)
{
    /// <summary>Bytes left; zero or less is closed.</summary>
    public int Bytes { get; private set; } = bytes;

    /// <summary>Takes what is being sent; at most <see cref="Bytes"/>.</summary>
    public void Take(int bytes) => Bytes -= bytes;

    /// <summary>Grows the window after a WINDOW_UPDATE.</summary>
    /// <param name="incrementBytes">1 to 2 147 483 647. Zero is the peer's protocol error, refused before this call.</param>
    /// <returns>False when the sum would break invariant W; the window is then unchanged (RFC 9113 §6.9.1).</returns>
    public bool TryGrow(int incrementBytes)
    {
        long sum = (long)Bytes + incrementBytes;
        if (sum > int.MaxValue)
        {
            return false;
        }

        Bytes = (int)sum;
        return true;
    }

    /// <summary>Applies a changed SETTINGS_INITIAL_WINDOW_SIZE to a stream that is already open (RFC 9113 §6.9.2).</summary>
    /// <param name="differenceBytes">New value minus old value. May take the window below zero, which is no error.</param>
    /// <returns>False when the sum would break invariant W; the window is then unchanged.</returns>
    public bool TryResize(int differenceBytes) => TryGrow(differenceBytes);
}
