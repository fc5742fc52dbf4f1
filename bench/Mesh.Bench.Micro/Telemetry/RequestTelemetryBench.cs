using System.Net;
using BenchmarkDotNet.Attributes;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Requests;

namespace Mesh.Bench.Micro.Telemetry;

/// <summary>What telemetry adds to one request of a known series: its head looked at, its end counted and handed to the log.</summary>
[Config(typeof(StableAllocationConfig))]
public class RequestTelemetryBench
{
    private const int Requests = 1_000;
    private const int Workloads = 50;

    private readonly Workload[] _workloads = new Workload[Workloads];
    private readonly RequestRecord _record = new();
    private readonly RequestHead _head = new() { Method = "GET"u8, Path = "/items?id=7"u8, Authority = "stock:8080"u8 };
    private NodeTelemetry _node = null!;
    private RequestTelemetry _loop = null!;
    private ConnectionRecord _connection = null!;

    [Params(AccessLogMode.Off, AccessLogMode.Json)]
    public AccessLogMode Access { get; set; }

    /// <summary>One reporter, or both on this node.</summary>
    [Params(ConnectionPath.Outbound, ConnectionPath.SameNode)]
    public ConnectionPath Path { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _node = new NodeTelemetry(new TelemetryOptions(), new LogOptions { Requests = Access }, loops: 1, Stream.Null, TimeProvider.System);
        _loop = _node.RequestsForLoop(0);
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

        IPEndPoint client = new(IPAddress.Loopback, 1);
        _connection = new ConnectionRecord(Path, client, client, startedMs: 0)
        {
            Source = _workloads[0],
            SourceIdentity = _workloads[0].Identity,
            Service = new Service("shop", "stock.shop.svc.cluster.local") { Name = "stock" },
        };
        foreach ((string name, string value) in new[]
        {
            ("accept", "*/*"), ("user-agent", "wrk/4.2.0"), ("x-request-id", "5b7e12ab-7e24-4d9c-9f0e-2ad4c0f3f6a1"),
            ("x-forwarded-for", "10.1.0.5"), ("x-forwarded-proto", "http"), ("accept-encoding", "gzip"),
        })
        {
            _head.Fields.Add(System.Text.Encoding.ASCII.GetBytes(name), System.Text.Encoding.ASCII.GetBytes(value));
        }
    }

    [GlobalCleanup]
    public void Cleanup() => _node.Dispose();

    [Benchmark(OperationsPerInvoke = Requests)]
    public int Complete()
    {
        for (int index = 0; index < Requests; index++)
        {
            Workload destination = _workloads[index % Workloads];
            _loop.Began(_record, _connection, nowMs: 0);
            _record.SetRequest(_head);
            _record.DestinationWorkload = destination;
            _record.DestinationIdentity = destination.Identity;
            _record.ResponseCode = 200;
            _record.Details = ResponseDetails.ViaUpstream;
            _record.ResponseBytes = 600;
            _record.Attempts = 1;
            _loop.Completed(_record, nowMs: 3);
        }

        return _record.ResponseCode;
    }
}
