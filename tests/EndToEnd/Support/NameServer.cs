using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// A DNS server that knows every name: it answers each question for an address with the same address, or with the one it was asked from.
/// It belongs to the test and ends with it.
/// </summary>
internal sealed class NameServer : IAsyncDisposable
{
    private readonly Socket _socket;
    private readonly IPAddress? _answer;
    private readonly Task _serving;

    private NameServer(Socket socket, IPAddress? answer)
    {
        (_socket, _answer) = (socket, answer);
        _serving = ServeAsync();
    }

    /// <summary>Who has asked.</summary>
    public ConcurrentQueue<IPEndPoint> Clients { get; } = new();

    /// <summary>One in a pod, which answers with the address it was asked from.</summary>
    public static NameServer Start(LabPod pod, AddressFamily family)
    {
        Socket socket = pod.OpenDatagramSocket(family);
        socket.Bind(new IPEndPoint(pod.Address(family), 53));
        return new NameServer(socket, answer: null);
    }

    /// <summary>One that only a node's own programs can ask, at the address its resolv.conf has.</summary>
    /// <param name="node">The node's network.</param>
    /// <param name="answer">What every name stands for.</param>
    public static NameServer Start(NetNamespace node, IPAddress answer)
    {
        Socket socket = node.Run(0, static _ => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 53));
        return new NameServer(socket, answer);
    }

    public async ValueTask DisposeAsync()
    {
        _socket.Dispose();
        await _serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ServeAsync()
    {
        byte[] buffer = new byte[4_096];
        var anyone = new IPEndPoint(_socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        while (true)
        {
            SocketReceiveFromResult received = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, anyone);
            var client = (IPEndPoint)received.RemoteEndPoint;
            Clients.Enqueue(client);
            byte[] answer = Answer(buffer.AsSpan(0, received.ReceivedBytes), _answer ?? client.Address);
            await _socket.SendToAsync(answer, SocketFlags.None, client);
        }
    }

    /// <summary>Header and question as they came, and one address; what stood behind the question is left out.</summary>
    private static byte[] Answer(ReadOnlySpan<byte> query, IPAddress address)
    {
        int end = 12;
        while (query[end] != 0)
        {
            end += query[end] + 1;
        }

        end += 5;
        byte type = query[end - 3];
        byte[] value = address.GetAddressBytes();
        byte[] record = type == (value.Length == 4 ? 1 : 28)
            ? [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, (byte)value.Length, .. value]
            : [];
        return [query[0], query[1], 0x81, 0x80, 0, 1, 0, (byte)(record.Length > 0 ? 1 : 0), 0, 0, 0, 0, .. query[12..end], .. record];
    }
}
