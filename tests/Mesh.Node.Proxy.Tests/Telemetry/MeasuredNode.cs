using Mesh.Api.Identity;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Node.Proxy.Explain;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Transport.EventLoops;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Node.Proxy.Tests.Telemetry;

/// <summary>Everything of a node that is measured, with one of each: a loop, a pod, a tunnel, a certificate.</summary>
internal sealed class MeasuredNode : IDisposable
{
    private readonly EventLoopGroup _loops = EventLoopGroup.Start(1, new EventLoopOptions());

    public MeasuredNode(TelemetryOptions options, TimeProvider time)
    {
        Telemetry = new NodeTelemetry(options, new LogOptions(), loops: 1, Stream.Null, time);
        Telemetry.AttachLoops(_loops.Loops);
        NodeMetrics.Register(new AdminSources
        {
            Telemetry = Telemetry,
            Configuration = new ConfigurationStore(NullLogger<ConfigurationStore>.Instance),
            Readiness = [],
            Certificates = () => [Certificate(time.GetUtcNow())],
            Tunnels = OneOfEach.Instance,
            Destinations = OneOfEach.Instance,
            RateLimits = OneOfEach.Instance,
            Explainer = OneOfEach.Instance,
            Pods = OneOfEach.Instance,
            NodeConfigurationJson = () => "{}",
        });
    }

    public NodeTelemetry Telemetry { get; }

    public void Dispose()
    {
        Telemetry.Dispose();
        _loops.Dispose();
    }

    private static CertificateStatus Certificate(DateTimeOffset now)
    {
        var identity = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/cart");
        var summary = new CertificateSummary(identity.ToString(), "CN=mesh", "01", now, now.AddDays(1));
        return new CertificateStatus(identity, CertificateState.Valid, [summary], ChainPem: "", RootsPem: "", NextAttempt: null, LastError: null);
    }

    private sealed class OneOfEach : ITunnelLister, IPodLister, IDestinationLister, IRequestExplainer, IRateLimitLister
    {
        public static OneOfEach Instance { get; } = new();

        public DestinationTotals Totals { get; } = new();

        IReadOnlyList<TunnelStatus> ITunnelLister.List() => [new TunnelStatus("cart", null, "stock", "10.0.0.2:15008", 1, 100, "open")];

        IReadOnlyList<DestinationStatus> IDestinationLister.List() => [new DestinationStatus("shop/stock", 80, "", "", [], [])];

        IReadOnlyList<RateLimitStatus> IRateLimitLister.List() =>
            [new RateLimitStatus("shop/converted_rate_limit_stock", 0, Passed: 3, Refused: 1, Clients: 0)];

        Explanation IRequestExplainer.Explain(ExplainQuestion question) =>
            throw new NotSupportedException("Explanations are not measured.");

        IReadOnlyList<PodStatus> IPodLister.List() => [new PodStatus("uid", "cart-1", "shop", "cart", "serving")];
    }
}
