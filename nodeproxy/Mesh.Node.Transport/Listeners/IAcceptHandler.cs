using System.Net;
using Mesh.Interop.Linux;

namespace Mesh.Node.Transport.Listeners;

/// <summary>Takes connections from a <see cref="TcpListener"/>.</summary>
public interface IAcceptHandler
{
    /// <summary>
    /// False leaves further connections in the kernel's queue until <see cref="TcpListener.Resume"/>: for limits such as handshakes.
    /// </summary>
    bool CanAccept { get; }

    /// <summary>Owns the socket from here on. Runs on the listener's loop and must not throw.</summary>
    void OnAccepted(SocketHandle socket, IPEndPoint peer);

    /// <summary>A connection could not be taken (EMFILE, ENFILE, ENOMEM…). The listener tries again by itself.</summary>
    void OnAcceptFailed(Errno error);
}
