using System.Text;

namespace Mesh.Fuzz.Targets;

/// <summary>Puts ClientHellos together, right ones and others.</summary>
internal static class ClientHelloInput
{
    public const int ServerNameType = 0;
    public const int ProtocolsType = 16;

    /// <summary>A hello as clients send it.</summary>
    public static byte[] Whole(string? serverName = "stock.shop.svc.cluster.local", params ReadOnlySpan<string> protocols)
    {
        List<byte> extensions = [];
        extensions.AddRange(Extension(43, [2, 3, 4]));
        if (serverName is not null)
        {
            extensions.AddRange(Extension(ServerNameType, ServerName(Encoding.Latin1.GetBytes(serverName))));
        }

        if (!protocols.IsEmpty)
        {
            extensions.AddRange(Extension(ProtocolsType, Protocols(protocols)));
        }

        return Record(Message(Body([.. extensions])));
    }

    public static byte[] ServerName(byte[] name, byte kind = 0) => Vector16([kind, .. Vector16(name)]);

    public static byte[] Protocols(params ReadOnlySpan<string> names)
    {
        List<byte> list = [];
        foreach (string name in names)
        {
            list.AddRange(Vector8(Encoding.Latin1.GetBytes(name)));
        }

        return Vector16([.. list]);
    }

    public static byte[] Extension(int type, byte[] content) => [(byte)(type >> 8), (byte)type, .. Vector16(content)];

    /// <summary>The content of a message; without extensions at all for null.</summary>
    public static byte[] Body(byte[]? extensions, byte[]? session = null, byte[]? suites = null, byte[]? compressions = null, byte version = 3) =>
    [
        version, 3, .. new byte[32], .. Vector8(session ?? []), .. Vector16(suites ?? [0x13, 0x01]), .. Vector8(compressions ?? [0]),
        .. extensions is null ? [] : Vector16(extensions),
    ];

    public static byte[] Message(byte[] body, byte type = 1) => [type, (byte)(body.Length >> 16), (byte)(body.Length >> 8), (byte)body.Length, .. body];

    public static byte[] Record(byte[] payload) => [22, 3, 1, .. Vector16(payload)];

    /// <summary>The message in records of so many bytes.</summary>
    public static byte[] Records(byte[] message, int payloadBytes) => [.. message.Chunk(payloadBytes).SelectMany(Record)];

    private static byte[] Vector8(byte[] content) => [(byte)content.Length, .. content];

    private static byte[] Vector16(byte[] content) => [(byte)(content.Length >> 8), (byte)content.Length, .. content];
}
