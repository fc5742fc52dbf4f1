using System.Buffers;
using System.Diagnostics;

namespace Mesh.Interop.OpenSsl;

/// <summary>
/// Ciphertext on its way to the transport, in order: records that leave together, and what the transport did not take. Rented when there
/// is some and returned when it is gone, so an idle session holds nothing. Mutable struct, owned by one session.
/// </summary>
internal struct PendingOutput
{
    /// <summary>
    /// A whole record (16 KiB and up to 261 bytes around it), and as much again for the handshake messages or the alert that may come
    /// behind it.
    /// </summary>
    private const int BytesMin = 32 * 1024;

    /// <summary>The records that leave together, and what may come behind them. Beyond that OpenSSL is told to wait.</summary>
    private const int BytesMax = (TlsSession.GatheredRecordsMax * TlsSession.RecordOnWireBytesMax) + BytesMin;

    private byte[]? _buffer;
    private int _start;
    private int _end;

    internal readonly bool IsEmpty => _start == _end;

    internal readonly ReadOnlySpan<byte> Unsent => _buffer.AsSpan(_start, _end - _start);

    /// <summary>Keeps a copy of all of <paramref name="bytes"/>, or none of it.</summary>
    /// <param name="bytes">What OpenSSL wants sent.</param>
    /// <param name="isFirstOfMany">More records come right behind: room is made for all of them at once.</param>
    internal bool TryKeep(ReadOnlySpan<byte> bytes, bool isFirstOfMany)
    {
        int kept = _end - _start;
        if (bytes.Length > BytesMax - kept)
        {
            return false;
        }

        if (_buffer is null || bytes.Length > _buffer.Length - _end)
        {
            MakeRoom(isFirstOfMany || bytes.Length > BytesMin - kept ? BytesMax : BytesMin);
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

    /// <summary>Moves what is kept to the front of an array of at least so many bytes.</summary>
    private void MakeRoom(int bytes)
    {
        byte[]? before = _buffer;
        ReadOnlySpan<byte> kept = Unsent;
        if (before is null || before.Length < bytes)
        {
            _buffer = ArrayPool<byte>.Shared.Rent(bytes);
        }

        kept.CopyTo(_buffer);
        _start = 0;
        _end = kept.Length;
        if (before is not null && before != _buffer)
        {
            ArrayPool<byte>.Shared.Return(before);
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
