namespace Mesh.Node.Transport.EventLoops;

/// <summary>Bounds the TLS handshakes one loop has begun: they cost CPU and memory before the peer is known.</summary>
public sealed class HandshakeGate(int max)
{
    /// <summary>Handshakes begun and not ended. Written by the loop thread, read by any.</summary>
    public int Count { get; private set; }

    /// <summary>Takes a place; false when all are taken and the caller must leave the connection in the listener's queue.</summary>
    public bool TryEnter()
    {
        if (Count >= max)
        {
            return false;
        }

        Count++;
        return true;
    }

    /// <summary>Gives the place back, however the handshake ended.</summary>
    /// <returns>Whether all places had been taken: listeners that were told to wait may go on.</returns>
    public bool Leave() => Count-- == max;

    /// <summary>Whether a further handshake may begin.</summary>
    public bool HasRoom => Count < max;
}
