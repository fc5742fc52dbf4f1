using System.Globalization;
using System.Net;

namespace Mesh.Node.Model.Addresses;

/// <summary>A CIDR block. Bits after the length are cleared, so equal blocks are equal values.</summary>
public readonly record struct IpPrefix
{
    private IpPrefix(IpValue network, int lengthBits)
    {
        Network = network;
        LengthBits = lengthBits;
    }

    /// <summary>The first address of the block.</summary>
    public IpValue Network { get; }

    /// <summary>0 to 32 for IPv4, 0 to 128 for IPv6.</summary>
    public int LengthBits { get; }

    /// <summary>The last address of the block.</summary>
    public IpValue Last => Network.LastWithPrefix(LengthBits);

    /// <summary>True when the block is one address.</summary>
    public bool IsSingleAddress => LengthBits == Network.WidthBits;

    /// <summary>Makes the block of <paramref name="lengthBits"/> bits that holds <paramref name="address"/>.</summary>
    /// <returns>False when the length is negative or wider than the address.</returns>
    public static bool TryCreate(IpValue address, int lengthBits, out IpPrefix prefix)
    {
        if (lengthBits < 0 || lengthBits > address.WidthBits)
        {
            prefix = default;
            return false;
        }

        prefix = new IpPrefix(address.Masked(lengthBits), lengthBits);
        return true;
    }

    /// <summary>Reads a block from 4 or 16 bytes in network order and a length. An IPv4-mapped block is the IPv4 block it maps.</summary>
    /// <returns>False when the bytes are no address or the length does not fit it.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, uint lengthBits, out IpPrefix prefix)
    {
        const int MappedBits = 96;
        prefix = default;
        if (lengthBits > 128 || !IpValue.TryFromBytes(bytes, out IpValue address))
        {
            return false;
        }

        bool isMapped = bytes.Length == 16 && !address.IsIPv6;
        return TryCreate(address, (int)lengthBits - (isMapped ? MappedBits : 0), out prefix);
    }

    /// <summary>The block of this address alone.</summary>
    public static IpPrefix Single(IpValue address) => new(address, address.WidthBits);

    /// <summary>Reads <c>10.0.0.0/8</c>, <c>fd00::/16</c> or a plain address.</summary>
    /// <exception cref="FormatException">The text is not a block.</exception>
    public static IpPrefix Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        ReadOnlySpan<char> addressText = slash < 0 ? text : text.AsSpan(0, slash);
        if (IPAddress.TryParse(addressText, out IPAddress? address))
        {
            IpValue value = IpValue.From(address);
            if (slash < 0)
            {
                return Single(value);
            }

            if (int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int lengthBits)
                && TryCreate(value, lengthBits, out IpPrefix prefix))
            {
                return prefix;
            }
        }

        throw new FormatException($"'{text}' is neither an address nor a CIDR block.");
    }

    /// <summary>True when the address lies in the block. No allocation; never true across families.</summary>
    public bool Contains(IpValue address) => address.IsIPv6 == Network.IsIPv6 && address.Masked(LengthBits).Bits == Network.Bits;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Network}/{LengthBits}");
}
