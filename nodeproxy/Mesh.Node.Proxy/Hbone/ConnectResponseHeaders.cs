using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Hbone;
using Mesh.Node.Protocols.Http;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>The answer to a CONNECT.</summary>
internal static class ConnectResponseHeaders
{
    /// <summary>Writes status and, for success, who answers.</summary>
    /// <param name="headers">Replaced.</param>
    /// <param name="status">One of <see cref="ConnectStatusCode"/>.</param>
    /// <param name="destination">The workload that answers; null tells nothing.</param>
    public static void Write(HeaderList headers, int status, Workload? destination)
    {
        headers.Clear();
        headers.Add(":status"u8, status switch
        {
            ConnectStatusCode.Ok => "200"u8,
            ConnectStatusCode.BadRequest => "400"u8,
            ConnectStatusCode.Denied => "401"u8,
            _ => "503"u8,
        });
        Span<byte> text = stackalloc byte[Baggage.BytesMax];
        if (destination is not null && WorkloadBaggage.For(destination).TryFormat(text, out int bytes))
        {
            headers.Add("baggage"u8, text[..bytes]);
        }
    }
}
