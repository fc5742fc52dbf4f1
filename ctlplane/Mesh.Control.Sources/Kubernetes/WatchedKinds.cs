using System.Collections.Immutable;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// Every kind the dialects read. Of pods and nodes, which are many, large and forever changing, only what the dialects look at is kept;
/// so a node's heartbeat is no change.
/// </summary>
public static class WatchedKinds
{
    private static readonly ImmutableArray<string> s_core = ["v1"];
    private static readonly ImmutableArray<string> s_istio = ["v1", "v1beta1", "v1alpha3"];
    private static readonly ImmutableArray<string> s_gatewayApi = ["v1", "v1beta1"];
    private static readonly ImmutableArray<string> s_meshNode = ["v1alpha1"];
    private static readonly KeptFields s_spec = KeptFields.WithMetadata("spec");

    /// <summary>Without annotations: one of them is the time of the last change, which is no change.</summary>
    private static readonly KeptFields s_slice = KeptFields.Of(
        "metadata.name",
        "metadata.namespace",
        "metadata.resourceVersion",
        "metadata.labels",
        "addressType",
        "ports",
        "endpoints.addresses",
        "endpoints.conditions",
        "endpoints.nodeName",
        "endpoints.targetRef.kind",
        "endpoints.targetRef.name",
        "endpoints.targetRef.namespace",
        "endpoints.zone");

    /// <summary>Those of the whole cluster, and the mesh's configuration: the ConfigMap <c>istio</c> of the root namespace.</summary>
    public static ImmutableArray<WatchedKind> With(string rootNamespace) =>
    [
        .. All,
        new(string.Empty, "ConfigMap", "configmaps", s_core, KeptFields.WithMetadata("data.mesh"))
        {
            Namespace = rootNamespace,
            Name = "istio",
        },
    ];

    /// <summary>Those of the whole cluster.</summary>
    public static ImmutableArray<WatchedKind> All { get; } =
    [
        new(string.Empty, "Namespace", "namespaces", s_core, KeptFields.Metadata),
        new(string.Empty, "Node", "nodes", s_core, KeptFields.WithMetadata("status.addresses.address")),
        new(string.Empty, "Pod", "pods", s_core, KeptFields.WithMetadata(
            "spec.nodeName",
            "spec.serviceAccountName",
            "spec.serviceAccount",
            "spec.hostNetwork",
            "spec.containers.ports",
            "spec.initContainers.ports",
            "status.phase",
            "status.podIP",
            "status.podIPs",
            "status.conditions.type",
            "status.conditions.status")),
        new(string.Empty, "Service", "services", s_core, s_spec),
        new(string.Empty, "ServiceAccount", "serviceaccounts", s_core, KeptFields.Metadata),
        new("discovery.k8s.io", "EndpointSlice", "endpointslices", s_core, s_slice),
        new("networking.k8s.io", "NetworkPolicy", "networkpolicies", s_core, s_spec),
        new("networking.istio.io", "ServiceEntry", "serviceentries", s_istio, s_spec),
        new("networking.istio.io", "WorkloadEntry", "workloadentries", s_istio, s_spec),
        new("networking.istio.io", "VirtualService", "virtualservices", s_istio, s_spec),
        new("networking.istio.io", "DestinationRule", "destinationrules", s_istio, s_spec),
        new("networking.istio.io", "Sidecar", "sidecars", s_istio, s_spec),
        new("security.istio.io", "AuthorizationPolicy", "authorizationpolicies", s_istio, s_spec),
        new("security.istio.io", "PeerAuthentication", "peerauthentications", s_istio, s_spec),
        new("security.istio.io", "RequestAuthentication", "requestauthentications", s_istio, s_spec),
        new("telemetry.istio.io", "Telemetry", "telemetries", ["v1", "v1alpha1"], s_spec),
        new("mesh-node.io", "RateLimit", "ratelimits", s_meshNode, s_spec),
        new("gateway.networking.k8s.io", "HTTPRoute", "httproutes", s_gatewayApi, s_spec),
        new("gateway.networking.k8s.io", "GRPCRoute", "grpcroutes", s_core, s_spec),
        new("gateway.networking.k8s.io", "TCPRoute", "tcproutes", ["v1", "v1alpha2"], s_spec),
        new("gateway.networking.k8s.io", "TLSRoute", "tlsroutes", ["v1", "v1alpha3", "v1alpha2"], s_spec),
        new("gateway.networking.k8s.io", "ReferenceGrant", "referencegrants", ["v1", "v1beta1"], s_spec),
    ];
}
