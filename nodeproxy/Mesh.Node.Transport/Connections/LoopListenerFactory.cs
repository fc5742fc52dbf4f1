using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Transport.Connections;

/// <summary>Makes listeners on one loop, whose connections live there. Loop thread.</summary>
public sealed class LoopListenerFactory(EventLoop loop, ListenerOptions options) : IConnectionListenerFactory
{
    /// <summary>Binds and listens.</summary>
    /// <param name="endpoint">An <see cref="IPEndPoint"/>; port 0 lets the kernel choose.</param>
    /// <param name="cancellationToken">Not used: nothing here waits.</param>
    /// <exception cref="AddressInUseException">Somebody listens there.</exception>
    /// <exception cref="PosixException">The kernel refused otherwise.</exception>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not IPEndPoint address)
        {
            throw new ArgumentException($"{endpoint} is no address and port.", nameof(endpoint));
        }

        SocketHandle listening = Sockets.OpenTcp(address.AddressFamily);
        SysResult bound = Sockets.Bind(listening, address);
        SysResult result = bound.Ok ? Sockets.Listen(listening, options.Backlog) : bound;
        if (!result.Ok)
        {
            listening.Dispose();
            throw result.Error == Errno.EADDRINUSE
                ? new AddressInUseException($"{address} is in use.")
                : new PosixException(result.Error, $"bind({address})");
        }

        return ValueTask.FromResult<IConnectionListener>(Start(listening));
    }

    /// <summary>Accepts on a socket that already listens, such as one opened in a pod's namespace; owns it.</summary>
    /// <exception cref="PosixException">The kernel does not watch it; it is closed.</exception>
    public LoopListener Start(SocketHandle listening) => LoopListener.Start(loop, listening, options);
}
