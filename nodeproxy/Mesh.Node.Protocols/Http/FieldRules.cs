using System.Buffers;
using System.Text;

namespace Mesh.Node.Protocols.Http;

/// <summary>Which bytes may stand where in a message, of either version (RFC 9110 §5). Pure.</summary>
public static class FieldRules
{
    /// <summary>The longest content-length that is read: more digits overflow.</summary>
    private const int ContentLengthDigitsMax = 18;

    /// <summary>Bytes of a token (RFC 9110 §5.6.2).</summary>
    public static readonly SearchValues<byte> TokenBytes = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private static readonly SearchValues<byte> s_lowerTokenBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);

    // RFC 9110 §5.5 allows visible characters, space, tab and obs-text; everything else is a control character.
    private static readonly SearchValues<byte> s_valueBytesForbidden = SearchValues.Create(
    [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
        0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x7f,
    ]);

    /// <summary>True for a token, in any case.</summary>
    public static bool IsToken(ReadOnlySpan<byte> text) => !text.IsEmpty && !text.ContainsAnyExcept(TokenBytes);

    /// <summary>True for a token in lower case: the name of a field in a <see cref="HeaderList"/>.</summary>
    public static bool IsLowerToken(ReadOnlySpan<byte> text) => !text.IsEmpty && !text.ContainsAnyExcept(s_lowerTokenBytes);

    /// <summary>True when a value has no control character but tabs. It may be empty, or padded.</summary>
    public static bool IsValue(ReadOnlySpan<byte> value) => !value.ContainsAny(s_valueBytesForbidden);

    /// <summary>Optional whitespace: a space or a tab (RFC 9110 §5.6.3).</summary>
    public static bool IsWhitespace(byte next) => next is (byte)' ' or (byte)'\t';

    /// <summary>Takes spaces and tabs off both ends.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> value)
    {
        int start = 0;
        while (start < value.Length && IsWhitespace(value[start]))
        {
            start++;
        }

        int end = value.Length;
        while (end > start && IsWhitespace(value[end - 1]))
        {
            end--;
        }

        return value[start..end];
    }

    public static bool EqualsIgnoreCase(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => Ascii.EqualsIgnoreCase(left, right);

    /// <summary>Reads digits and nothing else.</summary>
    /// <returns>-1 when that is not what stands there.</returns>
    public static long ParseContentLength(ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty || value.Length > ContentLengthDigitsMax || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return -1;
        }

        long bytes = 0;
        foreach (byte digit in value)
        {
            bytes = (bytes * 10) + (digit - '0');
        }

        return bytes;
    }

    /// <summary>Reads a status of three digits, 100 to 999.</summary>
    /// <returns>Zero when it is not one.</returns>
    public static int ParseStatus(ReadOnlySpan<byte> value)
    {
        if (value.Length != 3 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9') || value[0] == (byte)'0')
        {
            return 0;
        }

        return ((value[0] - '0') * 100) + ((value[1] - '0') * 10) + (value[2] - '0');
    }

    /// <summary>Takes the next element off a comma-separated list, trimmed. Empty elements are elements.</summary>
    /// <param name="list">What is left of the list.</param>
    /// <param name="isAtEnd">False before the first call; true once there are no more.</param>
    public static ReadOnlySpan<byte> NextElement(ref ReadOnlySpan<byte> list, ref bool isAtEnd)
    {
        int comma = list.IndexOf((byte)',');
        ReadOnlySpan<byte> element = comma < 0 ? list : list[..comma];
        isAtEnd = comma < 0;
        list = comma < 0 ? default : list[(comma + 1)..];
        return Trim(element);
    }
}
