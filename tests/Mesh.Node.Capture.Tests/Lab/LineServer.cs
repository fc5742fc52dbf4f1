using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Tests.Lab;

/// <summary>
/// An application: greets each connection with its name and the peer it sees, then sends every line back. Not changed for the mesh.
/// </summary>
internal sealed class LineServer : IDisposable
{
    private readonly string _name;
    private readonly List<Socket> _listeners = [];
    private readonly List<Socket> _sockets = [];
    private volatile bool _isDisposed;
    private int _connections;

    public LineServer(NetNamespace network, string name, params IEnumerable<IPEndPoint> at)
    {
        _name = name;
        foreach (IPEndPoint endPoint in at)
        {
            Socket listener = LabSockets.Listen(network, endPoint);
            _listeners.Add(listener);
            _ = AcceptAsync(listener);
        }
    }

    /// <summary>Connections it has seen, captured or not.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>On every address of both families.</summary>
    public static LineServer Anywhere(NetNamespace network, string name, int port) =>
        new(network, name, new IPEndPoint(IPAddress.Any, port), new IPEndPoint(IPAddress.IPv6Any, port));

    public void Dispose()
    {
        _isDisposed = true;
        foreach (Socket listener in _listeners)
        {
            // Ends the listening now: disposing ends it only when nothing under way holds the handle any more, and until then the kernel goes on
            // giving it connections that are meant for its successor.
            listener.Shutdown(SocketShutdown.Both);
            listener.Dispose();
        }

        foreach (Socket socket in Copy())
        {
            socket.Dispose();
        }
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                Socket accepted = await listener.AcceptAsync();
                Interlocked.Increment(ref _connections);
                lock (_sockets)
                {
                    _sockets.Add(accepted);
                }

                _ = ServeAsync(accepted);
            }
        }
        catch (Exception ended) when (_isDisposed && ended is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(Socket connection)
    {
        try
        {
            await LabSockets.SendAsync(connection, $"{_name} sees {((IPEndPoint)connection.RemoteEndPoint!).Address}\n");
            byte[] part = new byte[65536];
            while (await connection.ReceiveAsync(part, SocketFlags.None) is int count and > 0)
            {
                if (part.AsSpan(0, count).SequenceEqual("bye\n"u8))
                {
                    break;
                }

                await connection.SendAsync(part.AsMemory(0, count), SocketFlags.None);
            }

            connection.Shutdown(SocketShutdown.Send);
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The peer reset it, or the test is over.
        }
    }

    private Socket[] Copy()
    {
        lock (_sockets)
        {
            return [.. _sockets];
        }
    }
}
