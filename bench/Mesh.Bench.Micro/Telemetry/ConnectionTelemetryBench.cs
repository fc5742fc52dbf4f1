using System.Net;
using BenchmarkDotNet.Attributes;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;

namespace Mesh.Bench.Micro.Telemetry;

/// <summary>What telemetry adds to one connection: registered, counted in its istio series, ended, handed to the log.</summary>
[Config(typeof(StableAllocationConfig))]
public class ConnectionTelemetryBench
{
    private const int Connections = 1_000;
    private const int Workloads = 50;

    private readonly ConnectionRecord[] _records = new ConnectionRecord[Connections];
    private readonly Workload[] _workloads = new Workload[Workloads];
    private NodeTelemetry _node = null!;
    private ConnectionTelemetry _loop = null!;

    [Params(AccessLogMode.Off, AccessLogMode.Text)]
    public AccessLogMode Access { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _node = new NodeTelemetry(new TelemetryOptions(), new LogOptions { Access = Access }, loops: 1, Stream.Null, TimeProvider.System);
        _loop = _node.ForLoop(0);
        for (int index = 0; index < Workloads; index++)
        {
            _workloads[index] = new Workload
            {
                Uid = $"Kubernetes//Pod/shop/pod-{index}",
                Name = $"pod-{index}",
                Namespace = "shop",
                Identity = SpiffeId.Parse($"spiffe://cluster.local/ns/shop/sa/account-{index}"),
                ControllerName = $"deployment-{index}",
                CanonicalName = $"deployment-{index}",
                CanonicalRevision = "v1",
                ClusterId = "Kubernetes",
            };
        }

        Renew();
    }

    [IterationSetup]
    public void Renew()
    {
        IPEndPoint client = new(IPAddress.Loopback, 1);
        for (int index = 0; index < Connections; index++)
        {
            Workload source = _workloads[index % Workloads];
            Workload destination = _workloads[(index * 7) % Workloads];
            _records[index] = new ConnectionRecord(ConnectionPath.Outbound, client, client, startedMs: 0)
            {
                Source = source,
                SourceIdentity = source.Identity,
                DestinationWorkload = destination,
                DestinationIdentity = destination.Identity,
                IsMutualTls = true,
            };
        }
    }

    [GlobalCleanup]
    public void Cleanup() => _node.Dispose();

    [Benchmark(OperationsPerInvoke = Connections)]
    public long OpenAndClose()
    {
        foreach (ConnectionRecord record in _records)
        {
            _loop.Opened(record);
            _loop.PartiesKnown(record);
            record.AddSent(100);
            record.TryEnd(CloseReason.Completed);
            _loop.Closed(record, nowMs: 1);
        }

        return _loop.OpenedTotal(ConnectionPath.Outbound);
    }
}
