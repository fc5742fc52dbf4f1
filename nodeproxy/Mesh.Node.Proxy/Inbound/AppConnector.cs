using System.Net;
using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>Connects to an application inside its pod, in the client's name: the application sees the client's address.</summary>
/// <param name="share">Of whoever asks for it: the client where it is on this node too.</param>
/// <param name="pod">The application's.</param>
/// <param name="timeLimit">For one connect.</param>
internal sealed class AppConnector(LoopShare share, EnrolledPod pod, TimeSpan timeLimit)
{
    /// <summary>
    /// Ports tried before giving up. Each failure means a live connection from that very port, so several in a row are rare.
    /// </summary>
    private const int SourcePortTriesMax = 64;

    private TcpConnector? _pending;
    private bool _cancelled;

    /// <summary>Connects to the application; the client's address is kept unless it is the pod's own.</summary>
    public async ValueTask<ConnectResult> ConnectAsync(IPAddress client, IPEndPoint application)
    {
        bool isOwnAddress = client.Equals(application.Address);
        for (int tries = 0; tries < SourcePortTriesMax && !_cancelled; tries++)
        {
            SysResult opened = pod.Sockets.TryOpen(application.AddressFamily, out SocketHandle? socket);
            if (!opened.Ok)
            {
                return new ConnectResult(ConnectStatus.Failed, opened.Error, null);
            }

            if (!isOwnAddress)
            {
                SysResult bound = Bind(socket!, client);
                if (!bound.Ok)
                {
                    socket!.Dispose();
                    if (bound.Error == Errno.EADDRINUSE)
                    {
                        continue;
                    }

                    return new ConnectResult(ConnectStatus.Failed, bound.Error, null);
                }
            }

            _pending = new TcpConnector(share);
            ConnectResult connected = await _pending.ConnectAsync(socket!, application, timeLimit);
            _pending = null;
            if (isOwnAddress || connected.Error != Errno.EADDRNOTAVAIL)
            {
                return connected;
            }
        }

        return new ConnectResult(_cancelled ? ConnectStatus.Cancelled : ConnectStatus.Failed, Errno.EADDRNOTAVAIL, null);
    }

    /// <summary>Gives up a pending connect.</summary>
    public void Cancel()
    {
        _cancelled = true;
        _pending?.Cancel();
    }

    private SysResult Bind(SocketHandle socket, IPAddress client)
    {
        SysResult transparent = Mesh.Interop.Linux.SocketOptions.Transparent(socket, client.AddressFamily, true);
        if (!transparent.Ok)
        {
            return transparent;
        }

        Mesh.Interop.Linux.SocketOptions.ReuseAddress(socket, true);
        return Sockets.Bind(socket, new IPEndPoint(client, pod.Sockets.SourcePorts.Next()));
    }
}
