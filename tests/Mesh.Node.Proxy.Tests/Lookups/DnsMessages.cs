using System.Buffers.Binary;
using System.Net;
using System.Text;

namespace Mesh.Node.Proxy.Tests.Lookups;

/// <summary>DNS messages as tests write and read them.</summary>
internal static class DnsMessages
{
    public const ushort A = 1;
    public const ushort Aaaa = 28;
    public const ushort Https = 65;

    public static byte[] Query(string name, ushort type, ushort id) =>
    [
        .. Word(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0,
        .. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0, .. Word(type), 0, 1,
    ];

    /// <summary>What a server answers that knows the name: one address.</summary>
    public static byte[] AnswerTo(byte[] query, IPAddress address) =>
        [query[0], query[1], 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0, .. query[12..], 0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, .. address.GetAddressBytes()];

    /// <summary>With the length that TCP puts before a message.</summary>
    public static byte[] Framed(byte[] message) => [.. Word((ushort)message.Length), .. message];

    /// <summary>The code and the addresses of an answer.</summary>
    public static (int Code, string Addresses) Read(byte[] message)
    {
        int offset = 12;
        while (message[offset] != 0)
        {
            offset += message[offset] + 1;
        }

        offset += 5;
        List<string> addresses = [];
        for (int i = 0; i < BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(6)); i++)
        {
            int bytes = BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(offset + 10));
            addresses.Add(new IPAddress(message.AsSpan(offset + 12, bytes)).ToString());
            offset += 12 + bytes;
        }

        return (message[3] & 0xF, string.Join(' ', addresses.Order(StringComparer.Ordinal)));
    }

    private static byte[] Word(ushort value) => [(byte)(value >> 8), (byte)value];
}
