namespace Mesh.Node.Protocols.Sniffing;

/// <summary>What a TLS client says in the clear: views into the bytes it was read from.</summary>
public readonly ref struct ClientHello
{
    private readonly ReadOnlySpan<byte> _protocols;

    internal ClientHello(ReadOnlySpan<byte> serverName, ReadOnlySpan<byte> protocols)
    {
        ServerName = serverName;
        _protocols = protocols;
    }

    /// <summary>
    /// The host it asks for (RFC 6066 §3), as it was sent; empty when it asks for none. Letters, digits, hyphens and underscores in labels
    /// of 1 to 63, at most 253 in all.
    /// </summary>
    public ReadOnlySpan<byte> ServerName { get; }

    /// <summary>Whether it names protocols (RFC 7301).</summary>
    public bool NamesProtocols => !_protocols.IsEmpty;

    /// <summary>Whether it offers to speak a protocol, "h2" say.</summary>
    public bool Offers(ReadOnlySpan<byte> protocol)
    {
        // The list was checked when it was read.
        ReadOnlySpan<byte> rest = _protocols;
        while (!rest.IsEmpty)
        {
            int bytes = rest[0];
            if (rest.Slice(1, bytes).SequenceEqual(protocol))
            {
                return true;
            }

            rest = rest[(1 + bytes)..];
        }

        return false;
    }
}
