using System.Buffers.Text;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Http;

/// <summary>The fields by which a request is known beyond one hop.</summary>
internal static class RequestIdentifiers
{
    /// <summary>
    /// Gives a request an x-request-id where its client gave it none: a random UUID (RFC 9562 §5.4), as Envoy makes them.
    /// </summary>
    public static void Ensure(RequestHead head, ref RandomState random)
    {
        if (head.Fields.IndexOf("x-request-id"u8) >= 0)
        {
            return;
        }

        Span<byte> bits = stackalloc byte[16];
        BitConverter.TryWriteBytes(bits, random.Next());
        BitConverter.TryWriteBytes(bits[8..], random.Next());
        bits[6] = (byte)((bits[6] & 0x0f) | 0x40);
        bits[8] = (byte)((bits[8] & 0x3f) | 0x80);
        Span<byte> text = stackalloc byte[36];
        Utf8Formatter.TryFormat(new Guid(bits, bigEndian: true), text, out int bytes);
        head.Fields.Add("x-request-id"u8, text[..bytes]);
    }
}
