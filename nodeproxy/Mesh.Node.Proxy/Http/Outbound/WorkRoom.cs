using System.Buffers;

namespace Mesh.Node.Proxy.Http.Outbound;

/// <summary>Room in which texts of a request are made, which serves one request after another.</summary>
internal static class WorkRoom
{
    /// <summary>What is kept for the next request; most texts are far shorter.</summary>
    public const int BytesKept = 4 * 1024;

    /// <summary>The same room, or a new one when one long text has made it large.</summary>
    public static ArrayBufferWriter<byte> Kept(ArrayBufferWriter<byte> room) => room.Capacity > BytesKept ? new() : room;
}
