using System.Buffers.Binary;
using System.Text;

namespace Mesh.Node.Protocols.Tests.Dns;

/// <summary>Puts DNS messages together from what is in them.</summary>
internal static class DnsMessages
{
    /// <summary>A query as resolvers send it.</summary>
    public static byte[] Query(string name, ushort type, ushort id = 0x1234, ushort? payloadBytes = null, bool wantsSignatures = false) =>
    [
        .. Header(id, 0x0100, 1, 0, 0, payloadBytes is null ? 0 : 1), .. Name(name), .. Word(type), .. Word(1),
        .. payloadBytes is { } bytes ? Opt(bytes, 0, wantsSignatures) : [],
    ];

    public static byte[] Header(ushort id, int flags, int questions, int answers, int authorities, int additional) =>
        [.. Word(id), .. Word(flags), .. Word(questions), .. Word(answers), .. Word(authorities), .. Word(additional)];

    public static byte[] Opt(ushort payloadBytes, byte version, bool wantsSignatures, params byte[] data) =>
        [0, .. Word(41), .. Word(payloadBytes), 0, version, .. Word(wantsSignatures ? 0x8000 : 0), .. Word(data.Length), .. data];

    public static byte[] Name(string name) =>
        [.. name.Split('.', StringSplitOptions.RemoveEmptyEntries).SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.Latin1.GetBytes(label)]), 0];

    public static byte[] Word(int value)
    {
        byte[] word = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(word, (ushort)value);
        return word;
    }
}
