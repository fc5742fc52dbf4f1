using System.Net;
using System.Net.Sockets;
using BenchmarkDotNet.Attributes;

namespace Mesh.Bench.Micro.Connections;

/// <summary>Messages to a server that stands on the seam, one at a time over a socket. Budget: 0 B per message.</summary>
/// <remarks>
/// One message at a time costs two wake-ups, which are most of the time. What a loop can serve is seen with
/// <c>--serve-http PORT</c> and a load generator.
/// </remarks>
[Config(typeof(StableAllocationConfig))]
public class SeamBench
{
    // Many, because what each thread takes from the heap at once, used or not, must not look like a cost of a message.
    private const int MessagesPerRun = 20_000;

    private readonly byte[] _request = "GET / HTTP/1.1\r\nhost: stock.shop.svc.cluster.local\r\nuser-agent: bench\r\naccept: */*\r\n\r\n"u8.ToArray();
    private readonly byte[] _answer = new byte[4_096];
    private readonly byte[] _message = new byte[16_384];
    private SeamServer _server = null!;
    private Socket _client = null!;

    [GlobalSetup(Target = nameof(Echo))]
    public void SetupEcho() => Setup(new SeamServer(new IPEndPoint(IPAddress.Loopback, 0), BenchProtocols.EchoAsync));

    [GlobalSetup(Target = nameof(Request))]
    public void SetupRequest() => Setup(new SeamServer(new IPEndPoint(IPAddress.Loopback, 0), BenchProtocols.HelloAsync));

    [GlobalCleanup]
    public void Cleanup()
    {
        _client.Dispose();
        _server.Dispose();
    }

    [Benchmark(OperationsPerInvoke = MessagesPerRun)]
    public long Echo()
    {
        long echoed = 0;
        for (int i = 0; i < MessagesPerRun; i++)
        {
            _client.Send(_message);
            int received = 0;
            while (received < _message.Length)
            {
                received += _client.Receive(_message, received, _message.Length - received, SocketFlags.None);
            }

            echoed += received;
        }

        return echoed;
    }

    [Benchmark(OperationsPerInvoke = MessagesPerRun)]
    public long Request()
    {
        long answered = 0;
        for (int i = 0; i < MessagesPerRun; i++)
        {
            _client.Send(_request);
            answered += _client.Receive(_answer);
        }

        return answered;
    }

    private void Setup(SeamServer server)
    {
        _server = server;
        _client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _client.Connect(server.Front);
    }
}
