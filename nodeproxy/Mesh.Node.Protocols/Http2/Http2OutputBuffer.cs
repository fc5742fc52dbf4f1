using System.Buffers;
using System.Diagnostics;

namespace Mesh.Node.Protocols.Http2;

/// <summary>What a connection has to send: whole frames, one after the other, in one pooled array. Owned by the connection.</summary>
/// <remarks>
/// Holds an array only while it holds bytes. Writers reserve room at the end, fill it and commit; the transport takes from the
/// front. Invariant O: at most one reservation is open, and nothing else is written while it is.
/// </remarks>
public sealed class Http2OutputBuffer
{
    private const int ArrayBytesMin = 16_384;

    private byte[] _array = [];
    private int _start;
    private int _end;
    private int _reservedBytes;

    internal Http2OutputBuffer(int highWaterBytes) => HighWaterBytes = highWaterBytes;

    /// <summary>From this many unsent bytes on, no DATA is added.</summary>
    public int HighWaterBytes { get; }

    /// <summary>Bytes to send. Valid until the connection is called again, except <see cref="Advance"/> itself.</summary>
    public ReadOnlySpan<byte> Unsent => _array.AsSpan(_start, _end - _start);

    /// <summary>True when there is nothing to send.</summary>
    public bool IsEmpty => _start == _end;

    /// <summary>True when the transport is behind: readers that feed this connection should pause.</summary>
    public bool IsAboveHighWater => _end - _start >= HighWaterBytes;

    /// <summary>How many bytes wait to be sent.</summary>
    public int UnsentBytes => _end - _start;

    /// <summary>Takes sent bytes off the front.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than there are.</exception>
    /// <exception cref="InvalidOperationException">A reservation is open.</exception>
    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _end - _start);
        ThrowIfReserved();
        _start += bytes;
        if (_start == _end)
        {
            Release();
        }
    }

    /// <summary>Room for <paramref name="bytes"/> at the end, to be committed before anything else is written.</summary>
    internal Span<byte> Reserve(int bytes)
    {
        ThrowIfReserved();
        if (_array.Length - _end < bytes)
        {
            MakeRoom(bytes);
        }

        _reservedBytes = bytes;
        return _array.AsSpan(_end, bytes);
    }

    /// <summary>Adds the first <paramref name="bytes"/> of the reservation and ends it; zero cancels it.</summary>
    internal void Commit(int bytes)
    {
        Debug.Assert(bytes <= _reservedBytes, "Only reserved room can be committed.");
        _end += bytes;
        _reservedBytes = 0;
        if (_start == _end)
        {
            Release();
        }
    }

    /// <summary>The open reservation, as <see cref="Reserve"/> returned it.</summary>
    internal Span<byte> Reserved => _array.AsSpan(_end, _reservedBytes);

    /// <summary>Drops everything: the transport is gone.</summary>
    internal void Discard()
    {
        _reservedBytes = 0;
        Release();
    }

    private void MakeRoom(int bytes)
    {
        int unsent = _end - _start;
        if (_array.Length - unsent >= bytes && unsent <= _array.Length / 2)
        {
            Buffer.BlockCopy(_array, _start, _array, 0, unsent);
        }
        else
        {
            // Twice what is unsent, so that the next move to the front comes only after as many bytes have gone.
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(ArrayBytesMin, (2 * unsent) + bytes));
            Buffer.BlockCopy(_array, _start, larger, 0, unsent);
            ReturnArray();
            _array = larger;
        }

        _start = 0;
        _end = unsent;
    }

    private void Release()
    {
        ReturnArray();
        _array = [];
        _start = 0;
        _end = 0;
    }

    private void ReturnArray()
    {
        if (_array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_array);
        }
    }

    private void ThrowIfReserved()
    {
        if (_reservedBytes != 0)
        {
            throw new InvalidOperationException("DATA is reserved and must be committed first.");
        }
    }
}
