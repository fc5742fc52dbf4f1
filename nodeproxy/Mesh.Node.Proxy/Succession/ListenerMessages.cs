using System.Buffers.Binary;
using System.Net.Sockets;

namespace Mesh.Node.Proxy.Succession;

/// <summary>
/// The messages in which a proxy asks the one before it for the listening sockets of a namespace, or for its admin ports. Both are this
/// program, perhaps of different versions, so each message begins with the protocol's own. Pure and strict.
/// </summary>
/// <remarks>
/// <code>
/// ask       "MNL1" device(64) inode(64)
/// listener  "MNLS" family(8: 4 or 6) port(16)      with the socket's descriptor
/// release   "MNLR"                                 the admin ports are to be closed
/// done      "MNLE" count(8)                        how many listeners were said; 0 when the ports are closed
/// </code>
/// Numbers are in network byte order. One connection carries one ask. Ports are lent for as long as the next proxy keeps the connection
/// over which it asked for them.
/// </remarks>
public static class ListenerMessages
{
    /// <summary>The longest message.</summary>
    public const int BytesMax = AskBytes;

    /// <summary>Two families for each of the proxy's ports, and room for more ports to come.</summary>
    public const int ListenersMax = 16;

    private const int TagBytes = 4;
    private const int AskBytes = TagBytes + 8 + 8;
    private const int ListenerBytes = TagBytes + 1 + 2;
    private const int DoneBytes = TagBytes + 1;

    private static ReadOnlySpan<byte> AskTag => "MNL1"u8;

    private static ReadOnlySpan<byte> ReleaseTag => "MNLR"u8;

    private static ReadOnlySpan<byte> ListenerTag => "MNLS"u8;

    private static ReadOnlySpan<byte> DoneTag => "MNLE"u8;

    public static byte[] Ask((ulong Device, ulong Inode) network)
    {
        byte[] message = new byte[AskBytes];
        AskTag.CopyTo(message);
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(TagBytes), network.Device);
        BinaryPrimitives.WriteUInt64BigEndian(message.AsSpan(TagBytes + 8), network.Inode);
        return message;
    }

    public static bool TryReadAsk(ReadOnlySpan<byte> message, out (ulong Device, ulong Inode) network)
    {
        bool isAsk = message.Length == AskBytes && message.StartsWith(AskTag);
        network = isAsk
            ? (BinaryPrimitives.ReadUInt64BigEndian(message[TagBytes..]), BinaryPrimitives.ReadUInt64BigEndian(message[(TagBytes + 8)..]))
            : default;
        return isAsk;
    }

    public static byte[] Release() => ReleaseTag.ToArray();

    public static bool IsRelease(ReadOnlySpan<byte> message) => message.SequenceEqual(ReleaseTag);

    public static byte[] Listener(AddressFamily family, ushort port)
    {
        byte[] message = new byte[ListenerBytes];
        ListenerTag.CopyTo(message);
        message[TagBytes] = family == AddressFamily.InterNetwork ? (byte)4 : (byte)6;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(TagBytes + 1), port);
        return message;
    }

    public static bool TryReadListener(ReadOnlySpan<byte> message, out AddressFamily family, out ushort port)
    {
        bool isListener = message.Length == ListenerBytes && message.StartsWith(ListenerTag) && message[TagBytes] is (4 or 6);
        family = isListener && message[TagBytes] == 4 ? AddressFamily.InterNetwork : AddressFamily.InterNetworkV6;
        port = isListener ? BinaryPrimitives.ReadUInt16BigEndian(message[(TagBytes + 1)..]) : (ushort)0;
        return isListener;
    }

    public static byte[] Done(int count)
    {
        byte[] message = new byte[DoneBytes];
        DoneTag.CopyTo(message);
        message[TagBytes] = (byte)count;
        return message;
    }

    public static bool TryReadDone(ReadOnlySpan<byte> message, out int count)
    {
        bool isDone = message.Length == DoneBytes && message.StartsWith(DoneTag);
        count = isDone ? message[TagBytes] : 0;
        return isDone;
    }
}
