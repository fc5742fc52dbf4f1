using System.Buffers;
using System.Text;
using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http1;

namespace Mesh.Bench.Micro.Http1;

/// <summary>Cost of one chunk of content, taken off the input as a slice. Budget: 0 B per chunk.</summary>
[Config(typeof(StableAllocationConfig))]
public class ChunkBench
{
    private const int Chunks = 100;

    private readonly Http1BodyReader _body = new(new Http1Options());
    private ReadOnlySequence<byte> _input;

    [Params(16, 4_096)]
    public int ChunkBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        string chunk = $"{ChunkBytes:x}\r\n{new string('x', ChunkBytes)}\r\n";
        _input = new ReadOnlySequence<byte>(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(chunk, Chunks)) + "0\r\n\r\n"));
    }

    [Benchmark(OperationsPerInvoke = Chunks)]
    public long Read()
    {
        ReadOnlySequence<byte> input = _input;
        _body.Begin(BodyFraming.Chunked);
        while (_body.Read(ref input, out _) == Http1ReadStatus.Content)
        {
        }

        return _body.ContentBytes;
    }
}
