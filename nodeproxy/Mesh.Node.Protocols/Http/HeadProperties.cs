namespace Mesh.Node.Protocols.Http;

/// <summary>The names of fields that are properties of a head, or concern one connection only. Pure.</summary>
/// <remarks>
/// Readers take them out of the list and writers pass over them, so a field that somebody adds can neither contradict the framing nor reach
/// beyond its connection (RFC 9110 §7.6.1).
/// </remarks>
internal static class HeadProperties
{
    /// <summary>True for a field that no list of a message has, told apart by length first.</summary>
    /// <param name="name">In lower case.</param>
    public static bool Contains(ReadOnlySpan<byte> name) => name.Length switch
    {
        2 => name.SequenceEqual("te"u8),
        4 => name.SequenceEqual("host"u8),
        6 => name.SequenceEqual("expect"u8),
        7 => name.SequenceEqual("upgrade"u8),
        10 => name.SequenceEqual("connection"u8) || name.SequenceEqual("keep-alive"u8),
        14 => name.SequenceEqual("content-length"u8),
        16 => name.SequenceEqual("proxy-connection"u8),
        17 => name.SequenceEqual("transfer-encoding"u8),
        _ => false,
    };
}
