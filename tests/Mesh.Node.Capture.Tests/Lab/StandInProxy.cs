using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Tests.Lab;

/// <summary>
/// What the proxy is to the rules and no more: listens where they deliver, refuses what carries its own mark, notes each original
/// destination, and connects on: to the network with its own mark, to the application in the client's name.
/// </summary>
internal sealed class StandInProxy : IDisposable
{
    private readonly NetNamespace _network;
    private readonly CaptureMode _mode;
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly List<Socket> _listeners = [];
    private volatile bool _isDisposed;

    public StandInProxy(NetNamespace network, CaptureMode mode)
    {
        _network = network;
        _mode = mode;
        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
            Start(new IPEndPoint(any, 15001), "out");
            Start(new IPEndPoint(any, 15006), "in");
            Start(new IPEndPoint(any, 15053), "dns");
        }
    }

    /// <summary>Every connection it took: <c>in</c>, <c>out</c> or <c>dns</c>, from whom, to where.</summary>
    public ConcurrentQueue<string> Captured { get; } = new();

    /// <summary>Every connection it refused because it came with the proxy's own mark: <c>in</c>, <c>out</c> or <c>dns</c>, from whom.</summary>
    public ConcurrentQueue<string> Refused { get; } = new();

    /// <summary>Takes nothing new and goes on with what is open, as a proxy that drains.</summary>
    public void CloseListeners()
    {
        _isDisposed = true;
        foreach (Socket listener in _listeners)
        {
            // Ends the listening now; disposing ends it only when nothing under way holds the handle any more.
            listener.Shutdown(SocketShutdown.Both);
            listener.Dispose();
        }

        _listeners.Clear();
    }

    public void Dispose()
    {
        CloseListeners();
        foreach (Socket socket in _sockets)
        {
            // With a reset, as the kernel does for a process that is killed with data unread.
            socket.Close(0);
        }
    }

    private void Start(IPEndPoint at, string way)
    {
        Socket listener = LabSockets.Listen(_network, at, asProxy: true);
        _listeners.Add(listener);
        _ = AcceptAsync(listener, way);
    }

    private async Task AcceptAsync(Socket listener, string way)
    {
        try
        {
            while (true)
            {
                Socket accepted = await listener.AcceptAsync();
                _sockets.Add(accepted);
                if (LabSockets.TakeMark(accepted))
                {
                    Refused.Enqueue($"{way} {((IPEndPoint)accepted.RemoteEndPoint!).Address}");
                    accepted.Close(0);
                    continue;
                }

                _ = ForwardAsync(accepted, way);
            }
        }
        catch (Exception ended) when (_isDisposed && ended is SocketException or ObjectDisposedException)
        {
            // The test is over, or has killed the proxy.
        }
    }

    private async Task ForwardAsync(Socket client, string way)
    {
        try
        {
            IPEndPoint destination = _mode == CaptureMode.Redirect
                ? LabSockets.OriginalDestination(client)
                : (IPEndPoint)client.LocalEndPoint!;
            IPAddress source = ((IPEndPoint)client.RemoteEndPoint!).Address;
            Captured.Enqueue($"{way} {source} {destination}");
            IPAddress? from = way == "in" && !source.Equals(destination.Address) ? source : null;
            Socket onward = await LabSockets.ConnectAsync(_network, destination, marked: true, from);
            _sockets.Add(onward);
            await Task.WhenAll(CopyAsync(client, onward), CopyAsync(onward, client));
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            client.Close(0);
        }
    }

    private static async Task CopyAsync(Socket from, Socket to)
    {
        byte[] part = new byte[65536];
        while (await from.ReceiveAsync(part, SocketFlags.None) is int count and > 0)
        {
            for (int sent = 0; sent < count;)
            {
                sent += await to.SendAsync(part.AsMemory(sent, count - sent), SocketFlags.None);
            }
        }

        to.Shutdown(SocketShutdown.Send);
    }
}
