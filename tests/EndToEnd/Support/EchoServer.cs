using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mesh.Lab;
using Xunit;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// A server in a pod that sends back what it receives. It answers the end of a client's bytes with the end of its own, so half-closed
/// connections end as they should. It belongs to the test and ends with it.
/// </summary>
internal sealed class EchoServer : IAsyncDisposable
{
    private readonly Socket _listener;
    private readonly CancellationTokenSource _life = new();
    private readonly ConcurrentBag<IPEndPoint> _clients = [];
    private readonly ConcurrentDictionary<Socket, byte> _open = [];
    private readonly Task _accepting;

    private EchoServer(LabPod pod, int port, Socket listener)
    {
        (Pod, Port, _listener) = (pod, port, listener);
        _accepting = AcceptAsync();
    }

    public LabPod Pod { get; }

    public int Port { get; }

    /// <summary>Who has connected, as the server sees it; mapped addresses are shown as IPv4.</summary>
    public IReadOnlyCollection<IPEndPoint> Clients => _clients;

    public static async Task<EchoServer> StartAsync(LabPod pod, int port) => new(pod, port, await pod.ListenAsync(port, backlog: 4096));

    /// <summary>
    /// How many have connected from elsewhere than the pod itself. Who was cut off at once is counted too: connections are accepted in the
    /// order they came, and the last of them is the server's own.
    /// </summary>
    public async Task<int> CountClientsAsync()
    {
        Outcome own = await Attempt.AnEchoAsync(Pod, new IPEndPoint(IPAddress.Loopback, Port));
        Assert.Equal(Outcome.Answered, own);
        return _clients.Count(client => !IPAddress.IsLoopback(client.Address));
    }

    public IPEndPoint EndPoint(AddressFamily family = AddressFamily.InterNetwork) => Pod.EndPoint(Port, family);

    public async ValueTask DisposeAsync()
    {
        await _life.CancelAsync();
        _listener.Dispose();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (Socket socket in _open.Keys)
        {
            socket.Dispose();
        }

        _life.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_life.IsCancellationRequested)
        {
            Socket socket = await _listener.AcceptAsync(_life.Token);
            var client = (IPEndPoint)socket.RemoteEndPoint!;
            _clients.Add(client.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(client.Address.MapToIPv4(), client.Port) : client);
            _open[socket] = 0;
            _ = EchoAsync(socket);
        }
    }

    private async Task EchoAsync(Socket socket)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                int bytes = await socket.ReceiveAsync(buffer, _life.Token);
                if (bytes == 0)
                {
                    socket.Shutdown(SocketShutdown.Send);
                    return;
                }

                await socket.SendAllAsync(buffer.AsMemory(0, bytes), _life.Token);
            }
        }
        catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The client has reset it, or the test is over.
        }
        finally
        {
            _open.TryRemove(socket, out _);
            socket.Dispose();
        }
    }
}
