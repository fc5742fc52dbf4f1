using System.Buffers;
using System.Text;

namespace Mesh.Fuzz.Targets;

/// <summary>What the targets of HTTP/1 share: inputs made of the pieces messages are made of, and how a connection delivers them.</summary>
/// <remarks>The first byte of an input says how it is cut; the rest is what the other side sends.</remarks>
internal static class Http1Input
{
    /// <summary>Reads what it can and says whether it wants more.</summary>
    public delegate bool Step(ref ReadOnlySequence<byte> input);

    /// <summary>Puts pieces together at random, after a byte of plan.</summary>
    public static byte[] Build(Random random, string[] starts, string[] fields, string[] contents)
    {
        var text = new StringBuilder();
        text.Append((char)random.Next(256));
        for (int messages = random.Next(1, 4); messages > 0; messages--)
        {
            text.Append(starts[random.Next(starts.Length)]);
            for (int count = random.Next(5); count > 0; count--)
            {
                text.Append(fields[random.Next(fields.Length)]);
            }

            text.Append("\r\n").Append(contents[random.Next(contents.Length)]);
        }

        return Encoding.Latin1.GetBytes(text.ToString());
    }

    /// <summary>Delivers bytes in pieces of random size, in segments of random size, as a pipe would: what was not taken comes again.</summary>
    public static void Deliver(byte[] bytes, Random random, Step step)
    {
        int consumed = 0;
        int available = 0;
        bool wantsMore = true;
        while (wantsMore && available < bytes.Length)
        {
            available = Math.Min(bytes.Length, available + random.Next(1, random.Next(2) == 0 ? 4 : 200));
            ReadOnlySequence<byte> sequence = Cut(bytes.AsMemory(consumed, available - consumed), random);
            wantsMore = step(ref sequence);
            consumed = available - (int)sequence.Length;
        }
    }

    private static ReadOnlySequence<byte> Cut(ReadOnlyMemory<byte> bytes, Random random)
    {
        var first = new Segment(ReadOnlyMemory<byte>.Empty, 0);
        Segment last = first;
        while (!bytes.IsEmpty)
        {
            int length = Math.Min(bytes.Length, random.Next(0, random.Next(2) == 0 ? 4 : 200));
            last = last.Append(bytes[..length]);
            bytes = bytes[length..];
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
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
