using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>Builds lines as UTF-8 in one buffer that is used again and again.</summary>
/// <remarks>
/// In text a value stands bare where it is a number, an address or a word of ours, and quoted with JSON's escapes where it comes from
/// elsewhere, so no value can start a line or a field of its own. Owned by: one thread.
/// </remarks>
internal sealed class LogLine
{
    private const int InitialBytes = 4 * 1024;

    /// <summary>Longest value of one field; the rest of it is cut. Characters.</summary>
    private const int ValueCharsMax = 1_024;

    private byte[] _buffer = new byte[InitialBytes];
    private bool _isJson;

    /// <summary>Bytes written since <see cref="Clear"/>.</summary>
    public int Length { get; private set; }

    /// <summary>What was written since <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, Length);

    /// <summary>Forgets what was written and keeps the buffer.</summary>
    public void Clear() => Length = 0;

    /// <summary>Starts a line.</summary>
    /// <param name="format">How this line is written.</param>
    /// <param name="unixMs">When.</param>
    /// <param name="level">A word of <see cref="LogLevelSwitch.Word"/>.</param>
    /// <param name="scope">Who speaks.</param>
    /// <param name="message">What; in text the fields follow it.</param>
    public void Begin(LogFormat format, long unixMs, string level, string scope, string message)
    {
        _isJson = format == LogFormat.Json;
        if (_isJson)
        {
            Raw("{\"time\":\""u8);
            Time(unixMs);
            Raw("\""u8);
            Text("level"u8, level);
            Text("scope"u8, scope);
            Text("message"u8, message);
        }
        else
        {
            Time(unixMs);
            Raw(" "u8);
            Bare(level);
            Raw(" "u8);
            Bare(scope);
            Raw(" "u8);
            Escaped(message);
        }
    }

    /// <summary>Starts a line whose fields have an order and names of their own; what stands around values is the caller's.</summary>
    /// <param name="format">Whether fields with names are JSON's.</param>
    public void BeginBare(LogFormat format) => _isJson = format == LogFormat.Json;

    /// <summary>Ends the line.</summary>
    public void End() => Raw(_isJson ? "}\n"u8 : "\n"u8);

    /// <summary>A value from elsewhere. Nothing is written for null.</summary>
    public void Text(ReadOnlySpan<byte> name, string? value)
    {
        if (value is not null)
        {
            Name(name);
            Raw("\""u8);
            Escaped(value);
            Raw("\""u8);
        }
    }

    /// <inheritdoc cref="Text(ReadOnlySpan{byte}, string?)"/>
    public void Text(string name, string? value)
    {
        if (value is not null)
        {
            Name(name);
            Raw("\""u8);
            Escaped(value);
            Raw("\""u8);
        }
    }

    /// <summary>A word of ours: bare in text.</summary>
    public void Word(ReadOnlySpan<byte> name, string value)
    {
        Name(name);
        Quote();
        Bare(value);
        Quote();
    }

    /// <summary>A number.</summary>
    public void Number(ReadOnlySpan<byte> name, long value)
    {
        Name(name);
        Format(value);
    }

    /// <summary>A duration, as <c>12ms</c>.</summary>
    public void Milliseconds(ReadOnlySpan<byte> name, long value)
    {
        Name(name);
        Raw("\""u8);
        Format(value);
        Raw("ms\""u8);
    }

    /// <summary>An address and port, or a host name and port. Nothing is written for null.</summary>
    public void EndPoint(ReadOnlySpan<byte> name, EndPoint? value)
    {
        switch (value)
        {
            case IPEndPoint address:
                Name(name);
                Quote();
                Value(address);
                Quote();
                break;
            case DnsEndPoint host:
                Name(name);
                Raw("\""u8);
                Escaped(host.Host);
                Raw(":"u8);
                Format(host.Port);
                Raw("\""u8);
                break;
        }
    }

    /// <summary>The name of a field whose value follows.</summary>
    public void Field(ReadOnlySpan<byte> name) => Name(name);

    /// <summary>A moment, alone.</summary>
    public void Moment(long unixMs) => Time(unixMs);

    /// <summary>A number, alone.</summary>
    public void Value(long value) => Format(value);

    /// <summary>An address and port, alone.</summary>
    public void Value(IPEndPoint address)
    {
        bool isV6 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6;
        Raw(isV6 ? "["u8 : ""u8);
        Format(address.Address);
        Raw(isV6 ? "]:"u8 : ":"u8);
        Format(address.Port);
    }

    /// <summary>A value from elsewhere, alone, escaped as between quotes.</summary>
    public void Value(string text) => Escaped(text);

    /// <summary>Bytes that a client chose, alone, escaped as between quotes; what is no UTF-8 is replaced.</summary>
    public void Value(ReadOnlySpan<byte> utf8)
    {
        // One byte that is no text becomes an escape of six.
        const int BytesPerByteMax = 6;
        JavaScriptEncoder.UnsafeRelaxedJsonEscaping.EncodeUtf8(utf8, Room(utf8.Length * BytesPerByteMax), out _, out int written);
        Length += written;
    }

    /// <summary>A value from elsewhere, alone and without quotes around it: its spaces become underscores.</summary>
    public void Token(string text)
    {
        int start = Length;
        Escaped(text);
        _buffer.AsSpan(start, Length - start).Replace((byte)' ', (byte)'_');
    }

    /// <summary>What somebody else built, or what stands between values.</summary>
    public void Bytes(ReadOnlySpan<byte> bytes) => Raw(bytes);

    private void Name(ReadOnlySpan<byte> name)
    {
        Raw(_isJson ? ",\""u8 : " "u8);
        Raw(name);
        Raw(_isJson ? "\":"u8 : "="u8);
    }

    private void Name(string name)
    {
        Raw(_isJson ? ",\""u8 : " "u8);
        Escaped(name);
        Raw(_isJson ? "\":"u8 : "="u8);
    }

    private void Quote() => Raw(_isJson ? "\""u8 : ""u8);

    private void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    private void Bare(string text)
    {
        Utf8.FromUtf16(text, Room(Encoding.UTF8.GetMaxByteCount(text.Length)), out _, out int written);
        Length += written;
    }

    private void Escaped(string text)
    {
        ReadOnlySpan<char> rest = text.Length > ValueCharsMax ? text.AsSpan(0, ValueCharsMax) : text;

        // The relaxed encoder escapes quotes, backslashes, control characters and what is no valid text, and leaves other scripts alone.
        const int BytesPerCharMax = 12;
        Span<char> escaped = stackalloc char[256];
        while (!rest.IsEmpty)
        {
            JavaScriptEncoder.UnsafeRelaxedJsonEscaping.Encode(rest, escaped, out int consumed, out int chars);
            Utf8.FromUtf16(escaped[..chars], Room(chars * BytesPerCharMax), out _, out int written);
            Length += written;
            rest = rest[consumed..];
        }
    }

    private void Time(long unixMs)
    {
        const int BytesMax = 32;
        DateTimeOffset.FromUnixTimeMilliseconds(unixMs).UtcDateTime.TryFormat(
            Room(BytesMax), out int written, "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        Length += written;
    }

    private void Format<T>(T value)
        where T : IUtf8SpanFormattable
    {
        const int BytesMax = 64;
        value.TryFormat(Room(BytesMax), out int written, default, CultureInfo.InvariantCulture);
        Length += written;
    }

    private Span<byte> Room(int bytes)
    {
        if (_buffer.Length - Length < bytes)
        {
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, Length + bytes));
        }

        return _buffer.AsSpan(Length);
    }
}
