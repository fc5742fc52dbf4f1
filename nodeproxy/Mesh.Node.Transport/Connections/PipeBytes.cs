using System.Buffers;
using System.Diagnostics;

namespace Mesh.Node.Transport.Connections;

/// <summary>
/// What is in a <see cref="LoopPipe"/>, in order: what the reader has not consumed, and what the writer has not flushed. Holds no block
/// while it is empty and nobody was given room to write into.
/// </summary>
internal sealed class PipeBytes(PipeBlockPool pool)
{
    private PipeBlock? _head;
    private PipeBlock? _tail;
    private PipeBlock? _flushed;
    private int _headOffset;
    private int _tailBytes;
    private int _flushedOffset;

    // Somebody may be writing into the last block: it must not be lent to anybody else.
    private bool _isRoomGiven;

    /// <summary>Bytes that were flushed and not consumed.</summary>
    public long Length { get; private set; }

    /// <summary>Bytes that were flushed and not examined: what the reader has not been shown, or has not looked at.</summary>
    public long UnexaminedBytes { get; private set; }

    /// <summary>Bytes written and not flushed.</summary>
    public long UnflushedBytes { get; private set; }

    /// <summary>What was flushed. Valid until something of it is consumed.</summary>
    public ReadOnlySequence<byte> Flushed =>
        Length == 0 ? default : new ReadOnlySequence<byte>(_head!, _headOffset, _flushed!, _flushedOffset);

    /// <summary>Room to write into: what is left of a block, or another one where that is less than asked for.</summary>
    public Memory<byte> Room(int bytesMin)
    {
        _isRoomGiven = true;
        if (_tail is null)
        {
            _head = _tail = _flushed = pool.Rent(bytesMin);
            _headOffset = _tailBytes = _flushedOffset = 0;
        }
        else if (_tail.Bytes.Length - _tailBytes < Math.Max(bytesMin, 1))
        {
            PipeBlock next = pool.Rent(bytesMin);
            _tail.Append(next, _tailBytes);
            _tail = next;
            _tailBytes = 0;
        }

        return _tail.Bytes.AsMemory(_tailBytes);
    }

    /// <summary>So many bytes were written into the room given last.</summary>
    /// <exception cref="ArgumentOutOfRangeException">There was not so much room.</exception>
    public void Wrote(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)bytes, (uint)((_tail?.Bytes.Length ?? 0) - _tailBytes), nameof(bytes));
        _tailBytes += bytes;
        UnflushedBytes += bytes;
        _isRoomGiven = false;
    }

    /// <summary>The room given last is not written into after all.</summary>
    public void TakeRoomBack()
    {
        _isRoomGiven = false;
        if (Length == 0 && UnflushedBytes == 0)
        {
            Clear();
        }
    }

    /// <summary>Gives the reader what was written.</summary>
    public void Flush()
    {
        _flushed = _tail;
        _flushedOffset = _tailBytes;
        Length += UnflushedBytes;
        UnexaminedBytes += UnflushedBytes;
        UnflushedBytes = 0;
    }

    /// <summary>Lets go of what was consumed, and remembers how far the reader has looked.</summary>
    public void Advance(SequencePosition consumed, SequencePosition examined)
    {
        if (Length == 0)
        {
            // There was nothing to be shown, and a block that is written into must not go.
            return;
        }

        long end = _flushed!.Start + _flushedOffset;
        long examinedTo = PositionOf(examined);
        long consumedTo = PositionOf(consumed);
        if (consumedTo > examinedTo || examinedTo > end || consumedTo < _head!.Start + _headOffset)
        {
            throw new InvalidOperationException("A reader advances within what it was shown, and consumes no more than it examined.");
        }

        UnexaminedBytes = end - examinedTo;
        Length = end - consumedTo;
        if (Length == 0 && UnflushedBytes == 0 && !_isRoomGiven)
        {
            Clear();
            return;
        }

        var block = (PipeBlock)consumed.GetObject()!;
        while (_head != block)
        {
            DropHead();
        }

        _headOffset = consumed.GetInteger();
        if (_head.Following is not null && _headOffset == _head.Memory.Length)
        {
            DropHead();
        }

        if (Length == 0)
        {
            _flushed = _head;
            _flushedOffset = _headOffset;
        }
    }

    /// <summary>Lets go of everything.</summary>
    public void Clear()
    {
        while (_head is not null)
        {
            DropHead();
        }

        _tail = _flushed = null;
        Length = UnexaminedBytes = UnflushedBytes = 0;
    }

    private static long PositionOf(SequencePosition position)
    {
        Debug.Assert(position.GetObject() is PipeBlock, "A position comes from what was read.");
        return ((PipeBlock)position.GetObject()!).Start + position.GetInteger();
    }

    private void DropHead()
    {
        PipeBlock dropped = _head!;
        _head = dropped.Following;
        _headOffset = 0;
        pool.Return(dropped);
    }
}
