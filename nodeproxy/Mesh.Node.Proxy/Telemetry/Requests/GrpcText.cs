using System.Buffers.Text;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What of gRPC is read from fields. Pure.</summary>
internal static class GrpcText
{
    /// <summary>UNKNOWN: also what a code means that gRPC does not have.</summary>
    public const int UnknownStatus = 2;

    /// <summary>The greatest code there is: UNAUTHENTICATED.</summary>
    public const int StatusMax = 16;

    /// <summary>Whether a content-type says gRPC, perhaps with the encoding of its messages. gRPC-Web is another protocol.</summary>
    public static bool IsContentType(ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> grpc = "application/grpc"u8;
        return value.StartsWith(grpc) && (value.Length == grpc.Length || value[grpc.Length] is (byte)'+' or (byte)';' or (byte)' ');
    }

    /// <summary>The code that a <c>grpc-status</c> says; <see cref="UnknownStatus"/> for what is none.</summary>
    public static int StatusOf(ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out int status, out int consumed) && consumed == text.Length && status is >= 0 and <= StatusMax
            ? status
            : UnknownStatus;
}
