using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Pods;

namespace Mesh.Node.Proxy.Lookups;

/// <summary>
/// Sends answers in the name of the servers that a pod asked: a socket for each, bound to the server's address and port. A pod asks few;
/// beyond that the one that was made first gives way. The pod's home loop.
/// </summary>
internal sealed class ServerNames(PodSockets sockets)
{
    private const int SocketsMax = 16;

    private readonly Dictionary<DatagramAddress, SocketHandle> _sockets = [];
    private readonly Queue<DatagramAddress> _order = new();

    /// <summary>Sends one answer. What cannot be sent is lost, as datagrams are.</summary>
    /// <returns>Why it could not, where it could not.</returns>
    public SysResult Send(in DatagramAddress server, ReadOnlySpan<byte> answer, in DatagramAddress client)
    {
        if (!_sockets.TryGetValue(server, out SocketHandle? socket))
        {
            SysResult opened = sockets.TryOpenDatagram(server, out socket);
            if (!opened.Ok)
            {
                return opened;
            }

            if (_order.Count == SocketsMax && _sockets.Remove(_order.Dequeue(), out SocketHandle? oldest))
            {
                oldest.Dispose();
            }

            _sockets.Add(server, socket!);
            _order.Enqueue(server);
        }

        return Datagrams.SendTo(socket!, answer, client);
    }

    /// <summary>Lets the sockets go.</summary>
    public void Close()
    {
        foreach (SocketHandle socket in _sockets.Values)
        {
            socket.Dispose();
        }

        _sockets.Clear();
        _order.Clear();
    }
}
