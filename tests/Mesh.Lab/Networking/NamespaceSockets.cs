using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Lab.Networking;

/// <summary>
/// Sockets that belong to a namespace of the lab. A socket stays where it was made, so only making it enters the namespace; whatever is
/// done
/// with it afterwards is ordinary.
/// </summary>
internal static class NamespaceSockets
{
    /// <summary>A socket that is neither bound nor connected.</summary>
    public static Socket OpenTcp(NetNamespace place, AddressFamily family)
    {
        // On the calling thread: tests open tens of thousands, and a thread for each would cost more than all else.
        return place.Run(family, static family => new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
    }

    /// <summary>A datagram socket that is neither bound nor connected.</summary>
    public static Socket OpenUdp(NetNamespace place, AddressFamily family) =>
        place.Run(family, static family => new Socket(family, SocketType.Dgram, ProtocolType.Udp));

    public static async Task<Socket> ConnectAsync(NetNamespace place, IPEndPoint target, CancellationToken cancellation)
    {
        Socket socket = OpenTcp(place, target.AddressFamily);
        try
        {
            await socket.ConnectAsync(target, cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>An HTTP client whose connections come from the namespace. Addresses only: names would be looked up outside.</summary>
    public static HttpClient Http(NetNamespace place, TimeSpan timeout)
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            PooledConnectionLifetime = TimeSpan.Zero,
            ConnectCallback = async (context, cancellation) =>
            {
                IPAddress address = IPAddress.Parse(context.DnsEndPoint.Host.Trim('[', ']'));
                Socket socket = await ConnectAsync(place, new IPEndPoint(address, context.DnsEndPoint.Port), cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        };
        var client = new HttpClient(handler) { Timeout = timeout };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("mesh-lab", null));
        return client;
    }

    /// <summary>Whether something in the namespace listens on a port, for all addresses or for one.</summary>
    public static Task<bool> IsListeningAsync(NetNamespace place, ushort port) =>
        place.RunOnDedicatedThreadAsync(() => SocketTable.HasListener(port));
}
