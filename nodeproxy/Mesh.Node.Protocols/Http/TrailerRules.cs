using System.Text;

namespace Mesh.Node.Protocols.Http;

/// <summary>Which fields may stand among trailers (RFC 9110 §6.5.1). Pure.</summary>
internal static class TrailerRules
{
    /// <summary>What routes a message, authenticates it or describes its content is acted on before the content, or not at all.</summary>
    private static readonly byte[][] s_dropped = Names(
        "te connection keep-alive proxy-connection upgrade trailer expect max-forwards cache-control pragma range if-match if-none-match",
        "if-modified-since if-unmodified-since if-range authorization proxy-authorization www-authenticate proxy-authenticate cookie",
        "set-cookie age date expires location retry-after vary warning content-encoding content-type content-range forwarded");

    /// <summary>True for a field that would change how its message is delimited or where it goes. Nothing honest sends it there.</summary>
    /// <param name="name">In lower case.</param>
    public static bool IsForbidden(ReadOnlySpan<byte> name) => name.Length switch
    {
        4 => name.SequenceEqual("host"u8),
        14 => name.SequenceEqual("content-length"u8),
        17 => name.SequenceEqual("transfer-encoding"u8),
        _ => false,
    };

    /// <summary>True for a field that comes too late to mean anything, and is not passed on.</summary>
    /// <param name="name">In lower case.</param>
    public static bool IsDropped(ReadOnlySpan<byte> name)
    {
        foreach (byte[] dropped in s_dropped)
        {
            if (name.SequenceEqual(dropped))
            {
                return true;
            }
        }

        return name.StartsWith("x-forwarded-"u8) || name.StartsWith("x-envoy-"u8);
    }

    private static byte[][] Names(params ReadOnlySpan<string> lines) =>
        [.. string.Join(' ', lines!).Split(' ').Select(Encoding.ASCII.GetBytes)];
}
