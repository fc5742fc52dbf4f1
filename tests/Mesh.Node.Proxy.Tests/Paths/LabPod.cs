using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>A pod of a <see cref="LabNode"/>.</summary>
/// <param name="network">Its namespace, owned.</param>
/// <param name="nodeAddress">The node's address it knows its node by.</param>
/// <param name="workload">What the control plane says it is.</param>
/// <param name="details">What the agent says of it.</param>
internal sealed class LabPod(ScratchNamespace network, IPAddress nodeAddress, Workload workload, PodDetails details) : IDisposable
{
    private readonly List<Socket> _listeners = [];

    public ScratchNamespace Network => network;

    public IPAddress NodeAddress => nodeAddress;

    public Workload Workload => workload;

    public PodDetails Details => details;

    public IPAddress Address => workload.Addresses[0];

    /// <summary>Listens on a port of the pod, as its application.</summary>
    public Socket Listen(int port)
    {
        Socket listener = Open(network.Network);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen(4_096);
        _listeners.Add(listener);
        return listener;
    }

    /// <summary>Listens on ports of the pod, so that nothing else can be bound to them; the caller disposes the sockets.</summary>
    public List<Socket> TakePorts(int first, int last)
    {
        var taken = new List<Socket>();
        for (int port = first; port <= last; port++)
        {
            Socket socket = Open(network.Network);
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            socket.Listen(1);
            taken.Add(socket);
        }

        return taken;
    }

    /// <summary>Sends everything back that comes in on a port, for as long as the pod is there.</summary>
    public void Echo(int port) => _ = EchoAsync(Listen(port));

    /// <summary>Connects from inside the pod.</summary>
    public Task<Socket> ConnectAsync(IPAddress address, int port) => ConnectAsync(network.Network, address, port);

    /// <summary>Connects from inside the pod and from an address of its choice.</summary>
    public Task<Socket> ConnectFromAsync(IPAddress source, IPAddress address, int port) => ConnectAsync(network.Network, address, port, source);

    /// <summary>A socket of the pod with the proxy's mark: the rules do not capture it.</summary>
    public Socket OpenMarked()
    {
        const int SolSocket = 1;
        const int SoMark = 36;
        Socket socket = Open(network.Network);
        socket.SetRawSocketOption(SolSocket, SoMark, BitConverter.GetBytes(0x539));
        return socket;
    }

    /// <summary>Connects from a namespace; the caller disposes the socket.</summary>
    public static async Task<Socket> ConnectAsync(NetNamespace from, IPAddress address, int port, IPAddress? source = null)
    {
        Socket socket = from.Run(address.AddressFamily, static family => new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });
        try
        {
            if (source is not null)
            {
                socket.Bind(new IPEndPoint(source, 0));
            }

            using var limit = new CancellationTokenSource(LabNode.Patience);
            await socket.ConnectAsync(new IPEndPoint(address, port), limit.Token);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Says something and reads as many bytes back; fewer when the connection ends before.</summary>
    public static async Task<string> AskAsync(Socket socket, string text)
    {
        using var limit = new CancellationTokenSource(LabNode.Patience);
        await socket.SendAsync(Encoding.ASCII.GetBytes(text), SocketFlags.None, limit.Token);
        return await ReadAsync(socket, text.Length);
    }

    public static async Task<string> ReadAsync(Socket socket, int bytesMax)
    {
        using var limit = new CancellationTokenSource(LabNode.Patience);
        byte[] bytes = new byte[bytesMax];
        int read = 0;
        while (read < bytesMax && await socket.ReceiveAsync(bytes.AsMemory(read), SocketFlags.None, limit.Token) is int count and > 0)
        {
            read += count;
        }

        return Encoding.ASCII.GetString(bytes, 0, read);
    }

    public void Dispose()
    {
        _listeners.ForEach(listener => listener.Dispose());
        network.Dispose();
    }

    private static Socket Open(NetNamespace at) =>
        at.Run(0, static _ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true });

    private static async Task EchoAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                _ = EchoOneAsync(await listener.AcceptAsync());
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The pod is gone.
        }
    }

    private static async Task EchoOneAsync(Socket connection)
    {
        using Socket owned = connection;
        try
        {
            byte[] part = new byte[16_384];
            while (await connection.ReceiveAsync(part, SocketFlags.None) is int count and > 0)
            {
                await connection.SendAsync(part.AsMemory(0, count), SocketFlags.None);
            }
        }
        catch (SocketException)
        {
            // Reset by the other side.
        }
    }
}
