using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mesh.Interop.Linux;

/// <summary>
/// An address and port as the kernel writes them, so that a datagram can be answered without making an object of where it came from.
/// Equal when family, address and port are.
/// </summary>
public readonly struct DatagramAddress : IEquatable<DatagramAddress>
{
    // AF_INET and AF_INET6, which Tmds.LibC has as values and not as constants.
    private const ushort NativeIPv4 = 2;
    private const ushort NativeIPv6 = 10;

    private readonly Storage _storage;

    private DatagramAddress(ReadOnlySpan<byte> native)
    {
        Span<byte> bytes = _storage;
        native.CopyTo(bytes);
        if (native.Length == SocketAddress.BytesMax)
        {
            // IPv6: what flow a packet belongs to is no part of an address.
            bytes.Slice(4, 4).Clear();
        }
    }

    /// <summary>IPv4 or IPv6; unspecified for the default value.</summary>
    public AddressFamily Family => MemoryMarshal.Read<ushort>(_storage) switch
    {
        NativeIPv4 => AddressFamily.InterNetwork,
        NativeIPv6 => AddressFamily.InterNetworkV6,
        _ => AddressFamily.Unspecified,
    };

    /// <summary>0 to 65535.</summary>
    public int Port => BinaryPrimitives.ReadUInt16BigEndian(((ReadOnlySpan<byte>)_storage)[2..]);

    private int NativeBytes => Family == AddressFamily.InterNetworkV6 ? SocketAddress.BytesMax : 16;

    /// <summary>An end point, for a socket of its own family.</summary>
    public static DatagramAddress From(IPEndPoint endPoint)
    {
        ArgumentNullException.ThrowIfNull(endPoint);
        Span<byte> bytes = stackalloc byte[SocketAddress.BytesMax];
        return new DatagramAddress(bytes[..SocketAddress.Write(endPoint, endPoint.AddressFamily, bytes)]);
    }

    /// <summary>The same address with another port.</summary>
    public DatagramAddress WithPort(ushort port)
    {
        Span<byte> bytes = stackalloc byte[SocketAddress.BytesMax];
        int length = WriteTo(bytes);
        BinaryPrimitives.WriteUInt16BigEndian(bytes[2..], port);
        return new DatagramAddress(bytes[..length]);
    }

    /// <summary>Allocates the framework's form.</summary>
    public IPEndPoint ToEndPoint() => SocketAddress.Read(_storage) ?? new IPEndPoint(IPAddress.None, 0);

    /// <inheritdoc/>
    public bool Equals(DatagramAddress other) => ((ReadOnlySpan<byte>)_storage).SequenceEqual(other._storage);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is DatagramAddress other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(_storage);
        return hash.ToHashCode();
    }

    /// <summary>Address and port, as people write them.</summary>
    public override string ToString() => ToEndPoint().ToString();

    /// <summary>Equality.</summary>
    public static bool operator ==(DatagramAddress left, DatagramAddress right) => left.Equals(right);

    /// <summary>Inequality.</summary>
    public static bool operator !=(DatagramAddress left, DatagramAddress right) => !left.Equals(right);

    /// <summary>Reads what the kernel wrote; the default value for anything but an IP address.</summary>
    internal static DatagramAddress Read(ReadOnlySpan<byte> native) =>
        SocketAddress.IsAddress(native) ? new DatagramAddress(native) : default;

    /// <summary>Writes it for the kernel.</summary>
    /// <param name="destination">At least 28 bytes.</param>
    /// <returns>The bytes written: 16 or 28.</returns>
    internal int WriteTo(Span<byte> destination)
    {
        ((ReadOnlySpan<byte>)_storage)[..NativeBytes].CopyTo(destination);
        return NativeBytes;
    }

    [InlineArray(SocketAddress.BytesMax)]
    private struct Storage
    {
        private byte _first;
    }
}
