using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;

namespace Mesh.Testing.Tls;

/// <summary>A non-blocking socket as the transport of a session. The socket stays its caller's.</summary>
public sealed class SocketTlsIo(SocketHandle socket) : ITlsIo
{
    /// <inheritdoc/>
    public SysResult Receive(Span<byte> destination) => Sockets.Receive(socket, destination);

    /// <inheritdoc/>
    public SysResult Send(ReadOnlySpan<byte> source) => Sockets.Send(socket, source);
}
