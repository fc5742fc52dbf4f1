using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Mesh.Interop.Linux;

/// <summary>
/// The kernel's form of an IP end point (sockaddr_in and sockaddr_in6, netinet/in.h; ip(7), ipv6(7)). The layouts are fixed by the
/// ABI on every architecture: family in host order at 0, port in network order at 2, then the address.
/// </summary>
internal static class SocketAddress
{
    /// <summary>Room for either form.</summary>
    internal const int BytesMax = Ipv6Bytes;

    private const int Ipv4Bytes = 16;
    private const int Ipv6Bytes = 28;
    private const int PortOffset = 2;
    private const int Ipv4AddressOffset = 4;
    private const int Ipv6AddressOffset = 8;
    private const int ScopeOffset = 24;

    /// <summary>Writes an end point for a socket of a family; an IPv4 address becomes IPv4-mapped where the socket is IPv6.</summary>
    /// <param name="endPoint">The end point.</param>
    /// <param name="socketFamily">The family of the socket that will be handed the address.</param>
    /// <param name="destination">At least <see cref="BytesMax"/> bytes.</param>
    /// <returns>The bytes written: 16 or 28.</returns>
    /// <exception cref="ArgumentException">An IPv6 address for an IPv4 socket.</exception>
    internal static int Write(IPEndPoint endPoint, AddressFamily socketFamily, Span<byte> destination)
    {
        IPAddress address = endPoint.Address;
        if (address.AddressFamily == AddressFamily.InterNetworkV6 && socketFamily == AddressFamily.InterNetwork)
        {
            if (!address.IsIPv4MappedToIPv6)
            {
                throw new ArgumentException($"An IPv4 socket cannot use {endPoint}.", nameof(endPoint));
            }

            address = address.MapToIPv4();
        }

        if (socketFamily == AddressFamily.InterNetwork)
        {
            destination[..Ipv4Bytes].Clear();
            WriteFamily(destination, LibC.AF_INET);
            BinaryPrimitives.WriteUInt16BigEndian(destination[PortOffset..], (ushort)endPoint.Port);
            address.TryWriteBytes(destination[Ipv4AddressOffset..], out _);
            return Ipv4Bytes;
        }

        destination[..Ipv6Bytes].Clear();
        WriteFamily(destination, LibC.AF_INET6);
        BinaryPrimitives.WriteUInt16BigEndian(destination[PortOffset..], (ushort)endPoint.Port);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            destination[Ipv6AddressOffset + 10] = 0xff;
            destination[Ipv6AddressOffset + 11] = 0xff;
            address.TryWriteBytes(destination[(Ipv6AddressOffset + 12)..], out _);
        }
        else
        {
            address.TryWriteBytes(destination[Ipv6AddressOffset..], out _);
            uint scope = (uint)address.ScopeId;
            MemoryMarshal.Write(destination[ScopeOffset..], in scope);
        }

        return Ipv6Bytes;
    }

    /// <summary>Reads what the kernel wrote; an IPv4-mapped IPv6 address comes back as IPv4.</summary>
    /// <returns>Null when it is not an IP address: another family, or fewer bytes than that family needs.</returns>
    internal static IPEndPoint? Read(ReadOnlySpan<byte> source)
    {
        if (source.Length < Ipv4Bytes)
        {
            return null;
        }

        int family = MemoryMarshal.Read<ushort>(source);
        int port = BinaryPrimitives.ReadUInt16BigEndian(source[PortOffset..]);
        if (family == LibC.AF_INET)
        {
            return new IPEndPoint(new IPAddress(source.Slice(Ipv4AddressOffset, 4)), port);
        }

        if (family != LibC.AF_INET6 || source.Length < Ipv6Bytes)
        {
            return null;
        }

        var address = new IPAddress(source.Slice(Ipv6AddressOffset, 16), MemoryMarshal.Read<uint>(source[ScopeOffset..]));
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }

    /// <summary>Whether the kernel wrote an IP address, and wrote it whole.</summary>
    internal static bool IsAddress(ReadOnlySpan<byte> source)
    {
        int family = source.Length < Ipv4Bytes ? 0 : MemoryMarshal.Read<ushort>(source);
        return family == LibC.AF_INET || (family == LibC.AF_INET6 && source.Length >= Ipv6Bytes);
    }

    /// <summary>The kernel's number for a family.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Neither IPv4 nor IPv6.</exception>
    internal static int NativeFamily(AddressFamily family) => family switch
    {
        AddressFamily.InterNetwork => LibC.AF_INET,
        AddressFamily.InterNetworkV6 => LibC.AF_INET6,
        _ => throw new ArgumentOutOfRangeException(nameof(family), family, "A socket here is IPv4 or IPv6."),
    };

    private static void WriteFamily(Span<byte> destination, int family)
    {
        ushort value = (ushort)family;
        MemoryMarshal.Write(destination, in value);
    }
}
