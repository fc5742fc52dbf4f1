using System.Buffers.Text;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What of gRPC is read from fields. Pure.</summary>
internal static class GrpcText
{
    /// <summary>UNKNOWN: also what a code means that gRPC does not have.</summary>
    public const int UnknownStatus = 2;

    /// <summary>The greatest code there is: UNAUTHENTICATED.</summary>
    public const int StatusMax = 16;

    /// <summary>What of a text is told in a field; people read it.</summary>
    private const int MessageBytesMax = 1024;

    /// <summary>Whether a content-type says gRPC, perhaps with the encoding of its messages. gRPC-Web is another protocol.</summary>
    public static bool IsContentType(ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> grpc = "application/grpc"u8;
        return value.StartsWith(grpc) && (value.Length == grpc.Length || value[grpc.Length] is (byte)'+' or (byte)';' or (byte)' ');
    }

    /// <summary>
    /// A text as <c>grpc-message</c> says it: what is not printable, and %, is escaped (gRPC over HTTP/2, "Percent-Encoded").
    /// </summary>
    /// <param name="text">Cut to <see cref="MessageBytesMax"/>.</param>
    public static byte[] MessageOf(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> digits = "0123456789ABCDEF"u8;
        text = text[..Math.Min(text.Length, MessageBytesMax)];
        var written = new List<byte>(text.Length);
        foreach (byte one in text)
        {
            if (one is >= 0x20 and <= 0x7e and not (byte)'%')
            {
                written.Add(one);
            }
            else
            {
                written.AddRange([(byte)'%', digits[one >> 4], digits[one & 0xf]]);
            }
        }

        return [.. written];
    }

    /// <summary>The code that a <c>grpc-status</c> says; <see cref="UnknownStatus"/> for what is none.</summary>
    public static int StatusOf(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out int status, out int consumed) && consumed == text.Length && status is >= 0 and <= StatusMax
            ? status
            : UnknownStatus;
}
