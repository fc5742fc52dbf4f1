using System.Buffers.Binary;

namespace Mesh.Node.Protocols.Hbone;

/// <summary>The traceparent header (W3C Trace Context §3.2). Immutable. Randomness is the caller's.</summary>
/// <param name="TraceIdHigh">Upper half of the trace id.</param>
/// <param name="TraceIdLow">Lower half of the trace id; both halves zero is invalid.</param>
/// <param name="SpanId">The parent id; zero is invalid.</param>
/// <param name="Flags">Bit 0: sampled.</param>
public readonly record struct TraceParent(ulong TraceIdHigh, ulong TraceIdLow, ulong SpanId, byte Flags)
{
    /// <summary>Length of a value of version 00.</summary>
    public const int SizeBytes = 55;

    /// <summary>The longest value of a later version that is read.</summary>
    private const int BytesMax = 256;

    /// <summary>Builds a value from 24 random bytes; the zeros that would be invalid are replaced.</summary>
    public static TraceParent FromRandom(ReadOnlySpan<byte> random, byte flags = 0)
    {
        ulong low = BinaryPrimitives.ReadUInt64BigEndian(random[8..]);
        ulong span = BinaryPrimitives.ReadUInt64BigEndian(random[16..]);
        return new TraceParent(BinaryPrimitives.ReadUInt64BigEndian(random), low == 0 ? 1 : low, span == 0 ? 1 : span, flags);
    }

    /// <summary>Reads a value: lower-case hexadecimal, no zero ids, version ff refused, later versions read as far as 00 goes.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out TraceParent traceParent)
    {
        traceParent = default;
        if (text.Length is < SizeBytes or > BytesMax
            || text[2] != (byte)'-' || text[35] != (byte)'-' || text[52] != (byte)'-'
            || !TryReadHex(text[..2], out ulong version)
            || !TryReadHex(text.Slice(3, 16), out ulong high) || !TryReadHex(text.Slice(19, 16), out ulong low)
            || !TryReadHex(text.Slice(36, 16), out ulong span) || !TryReadHex(text.Slice(53, 2), out ulong flags))
        {
            return false;
        }

        bool isLengthWrong = version == 0 ? text.Length != SizeBytes : text.Length > SizeBytes && text[SizeBytes] != (byte)'-';
        if (isLengthWrong || version == 0xFF || (high | low) == 0 || span == 0)
        {
            return false;
        }

        traceParent = new TraceParent(high, low, span, (byte)flags);
        return true;
    }

    /// <summary>Writes a value of version 00, <see cref="SizeBytes"/> long.</summary>
    public bool TryFormat(Span<byte> destination, out int bytesWritten)
    {
        var writer = new Utf8Writer(destination);
        writer.Write("00-"u8);
        writer.WriteHex(TraceIdHigh);
        writer.WriteHex(TraceIdLow);
        writer.Write("-"u8);
        writer.WriteHex(SpanId);
        writer.Write("-"u8);
        ReadOnlySpan<byte> digits = "0123456789abcdef"u8;
        writer.Write([digits[Flags >> 4], digits[Flags & 0xF]]);
        return writer.TryFinish(out bytesWritten);
    }

    private static bool TryReadHex(ReadOnlySpan<byte> text, out ulong value)
    {
        value = 0;
        foreach (byte digit in text)
        {
            if (digit is >= (byte)'0' and <= (byte)'9')
            {
                value = (value << 4) | (uint)(digit - '0');
            }
            else if (digit is >= (byte)'a' and <= (byte)'f')
            {
                value = (value << 4) | (uint)(digit - 'a' + 10);
            }
            else
            {
                return false;
            }
        }

        return true;
    }
}
