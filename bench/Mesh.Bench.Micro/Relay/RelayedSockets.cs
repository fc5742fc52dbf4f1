using System.Net;
using System.Net.Sockets;

namespace Mesh.Bench.Micro.Relay;

/// <summary>The two applications at the ends of one or more <see cref="RelayHop"/>s: plain sockets on the benchmark's own thread.</summary>
internal sealed class RelayedSockets : IDisposable
{
    private const int BufferBytes = 1024 * 1024;

    private readonly Socket _origin = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private Socket _server = null!;

    public RelayedSockets()
    {
        _origin.ReceiveBufferSize = BufferBytes;
        _origin.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _origin.Listen();

        // Large enough for a whole chunk to be on its way: one thread sends and then receives.
        _client.SendBufferSize = BufferBytes;
    }

    public IPEndPoint Origin => (IPEndPoint)_origin.LocalEndPoint!;

    public void Connect(IPEndPoint front)
    {
        _client.Connect(front);
        _server = _origin.Accept();
        _server.NoDelay = true;
    }

    /// <summary>Sends a chunk at one end and takes it at the other, as often as asked.</summary>
    /// <returns>Bytes carried.</returns>
    public long Carry(byte[] chunk, int times)
    {
        long carried = 0;
        for (int i = 0; i < times; i++)
        {
            _client.Send(chunk);
            int received = 0;
            while (received < chunk.Length)
            {
                received += _server.Receive(chunk, received, chunk.Length - received, SocketFlags.None);
            }

            carried += received;
        }

        return carried;
    }

    public void Dispose()
    {
        _client.Dispose();
        _server.Dispose();
        _origin.Dispose();
    }
}
