using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Sniffing;

namespace Mesh.Bench.Micro.Sniffing;

/// <summary>Cost of telling what a connection begins with, and of reading what a TLS client asks for. Budget: 0 B.</summary>
[Config(typeof(StableAllocationConfig))]
public class SniffBench
{
    private const string ServerName = "stock.shop.svc.cluster.local";
    private const int RecordHeaderBytes = 5;

    private readonly ClientHelloReader _reader = new();
    private readonly byte[] _request = "GET /api/v1/products/4711?currency=EUR HTTP/1.1\r\nHost: shop.example.com\r\n"u8.ToArray();
    private byte[] _hello = [];

    /// <summary>How many records the hello comes in.</summary>
    [Params(1, 3)]
    public int Records { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        // As large as one with a post-quantum key share.
        const int KeyShareBytes = 1_200;
        byte[] name = System.Text.Encoding.ASCII.GetBytes(ServerName);
        byte[] extensions =
        [
            0, 51, .. Length(KeyShareBytes), .. new byte[KeyShareBytes],
            0, 0, .. Length(name.Length + 5), .. Length(name.Length + 3), 0, .. Length(name.Length), .. name,
            0, 16, .. Length(5), .. Length(3), 2, (byte)'h', (byte)'2',
        ];
        byte[] body = [3, 3, .. new byte[32], 0, .. Length(2), 0x13, 0x01, 1, 0, .. Length(extensions.Length), .. extensions];
        byte[] message = [1, 0, .. Length(body.Length), .. body];
        _hello = [.. message.Chunk((message.Length + Records - 1) / Records).SelectMany(part => (byte[])[22, 3, 1, .. Length(part.Length), .. part])];
        if (ReadHello() != ServerName.Length || _hello.Length != message.Length + (Records * RecordHeaderBytes))
        {
            throw new InvalidOperationException("The hello is not read.");
        }
    }

    [Benchmark]
    public SniffedProtocol SniffRequest() => ProtocolSniffer.Sniff(_request);

    [Benchmark]
    public int ReadHello() => _reader.Read(_hello, out ClientHello hello) == ClientHelloStatus.Complete && hello.Offers("h2"u8) ? hello.ServerName.Length : -1;

    private static byte[] Length(int bytes) => [(byte)(bytes >> 8), (byte)bytes];
}
