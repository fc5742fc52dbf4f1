using System.Buffers;
using System.Diagnostics;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// Ciphertext the transport did not take, in order. Rented when there is some and returned when it is gone, so an idle session holds
/// nothing. Mutable struct, owned by one session.
/// </summary>
internal struct PendingOutput
{
    /// <summary>
    /// A whole record (16 KiB and up to 261 bytes around it), and as much again for the handshake messages or the alert that may come
    /// behind it. Beyond that OpenSSL is told to wait.
    /// </summary>
    internal const int BytesMax = 32 * 1024;

    private byte[]? _buffer;
    private int _start;
    private int _end;

    internal readonly bool IsEmpty => _start == _end;

    internal readonly ReadOnlySpan<byte> Unsent => _buffer.AsSpan(_start, _end - _start);

    /// <summary>Keeps a copy of all of <paramref name="bytes"/>, or none of it.</summary>
    internal bool TryKeep(ReadOnlySpan<byte> bytes)
    {
        int kept = _end - _start;
        if (bytes.Length > BytesMax - kept)
        {
            return false;
        }

        _buffer ??= ArrayPool<byte>.Shared.Rent(BytesMax);
        if (bytes.Length > BytesMax - _end)
        {
            _buffer.AsSpan(_start, kept).CopyTo(_buffer);
            _start = 0;
            _end = kept;
        }

        bytes.CopyTo(_buffer.AsSpan(_end));
        _end += bytes.Length;
        return true;
    }

    /// <summary>Forgets what the transport has taken.</summary>
    internal void Advance(int bytes)
    {
        Debug.Assert(bytes > 0 && bytes <= _end - _start, "The transport cannot take more than it was offered.");
        _start += bytes;
        if (IsEmpty)
        {
            Release();
        }
    }

    /// <summary>Drops everything.</summary>
    internal void Release()
    {
        byte[]? buffer = _buffer;
        this = default;
        if (buffer is not null)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
