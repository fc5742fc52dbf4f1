using System.Net;
using BenchmarkDotNet.Attributes;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Bench.Micro.Telemetry;

/// <summary>Cost of making a connection visible and taking it away again, with 10,000 others open.</summary>
[Config(typeof(StableAllocationConfig))]
public class OpenConnectionsBench
{
    private const int OtherConnections = 10_000;

    private readonly OpenConnections _open = new();
    private readonly ConnectionRecord _record = new(ConnectionPath.Outbound, new IPEndPoint(IPAddress.Loopback, 1), null, startedMs: 0);

    [GlobalSetup]
    public void Setup()
    {
        for (int index = 0; index < OtherConnections; index++)
        {
            _open.Add(new ConnectionRecord(ConnectionPath.Outbound, _record.Client, null, startedMs: 0));
        }
    }

    [Benchmark]
    public int AddAndRemove()
    {
        _open.Add(_record);
        _open.Remove(_record);
        return _open.Count;
    }
}
