using Mesh.Node.Proxy.Authentication;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Node.Proxy.Http;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Origination;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Transport.Buffers;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy;

/// <summary>What every path may use, each part in its weakest form.</summary>
/// <param name="NodeName">This node, as the control plane names it.</param>
/// <param name="Options">Limits and modes.</param>
/// <param name="Configuration">The mesh as last told by the control plane.</param>
/// <param name="Certificates">Certificates of local workloads, to use and not to ask for.</param>
/// <param name="Pods">The pods this process serves.</param>
/// <param name="Destinations">What the node knows of where requests go.</param>
/// <param name="Buffers">What all pods together may hold for peers that do not take it.</param>
/// <param name="Limits">How many connections all pods together have, and may have.</param>
/// <param name="Http">What HTTP connections and requests are held to.</param>
/// <param name="RateLimiters">What has been asked of the pods by the limits of their policies.</param>
/// <param name="Tokens">Verifies the tokens of requests.</param>
/// <param name="Dns">Counts what was asked of DNS.</param>
/// <param name="Hints">Which ports' servers speak first.</param>
/// <param name="Originations">What TLS towards servers outside the mesh is begun with.</param>
/// <param name="Logger">Where a fault is told.</param>
internal sealed record ProxyServices(
    string NodeName,
    ProxyOptions Options,
    IConfigurationReader Configuration,
    ICertificateReader Certificates,
    PodRegistry Pods,
    DestinationRegistry Destinations,
    BufferBudget Buffers,
    NodeLimits Limits,
    HttpLimits Http,
    RateLimiters RateLimiters,
    TokenWorker Tokens,
    DnsMetrics Dns,
    PortHints Hints,
    OriginationContexts Originations,
    ILogger Logger);
