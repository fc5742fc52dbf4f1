using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Node.Proxy.Succession;

/// <summary>One of a pod's listening sockets.</summary>
/// <param name="Port">One of the proxy's ports.</param>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Socket">The socket.</param>
public readonly record struct PodListener(ushort Port, AddressFamily Family, SocketHandle Socket);
