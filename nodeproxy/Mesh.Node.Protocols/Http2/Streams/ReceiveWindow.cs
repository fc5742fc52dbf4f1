using System.Diagnostics;

namespace Mesh.Node.Protocols.Http2.Streams;

/// <summary>
/// How many payload bytes the peer may still send, on one stream or on the connection, and what we owe it (RFC 9113 §6.9).
/// </summary>
/// <remarks>
/// Invariant R: what the peer may send + what was received and not returned + what was returned and not yet announced =
/// <see cref="SizeBytes"/>. Written by: the owner of the connection. A mutable struct: keep it in a field that is not readonly.
/// </remarks>
internal struct ReceiveWindow(int sizeBytes)
{
    private int _returnedBytes;

    /// <summary>The window we promise when nothing is outstanding.</summary>
    public int SizeBytes { get; private set; } = sizeBytes;

    /// <summary>What the peer may still send.</summary>
    public int AvailableBytes { get; private set; } = sizeBytes;

    /// <summary>What was received and not yet returned.</summary>
    public readonly int HeldBytes => SizeBytes - AvailableBytes - _returnedBytes;

    /// <summary>Takes what the peer sent.</summary>
    /// <returns>False when the peer sent more than it may.</returns>
    public bool TryTake(int bytes)
    {
        if (bytes > AvailableBytes)
        {
            return false;
        }

        AvailableBytes -= bytes;
        return true;
    }

    /// <summary>Gives back what was delivered. It is announced later, in one WINDOW_UPDATE with others.</summary>
    public void Return(int bytes)
    {
        Debug.Assert(bytes >= 0 && bytes <= HeldBytes, "Only what was received can be returned.");
        _returnedBytes += bytes;
    }

    /// <summary>True when what was returned is worth a frame: half the window.</summary>
    public readonly bool IsUpdateDue => _returnedBytes >= SizeBytes / 2;

    /// <summary>Announces what was returned, growing the window to <paramref name="sizeBytes"/> at the same time.</summary>
    /// <returns>The increment of the WINDOW_UPDATE to send.</returns>
    public int Announce(int sizeBytes)
    {
        Debug.Assert(sizeBytes >= SizeBytes, "A window that was promised cannot be taken back.");
        int incrementBytes = _returnedBytes + (sizeBytes - SizeBytes);
        SizeBytes = sizeBytes;
        AvailableBytes += incrementBytes;
        _returnedBytes = 0;
        return incrementBytes;
    }
}
