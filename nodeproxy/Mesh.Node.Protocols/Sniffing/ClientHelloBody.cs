namespace Mesh.Node.Protocols.Sniffing;

/// <summary>Reads the content of a ClientHello (RFC 8446 §4.1.2). Pure.</summary>
internal static class ClientHelloBody
{
    private const int RandomBytes = 32;
    private const int SessionIdBytesMax = 32;
    private const byte VersionMajor = 3;
    private const byte NullCompression = 0;

    private const int ServerNameType = 0;
    private const int ProtocolsType = 16;

    /// <summary>More than any client sends, and few enough to look for each among those before it.</summary>
    private const int ExtensionsMax = 64;

    /// <summary>Reads all of it.</summary>
    /// <param name="body">The message without its header.</param>
    /// <param name="hello">What it says.</param>
    public static bool TryRead(ReadOnlySpan<byte> body, out ClientHello hello)
    {
        hello = default;
        TlsVectorReader reader = new(body);
        if (!reader.TryBytes(2, out ReadOnlySpan<byte> version)
            || version[0] != VersionMajor
            || !reader.TryBytes(RandomBytes, out _)
            || !reader.TryVector8(out ReadOnlySpan<byte> sessionId)
            || sessionId.Length > SessionIdBytesMax
            || !reader.TryVector16(out ReadOnlySpan<byte> cipherSuites)
            || cipherSuites.IsEmpty
            || cipherSuites.Length % 2 != 0
            || !reader.TryVector8(out ReadOnlySpan<byte> compressions)
            || !compressions.Contains(NullCompression))
        {
            return false;
        }

        // Clients older than extensions end here.
        if (reader.IsAtEnd)
        {
            return true;
        }

        return reader.TryVector16(out ReadOnlySpan<byte> extensions) && reader.IsAtEnd && TryReadExtensions(extensions, out hello);
    }

    private static bool TryReadExtensions(ReadOnlySpan<byte> extensions, out ClientHello hello)
    {
        hello = default;
        ReadOnlySpan<byte> serverName = default;
        ReadOnlySpan<byte> protocols = default;
        Span<int> types = stackalloc int[ExtensionsMax];
        int count = 0;
        TlsVectorReader reader = new(extensions);
        while (!reader.IsAtEnd)
        {
            if (count == ExtensionsMax
                || !reader.TryUInt16(out int type)
                || types[..count].Contains(type)
                || !reader.TryVector16(out ReadOnlySpan<byte> extension)
                || (type == ServerNameType && !TryReadServerName(extension, out serverName))
                || (type == ProtocolsType && !TryReadProtocols(extension, out protocols)))
            {
                return false;
            }

            types[count++] = type;
        }

        hello = new ClientHello(serverName, protocols);
        return true;
    }

    /// <summary>One host name: no other kind of name exists, and two of a kind may not be sent (RFC 6066 §3).</summary>
    private static bool TryReadServerName(ReadOnlySpan<byte> extension, out ReadOnlySpan<byte> name)
    {
        const byte HostName = 0;
        name = default;
        TlsVectorReader reader = new(extension);
        if (!reader.TryVector16(out ReadOnlySpan<byte> list) || !reader.IsAtEnd)
        {
            return false;
        }

        TlsVectorReader names = new(list);
        return names.TryBytes(1, out ReadOnlySpan<byte> kind)
            && kind[0] == HostName
            && names.TryVector16(out name)
            && names.IsAtEnd
            && IsHostName(name);
    }

    private static bool TryReadProtocols(ReadOnlySpan<byte> extension, out ReadOnlySpan<byte> protocols)
    {
        TlsVectorReader reader = new(extension);
        if (!reader.TryVector16(out protocols) || !reader.IsAtEnd || protocols.IsEmpty)
        {
            return false;
        }

        TlsVectorReader names = new(protocols);
        while (!names.IsAtEnd)
        {
            if (!names.TryVector8(out ReadOnlySpan<byte> name) || name.IsEmpty)
            {
                return false;
            }
        }

        return true;
    }

    private static bool IsHostName(ReadOnlySpan<byte> name)
    {
        const int NameBytesMax = 253;
        const int LabelBytesMax = 63;
        int labelBytes = 0;
        foreach (byte next in name)
        {
            if (next == (byte)'.')
            {
                if (labelBytes == 0)
                {
                    return false;
                }

                labelBytes = 0;
            }
            else if ((char.IsAsciiLetterOrDigit((char)next) || next is (byte)'-' or (byte)'_') && labelBytes < LabelBytesMax)
            {
                labelBytes++;
            }
            else
            {
                return false;
            }
        }

        // Neither empty, nor with a dot at its end.
        return labelBytes > 0 && name.Length <= NameBytesMax;
    }
}
