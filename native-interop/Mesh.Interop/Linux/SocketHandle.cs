using System.Net.Sockets;

namespace Mesh.Interop.Linux;

/// <summary>
/// A TCP socket, always non-blocking and close-on-exec. <see cref="Sockets"/> and <see cref="SocketOptions"/> work on it, and
/// <see cref="EpollHandle"/> registers it. Disposing it closes the connection once no call is inside it any more; calls that begin
/// afterwards throw <see cref="ObjectDisposedException"/> and never reach a recycled descriptor.
/// </summary>
public sealed class SocketHandle : DescriptorHandle
{
    internal SocketHandle(int descriptor, AddressFamily family)
        : base(descriptor) => Family = family;

    /// <summary>
    /// The family the socket was made with. An <see cref="AddressFamily.InterNetworkV6"/> socket may still carry an IPv4 connection,
    /// whose end points are then reported as IPv4.
    /// </summary>
    public AddressFamily Family { get; }
}
