using System.Collections.Immutable;
using static Mesh.Control.Cli.Definitions.Shape;

namespace Mesh.Control.Cli.Definitions;

/// <summary>
/// Every kind that the mesh reads and that is not of Kubernetes itself. Names, versions, short names and columns are those that users know;
/// the schemas are our own.
/// </summary>
internal static class Kinds
{
    private const int RequestsMax = 1_000_000;

    private static readonly Definition s_rateLimit = new()
    {
        Group = "mesh-node.io",
        Kind = "RateLimit",
        Plural = "ratelimits",
        Versions = ["v1alpha1"],
        Description = "How many requests workloads take; what comes beyond is answered with 429.",
        Nulls = NullFields.Kept,
        IsSpecRequired = true,
        Spec = Object(
            string.Empty,
            ("selector", IstioShapes.Selector),
            ("targetRef", IstioShapes.Target("One of targetRefs.")),
            ("targetRefs", IstioShapes.TargetRefs),
            ("limits!", List("What is let in.", least: 1, most: 64, item: Object(
                "A limit.",
                ("match", IstioPolicies.Rule with { Description = "Which requests count; all without it." }),
                ("requests!", Integer("How many are let in in an interval.", 1, RequestsMax)),
                ("interval", Duration("From 1ms to 1h; 1s without it.")),
                ("burst", Integer("How many at once when none came for long; as many as requests without it.", 1, RequestsMax)),
                ("per", Text("What has an allowance of its own: a workload, or each identity of its clients.", "Workload", "Client"))))))
            .With(IstioShapes.NotSelectorAndTargets, IstioShapes.SelectorAndTargets),
    };

    public static ImmutableArray<Definition> All { get; } =
    [
        s_rateLimit,
        IstioRoutes.VirtualService,
        IstioDestinations.DestinationRule,
        IstioPlaces.ServiceEntry,
        IstioPlaces.WorkloadEntry,
        IstioPlaces.WorkloadGroup,
        IstioPlaces.Sidecar,
        IstioPlaces.Gateway,
        IstioPolicies.AuthorizationPolicy,
        IstioPolicies.PeerAuthentication,
        IstioPolicies.RequestAuthentication,
        IstioPolicies.Telemetry,
        GatewayKinds.HttpRoute,
        GatewayKinds.GrpcRoute,
        GatewayKinds.TcpRoute,
        GatewayKinds.TlsRoute,
        GatewayKinds.ReferenceGrant,
    ];
}
