using System.Buffers;
using System.Diagnostics;

namespace Mesh.Node.Protocols.Http1;

/// <summary>Takes lines that end in CR LF off the input, each once and whole, however the input is cut. Never throws for input.</summary>
/// <remarks>
/// A byte that was searched for the end of a line is not searched again, so input that arrives byte by byte costs no more than its length.
/// Only a line across the segments of the input is copied to be whole.
/// </remarks>
public abstract class Http1LineReader
{
    private int _scannedBytes;

    /// <summary>Why the message was refused; <see cref="Http1Refusal.None"/> until then.</summary>
    public Http1Refusal Refusal { get; private set; }

    /// <summary>True when nothing of a line that is not complete was seen.</summary>
    protected bool IsBetweenLines => _scannedBytes == 0;

    /// <summary>The longest line that is acceptable next, without its CR LF. Kept by the readers from line to line.</summary>
    private protected int LineBytesMax { get; set; }

    /// <summary>What a longer line is refused as.</summary>
    private protected abstract Http1Refusal TooLong { get; }

    /// <summary>Takes lines until one completes what is read.</summary>
    /// <param name="input">Advanced past what was taken.</param>
    private protected Http1ReadStatus ReadLines(ref ReadOnlySequence<byte> input)
    {
        if (Refusal != Http1Refusal.None)
        {
            return Http1ReadStatus.Refused;
        }

        while (true)
        {
            // Asked before the slice, which may leave exactly the last segment, unread.
            bool isAll = input.IsSingleSegment;
            Http1ReadStatus status = ReadFirstSpan(input.FirstSpan, out int consumedBytes);
            input = input.Slice(consumedBytes);
            if (status != Http1ReadStatus.NeedMore || isAll)
            {
                return status;
            }

            status = ReadAcrossSegments(ref input);
            if (status != Http1ReadStatus.Content)
            {
                return status;
            }
        }
    }

    /// <summary>Takes a line, without its CR LF.</summary>
    /// <returns><see cref="Http1ReadStatus.NeedMore"/> for another line.</returns>
    private protected abstract Http1ReadStatus OnLine(ReadOnlySpan<byte> line);

    private protected Http1ReadStatus Refuse(Http1Refusal refusal)
    {
        Debug.Assert(refusal != Http1Refusal.None, "A refusal has a reason.");
        Refusal = refusal;
        return Http1ReadStatus.Refused;
    }

    /// <summary>Forgets the message and its refusal: the input begins anew.</summary>
    private protected void ResetLines()
    {
        _scannedBytes = 0;
        Refusal = Http1Refusal.None;
    }

    private Http1ReadStatus ReadFirstSpan(ReadOnlySpan<byte> span, out int consumedBytes)
    {
        consumedBytes = 0;
        while (true)
        {
            ReadOnlySpan<byte> rest = span[consumedBytes..];
            if (rest.Length < _scannedBytes)
            {
                // The line began in this segment and was searched beyond it.
                return Http1ReadStatus.NeedMore;
            }

            int found = rest[_scannedBytes..].IndexOf((byte)'\n');
            if (found < 0)
            {
                _scannedBytes = rest.Length;
                return CheckLength(_scannedBytes);
            }

            int lineBytes = _scannedBytes + found;
            _scannedBytes = 0;
            consumedBytes += lineBytes + 1;
            Http1ReadStatus status = TakeLine(rest[..lineBytes]);
            if (status != Http1ReadStatus.NeedMore)
            {
                return status;
            }
        }
    }

    /// <summary>Takes the one line that begins in the first segment and ends in another.</summary>
    /// <returns><see cref="Http1ReadStatus.Content"/> when there may be further lines.</returns>
    private Http1ReadStatus ReadAcrossSegments(ref ReadOnlySequence<byte> input)
    {
        SequencePosition? end = input.Slice(_scannedBytes).PositionOf((byte)'\n');
        if (end is null)
        {
            _scannedBytes = (int)Math.Min(input.Length, int.MaxValue);
            return CheckLength(_scannedBytes);
        }

        ReadOnlySequence<byte> line = input.Slice(0, end.Value);
        input = input.Slice(input.GetPosition(1, end.Value));
        _scannedBytes = 0;
        int lineBytes = (int)Math.Min(line.Length, int.MaxValue);
        Http1ReadStatus status = CheckLength(lineBytes);
        if (status == Http1ReadStatus.NeedMore)
        {
            byte[] whole = ArrayPool<byte>.Shared.Rent(lineBytes);
            line.CopyTo(whole);
            status = TakeLine(whole.AsSpan(0, lineBytes));
            ArrayPool<byte>.Shared.Return(whole);
        }

        return status == Http1ReadStatus.NeedMore ? Http1ReadStatus.Content : status;
    }

    /// <param name="line">With its CR, without its LF.</param>
    private Http1ReadStatus TakeLine(ReadOnlySpan<byte> line)
    {
        if (CheckLength(line.Length) == Http1ReadStatus.Refused)
        {
            return Http1ReadStatus.Refused;
        }

        return line.IsEmpty || line[^1] != (byte)'\r' ? Refuse(Http1Refusal.BareLineFeed) : OnLine(line[..^1]);
    }

    /// <param name="bytes">What is there of a line before its LF: one more than the limit, if the last of them is its CR.</param>
    private Http1ReadStatus CheckLength(int bytes) => bytes > LineBytesMax + 1 ? Refuse(TooLong) : Http1ReadStatus.NeedMore;
}
