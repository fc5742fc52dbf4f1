using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Bench.Micro.Http2;

/// <summary>
/// Cost of one DATA frame from the sender's buffer to the reader, both engines and one copy between them included. Budget: 0 B per frame.
/// </summary>
[Config(typeof(StableAllocationConfig))]
public class DataRelayBench
{
    private const int FramesPerRun = 100;

    private readonly LinkedEngines _engines = new();
    private readonly byte[] _content = new byte[16_375];
    private Http2Stream _stream = null!;

    [Params(64, 1_024, 16_375)]
    public int PayloadBytes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _engines.Client.TryOpenStream(LinkedEngines.Connect(), endStream: false, tag: null, out _stream);
        _engines.Exchange();
    }

    [Benchmark(OperationsPerInvoke = FramesPerRun)]
    public int Relay()
    {
        Http2Connection client = _engines.Client;
        int sent = 0;
        for (int frame = 0; frame < FramesPerRun; frame++)
        {
            Span<byte> room = client.ReserveData(_stream, PayloadBytes);
            _content.AsSpan(0, room.Length).CopyTo(room);
            client.CommitData(_stream, room.Length, endStream: false);
            sent += room.Length;
            if (client.Output.IsAboveHighWater)
            {
                _engines.Exchange();
            }
        }

        _engines.Exchange();
        return sent;
    }
}
