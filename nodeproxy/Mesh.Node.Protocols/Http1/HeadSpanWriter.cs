using System.Buffers.Text;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Protocols.Http1;

/// <summary>
/// Writes the parts of a head into room that was measured to hold them. A part that may not stand in a head is remembered.
/// </summary>
internal ref struct HeadSpanWriter(Span<byte> room)
{
    private readonly Span<byte> _room = room;

    /// <summary>False once a field could not be written: then nothing of the head may be sent.</summary>
    public bool IsGood { get; private set; } = true;

    /// <summary>How much was written.</summary>
    public int Bytes { get; private set; }

    public void Write(scoped ReadOnlySpan<byte> text)
    {
        text.CopyTo(_room[Bytes..]);
        Bytes += text.Length;
    }

    public void Write(long number)
    {
        Utf8Formatter.TryFormat(number, _room[Bytes..], out int bytes);
        Bytes += bytes;
    }

    /// <summary>Writes a field, or refuses it: by construction no value ends its line and no name holds a colon.</summary>
    public void WriteField(scoped ReadOnlySpan<byte> name, scoped ReadOnlySpan<byte> value)
    {
        if (!FieldRules.IsLowerToken(name) || !FieldRules.IsValue(value))
        {
            IsGood = false;
            return;
        }

        Span<byte> rest = _room[Bytes..];
        name.CopyTo(rest);
        rest[name.Length] = (byte)':';
        rest[name.Length + 1] = (byte)' ';
        value.CopyTo(rest[(name.Length + 2)..]);
        rest[name.Length + value.Length + 2] = (byte)'\r';
        rest[name.Length + value.Length + 3] = (byte)'\n';
        Bytes += name.Length + value.Length + 4;
    }

    /// <summary>Writes the fields of a message, without those that its head's properties stand for.</summary>
    public void WriteFields(HeaderList fields)
    {
        for (int i = 0; i < fields.Count; i++)
        {
            HeaderField field = fields[i];
            if (!HeadProperties.Contains(field.Name))
            {
                WriteField(field.Name, field.Value);
            }
        }
    }

    /// <summary>Writes a field with a number.</summary>
    public void WriteContentLength(long bytes)
    {
        Write("content-length: "u8);
        Write(bytes);
        Write("\r\n"u8);
    }

    public void WriteChunked() => Write("transfer-encoding: chunked\r\n"u8);
}
