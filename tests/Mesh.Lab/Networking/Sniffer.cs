using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Mesh.Lab.Networking;

/// <summary>
/// Writes what passes an interface to standard output in the capture format tcpdump reads (pcap, microseconds, Ethernet). The lab brings
/// its own because tcpdump insists on changing its groups, which a user namespace of an ordinary user does not allow.
/// </summary>
internal static class Sniffer
{
    /// <summary>Written to standard error once every packet from then on is captured.</summary>
    public const string ReadyText = "capturing";

    // packet(7): every protocol, in network byte order.
    private const int EveryProtocol = 0x0300;

    // linux/if_packet.h: SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC.
    private const int PacketLevel = 263;
    private const int AddMembership = 1;
    private const int Promiscuous = 1;
    private const int PacketBytesMax = 256 * 1024;
    private const int ReceiveBufferBytes = 32 * 1024 * 1024;

    public static async Task<int> RunAsync(string networkInterface)
    {
        using Socket socket = Open(networkInterface);
        await using Stream output = Console.OpenStandardOutput();
        byte[] header = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(header, 0xa1b2c3d4);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(4), 2);
        BinaryPrimitives.WriteUInt16LittleEndian(header.AsSpan(6), 4);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(16), PacketBytesMax);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(20), 1);
        await output.WriteAsync(header);
        await output.FlushAsync();
        await Console.Error.WriteLineAsync(ReadyText);
        byte[] record = new byte[16 + PacketBytesMax];
        while (true) // Until whoever reads the output has gone: then writing fails.
        {
            int bytes = await socket.ReceiveAsync(record.AsMemory(16));
            long microseconds = (TimeProvider.System.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
            BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)(microseconds / 1_000_000));
            BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), (uint)(microseconds % 1_000_000));
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(8), bytes);
            BinaryPrimitives.WriteInt32LittleEndian(record.AsSpan(12), bytes);
            await output.WriteAsync(record.AsMemory(0, 16 + bytes));
            await output.FlushAsync();
        }
    }

    private static Socket Open(string networkInterface)
    {
        NetworkInterface[] present = NetworkInterface.GetAllNetworkInterfaces();
        string names = string.Join(", ", present.Select(candidate => candidate.Name));
        NetworkInterface found = present.FirstOrDefault(candidate => candidate.Name == networkInterface)
            ?? throw new LabException($"there is no interface '{networkInterface}' here; there are: {names}");
        try
        {
            var socket = new Socket(AddressFamily.Packet, SocketType.Raw, (ProtocolType)EveryProtocol);
            socket.ReceiveBufferSize = ReceiveBufferBytes;
            int index = found.GetIPProperties().GetIPv4Properties().Index;
            socket.Bind(new LinkEndPoint(index));

            // Promiscuous: a bridge passes up what it forwards only to those who ask. struct packet_mreq: interface, type, no address.
            byte[] membership = new byte[16];
            BinaryPrimitives.WriteInt32LittleEndian(membership, index);
            BinaryPrimitives.WriteUInt16LittleEndian(membership.AsSpan(4), Promiscuous);
            socket.SetRawSocketOption(PacketLevel, AddMembership, membership);
            return socket;
        }
        catch (SocketException exception)
        {
            throw new LabException($"no packets can be captured here: {exception.Message}", exception);
        }
    }

    /// <summary>struct sockaddr_ll (packet(7)): family, protocol, interface; the rest is zero.</summary>
    private sealed class LinkEndPoint(int interfaceIndex) : EndPoint
    {
        private const int SizeBytes = 20;

        public override AddressFamily AddressFamily => AddressFamily.Packet;

        public override SocketAddress Serialize()
        {
            var address = new SocketAddress(AddressFamily.Packet, SizeBytes);
            BinaryPrimitives.WriteUInt16LittleEndian(address.Buffer.Span[2..], EveryProtocol);
            BinaryPrimitives.WriteInt32LittleEndian(address.Buffer.Span[4..], interfaceIndex);
            return address;
        }
    }
}
