using System.Buffers.Text;
using System.Net;
using System.Text.Unicode;

namespace Mesh.Node.Protocols.Hbone;

/// <summary>Writes text piece by piece and reports once, at the end, whether it fitted.</summary>
internal ref struct Utf8Writer(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;
    private int _written;
    private bool _overflowed;

    public void Write(scoped ReadOnlySpan<byte> text)
    {
        if (_overflowed || !text.TryCopyTo(_destination[_written..]))
        {
            _overflowed = true;
            return;
        }

        _written += text.Length;
    }

    public void Write(scoped ReadOnlySpan<char> text)
    {
        if (_overflowed
            || Utf8.FromUtf16(text, _destination[_written..], out _, out int bytes) != System.Buffers.OperationStatus.Done)
        {
            _overflowed = true;
            return;
        }

        _written += bytes;
    }

    public void Write(int number)
    {
        if (_overflowed || !Utf8Formatter.TryFormat(number, _destination[_written..], out int bytes))
        {
            _overflowed = true;
            return;
        }

        _written += bytes;
    }

    public void Write(IPAddress address)
    {
        if (_overflowed || !address.TryFormat(_destination[_written..], out int bytes))
        {
            _overflowed = true;
            return;
        }

        _written += bytes;
    }

    /// <summary>Writes a number in lower-case hexadecimal, all digits.</summary>
    public void WriteHex(ulong number)
    {
        if (_overflowed || !Utf8Formatter.TryFormat(number, _destination[_written..], out int bytes, new('x', 16)))
        {
            _overflowed = true;
            return;
        }

        _written += bytes;
    }

    /// <summary>Writes a value of W3C baggage: what is not a baggage-octet, and the percent sign, is percent-encoded.</summary>
    public void WritePercentEncoded(scoped ReadOnlySpan<char> text)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (System.Text.Rune rune in text.EnumerateRunes())
        {
            int length = rune.EncodeToUtf8(utf8);
            foreach (byte next in utf8[..length])
            {
                WriteEncoded(next);
            }
        }
    }

    public readonly bool TryFinish(out int bytesWritten)
    {
        bytesWritten = _overflowed ? 0 : _written;
        return !_overflowed;
    }

    private void WriteEncoded(byte next)
    {
        if (Baggage.IsValueByte(next))
        {
            Write([next]);
            return;
        }

        ReadOnlySpan<byte> digits = "0123456789ABCDEF"u8;
        Write([(byte)'%', digits[next >> 4], digits[next & 0xF]]);
    }
}
