using System.Buffers;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Node.Protocols.Tests.Http1;

/// <summary>Gives the same bytes to a reader in every way a connection could: whole, cut in two anywhere, byte by byte, in small segments.</summary>
internal static class SegmentedInput
{
    public delegate Http1ReadStatus Step(ref ReadOnlySequence<byte> input);

    /// <summary>Reads the input in every way and demands that all of them end alike.</summary>
    /// <param name="input">The bytes.</param>
    /// <param name="begin">Makes a new reader: a step to call, and what to say of it in the end.</param>
    /// <returns>What was said.</returns>
    public static string ReadEveryWay(byte[] input, Func<(Step Step, Func<Http1ReadStatus, int, string> Tell)> begin)
    {
        int[] byByte = [.. Enumerable.Range(0, input.Length + 1)];
        string expected = Read(input, [input.Length], int.MaxValue, begin);
        Assert.Equal(expected, Read(input, [input.Length], 1, begin));
        Assert.Equal(expected, Read(input, [input.Length], 7, begin));
        Assert.Equal(expected, Read(input, byByte, int.MaxValue, begin));
        Assert.Equal(expected, Read(input, byByte, 1, begin));
        Assert.Equal(expected, Read(input, byByte, 3, begin));
        for (int cut = 0; cut <= input.Length; cut++)
        {
            Assert.Equal(expected, Read(input, [cut, input.Length], int.MaxValue, begin));
        }

        return expected;
    }

    /// <summary>The bytes in segments of one size, the last one shorter; an empty segment first when they are small.</summary>
    public static ReadOnlySequence<byte> Of(ReadOnlyMemory<byte> bytes, int segmentBytes)
    {
        if (bytes.Length <= segmentBytes)
        {
            return new ReadOnlySequence<byte>(bytes);
        }

        var first = new Segment(ReadOnlyMemory<byte>.Empty, 0);
        Segment last = first;
        for (int at = 0; at < bytes.Length; at += segmentBytes)
        {
            last = last.Append(bytes.Slice(at, Math.Min(segmentBytes, bytes.Length - at)));
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private static string Read(
        byte[] input, int[] arrivals, int segmentBytes, Func<(Step Step, Func<Http1ReadStatus, int, string> Tell)> begin)
    {
        (Step step, Func<Http1ReadStatus, int, string> tell) = begin();
        int consumed = 0;
        Http1ReadStatus status = Http1ReadStatus.NeedMore;
        foreach (int available in arrivals.Where(available => available >= 0))
        {
            if (available < consumed)
            {
                continue;
            }

            ReadOnlySequence<byte> sequence = Of(input.AsMemory(consumed, available - consumed), segmentBytes);
            status = step(ref sequence);
            consumed = available - (int)sequence.Length;
            if (status != Http1ReadStatus.NeedMore)
            {
                break;
            }
        }

        return tell(status, consumed);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long runningIndex)
        {
            Memory = memory;
            RunningIndex = runningIndex;
        }

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
