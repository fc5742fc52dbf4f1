using BenchmarkDotNet.Attributes;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;

namespace Mesh.Bench.Micro.Http2;

/// <summary>Cost of the life of a tunnel in both engines: CONNECT, 200, both ends, with and without a reset. Budget: 0 B.</summary>
[Config(typeof(StableAllocationConfig))]
public class StreamBench
{
    private readonly LinkedEngines _engines = new();
    private readonly HeaderList _request = LinkedEngines.Connect();

    [Benchmark]
    public int OpenAndClose()
    {
        _engines.Client.TryOpenStream(_request, endStream: false, tag: null, out Http2Stream stream);
        _engines.Exchange();
        _engines.Client.CompleteSend(stream);
        _engines.Exchange();
        return _engines.Server.ActiveStreams;
    }

    [Benchmark]
    public int OpenAndReset()
    {
        _engines.Client.TryOpenStream(_request, endStream: false, tag: null, out Http2Stream stream);
        _engines.Exchange();
        _engines.Client.ResetStream(stream, Http2ErrorCode.ConnectError);
        _engines.Exchange();
        return _engines.Server.ActiveStreams;
    }
}
