using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>The kinds that rules are about, as group and kind.</summary>
internal static class Kinds
{
    public const string Namespace = "/Namespace";
    public const string Service = "/Service";
    public const string Pod = "/Pod";
    public const string ServiceAccount = "/ServiceAccount";
    public const string Secret = "/Secret";
    public const string ConfigMap = "/ConfigMap";
    public const string VirtualService = "networking.istio.io/VirtualService";
    public const string DestinationRule = "networking.istio.io/DestinationRule";
    public const string Gateway = "networking.istio.io/Gateway";
    public const string ServiceEntry = "networking.istio.io/ServiceEntry";
    public const string WorkloadEntry = "networking.istio.io/WorkloadEntry";
    public const string WorkloadGroup = "networking.istio.io/WorkloadGroup";
    public const string Sidecar = "networking.istio.io/Sidecar";
    public const string PeerAuthentication = "security.istio.io/PeerAuthentication";
    public const string RequestAuthentication = "security.istio.io/RequestAuthentication";
    public const string AuthorizationPolicy = "security.istio.io/AuthorizationPolicy";
    public const string Telemetry = "telemetry.istio.io/Telemetry";
    public const string GatewayClass = "gateway.networking.k8s.io/GatewayClass";
    public const string KubernetesGateway = "gateway.networking.k8s.io/Gateway";
    public const string ReferenceGrant = "gateway.networking.k8s.io/ReferenceGrant";

    /// <summary>The routes of the Gateway API.</summary>
    public static readonly string[] Routes =
    [
        "gateway.networking.k8s.io/HTTPRoute",
        "gateway.networking.k8s.io/GRPCRoute",
        "gateway.networking.k8s.io/TCPRoute",
        "gateway.networking.k8s.io/TLSRoute",
    ];

    /// <summary>What makes pods, and where its template stands.</summary>
    public static readonly string[] PodMakers =
        ["apps/Deployment", "apps/StatefulSet", "apps/DaemonSet", "apps/ReplicaSet", "batch/Job", "batch/CronJob"];

    public static string Of(ObjectKey key) => $"{key.Group}/{key.Kind}";
}
