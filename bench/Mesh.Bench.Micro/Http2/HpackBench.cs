using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2.Hpack;

namespace Mesh.Bench.Micro.Http2;

/// <summary>
/// Cost of one header block: the CONNECT of a tunnel and the request of a browser, with warm tables. Budget: 0 B per block.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class HpackBench
{
    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _decoder = new(64 * 1024, 64 * 1024);
    private readonly HeaderList _decoded = new();
    private HeaderList _headers = new();
    private byte[] _encoded = [];
    private byte[] _warm = [];

    public enum Block
    {
        Connect,
        Browser,
    }

    [Params(Block.Connect, Block.Browser)]
    public Block Kind { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _headers = Kind == Block.Connect ? LinkedEngines.Connect() : Browser();
        _encoded = new byte[HpackEncoder.EncodedBytesMax(_headers)];

        // The first block fills the tables of both sides; the second is what every further one looks like.
        var encoder = new HpackEncoder();
        int bytes = encoder.Encode(_headers, _encoded);
        _decoder.Decode(_encoded.AsSpan(0, bytes), _decoded);
        bytes = encoder.Encode(_headers, _encoded);
        _warm = _encoded[..bytes];
    }

    [Benchmark]
    public int Encode() => _encoder.Encode(_headers, _encoded);

    [Benchmark]
    public int Decode()
    {
        _decoded.Clear();
        _decoder.Decode(_warm, _decoded);
        return _decoded.Count;
    }

    private static HeaderList Browser()
    {
        var headers = new HeaderList();
        headers.Add(":method"u8, "GET"u8);
        headers.Add(":scheme"u8, "https"u8);
        headers.Add(":authority"u8, "shop.example.com"u8);
        headers.Add(":path"u8, "/products/4711?session=8f14e45fceea167a5a36dedd4bea2543"u8);
        headers.Add("user-agent"u8, "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"u8);
        headers.Add("accept"u8, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"u8);
        headers.Add("accept-language"u8, "en-US,en;q=0.5"u8);
        headers.Add("accept-encoding"u8, "gzip, deflate, br, zstd"u8);
        headers.Add("cookie"u8, "session=8f14e45fceea167a5a36dedd4bea2543; theme=dark"u8);
        headers.Add("upgrade-insecure-requests"u8, "1"u8);
        return headers;
    }
}
