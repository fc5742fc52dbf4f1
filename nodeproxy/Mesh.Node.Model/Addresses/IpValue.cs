using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Mesh.Node.Model.Addresses;

/// <summary>
/// An IP address as a number: what lookups hash and prefixes mask, without the allocations of <see cref="IPAddress"/>. An IPv4-mapped
/// IPv6 address is the IPv4 address it maps; the zone of a link-local address is not part of the value.
/// </summary>
public readonly struct IpValue : IEquatable<IpValue>, IComparable<IpValue>
{
    private IpValue(UInt128 bits, bool isIPv6)
    {
        Bits = bits;
        IsIPv6 = isIPv6;
    }

    /// <summary>The address as a number; an IPv4 address stands in the low 32 bits.</summary>
    public UInt128 Bits { get; }

    /// <summary>True for IPv6, false for IPv4. Addresses of the two families are never equal and never in one prefix.</summary>
    public bool IsIPv6 { get; }

    /// <summary>32 or 128.</summary>
    public int WidthBits => IsIPv6 ? 128 : 32;

    /// <summary>The value of an address. No allocation.</summary>
    public static IpValue From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        Span<byte> bytes = stackalloc byte[16];
        return address.TryWriteBytes(bytes, out int written) && TryFromBytes(bytes[..written], out IpValue value)
            ? value
            : throw new ArgumentException("Neither an IPv4 nor an IPv6 address.", nameof(address));
    }

    /// <summary>Reads 4 or 16 bytes in network order.</summary>
    /// <returns>False for any other number of bytes.</returns>
    public static bool TryFromBytes(ReadOnlySpan<byte> bytes, out IpValue value)
    {
        switch (bytes.Length)
        {
            case 4:
                value = new IpValue(BinaryPrimitives.ReadUInt32BigEndian(bytes), isIPv6: false);
                return true;
            case 16:
                UInt128 bits = BinaryPrimitives.ReadUInt128BigEndian(bytes);
                value = bits >> 32 == 0xFFFF ? new IpValue((uint)bits, isIPv6: false) : new IpValue(bits, isIPv6: true);
                return true;
            default:
                value = default;
                return false;
        }
    }

    /// <summary>The same address with every bit after the first <paramref name="lengthBits"/> cleared.</summary>
    public IpValue Masked(int lengthBits) => new(Bits & PrefixMask(lengthBits, WidthBits), IsIPv6);

    /// <summary>The last address that shares the first <paramref name="lengthBits"/> bits with this one.</summary>
    public IpValue LastWithPrefix(int lengthBits)
    {
        UInt128 width = IsIPv6 ? UInt128.MaxValue : uint.MaxValue;
        return new IpValue(Bits | (width & ~PrefixMask(lengthBits, WidthBits)), IsIPv6);
    }

    /// <summary>Allocates the framework's form of this address.</summary>
    public IPAddress ToIPAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!IsIPv6)
        {
            BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)Bits);
            return new IPAddress(bytes[..4]);
        }

        BinaryPrimitives.WriteUInt128BigEndian(bytes, Bits);
        return new IPAddress(bytes);
    }

    /// <summary>The family as sockets name it.</summary>
    public AddressFamily Family => IsIPv6 ? AddressFamily.InterNetworkV6 : AddressFamily.InterNetwork;

    public bool Equals(IpValue other) => Bits == other.Bits && IsIPv6 == other.IsIPv6;

    public override bool Equals(object? obj) => obj is IpValue other && Equals(other);

    public override int GetHashCode() => HashCode.Combine((ulong)(Bits >> 64), (ulong)Bits, IsIPv6);

    /// <summary>IPv4 before IPv6, then by number.</summary>
    public int CompareTo(IpValue other) => IsIPv6 == other.IsIPv6 ? Bits.CompareTo(other.Bits) : IsIPv6.CompareTo(other.IsIPv6);

    public override string ToString() => ToIPAddress().ToString();

    public static bool operator ==(IpValue left, IpValue right) => left.Equals(right);

    public static bool operator !=(IpValue left, IpValue right) => !left.Equals(right);

    public static bool operator <(IpValue left, IpValue right) => left.CompareTo(right) < 0;

    public static bool operator >(IpValue left, IpValue right) => left.CompareTo(right) > 0;

    public static bool operator <=(IpValue left, IpValue right) => left.CompareTo(right) <= 0;

    public static bool operator >=(IpValue left, IpValue right) => left.CompareTo(right) >= 0;

    private static UInt128 PrefixMask(int lengthBits, int widthBits)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBits);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBits, widthBits);

        // A shift by the whole width is a shift by nothing, so the empty prefix has a branch of its own.
        return lengthBits == 0 ? UInt128.Zero : UInt128.MaxValue << (widthBits - lengthBits);
    }
}
