using System.Text;

namespace Mesh.Interop.OpenSsl;

/// <summary>Our application protocols in both forms: names for people, length-prefixed bytes for the wire (RFC 7301 §3.1).</summary>
internal sealed class ApplicationProtocols
{
    private const int ProtocolsMax = 16;
    private const int NameBytesMax = 255;

    private readonly string[] _names;
    private readonly byte[][] _encoded;

    /// <exception cref="TlsConfigurationException">A name is empty, too long, not ASCII, or there are too many.</exception>
    internal ApplicationProtocols(IReadOnlyList<string> names)
    {
        if (names.Count > ProtocolsMax || names.Any(static name => name.Length is 0 or > NameBytesMax || !Ascii.IsValid(name)))
        {
            throw new TlsConfigurationException("The application protocols must be at most 16 ASCII names of 1 to 255 characters.");
        }

        _names = [.. names];
        _encoded = [.. names.Select(Encoding.ASCII.GetBytes)];
        Wire = [.. _encoded.SelectMany(static name => (byte[])[(byte)name.Length, .. name])];
    }

    internal byte[] Wire { get; }

    internal bool IsEmpty => _names.Length == 0;

    /// <summary>The name of ours that is spelt so, or <see langword="null"/>.</summary>
    internal string? Find(ReadOnlySpan<byte> encoded)
    {
        for (int index = 0; index < _encoded.Length; index++)
        {
            if (encoded.SequenceEqual(_encoded[index]))
            {
                return _names[index];
            }
        }

        return null;
    }

    /// <summary>Picks the first of ours that the client offers.</summary>
    /// <param name="offered">The client's list as it stands in the handshake.</param>
    /// <param name="chosen">A part of <paramref name="offered"/>.</param>
    internal bool TryChoose(ReadOnlySpan<byte> offered, out ReadOnlySpan<byte> chosen)
    {
        foreach (byte[] ours in _encoded)
        {
            ReadOnlySpan<byte> rest = offered;
            while (!rest.IsEmpty && rest[0] < rest.Length)
            {
                ReadOnlySpan<byte> theirs = rest.Slice(1, rest[0]);
                if (theirs.SequenceEqual(ours))
                {
                    chosen = theirs;
                    return true;
                }

                rest = rest[(1 + theirs.Length)..];
            }
        }

        chosen = default;
        return false;
    }
}
