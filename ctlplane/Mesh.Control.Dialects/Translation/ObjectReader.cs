using Mesh.Control.Dialects.GatewayApi;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Dialects.MeshNode;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>Chooses the reader for an object's kind, and what holds when the object is broken.</summary>
internal static class ObjectReader
{
    private const string IstioNetworking = "networking.istio.io";
    private const string KubernetesDiscovery = "discovery.k8s.io";
    private const string KubernetesNetworking = "networking.k8s.io";
    private const string GatewayNetworking = "gateway.networking.k8s.io";
    private const string IstioSecurity = "security.istio.io";
    private const string IstioTelemetry = "telemetry.istio.io";
    private const string IstioExtensions = "extensions.istio.io";
    private const string MeshNode = "mesh-node.io";

    private static readonly string[] s_istioVersions = ["v1", "v1beta1", "v1alpha3"];
    private static readonly string[] s_telemetryVersions = ["v1", "v1alpha1"];
    private static readonly string[] s_gatewayVersions = ["v1", "v1beta1"];
    private static readonly string[] s_tcpRouteVersions = ["v1", "v1alpha2"];
    private static readonly string[] s_tlsRouteVersions = ["v1", "v1alpha3", "v1alpha2"];
    private static readonly string[] s_coreVersions = ["v1"];
    private static readonly string[] s_meshNodeVersions = ["v1alpha1"];

    /// <param name="source">The object.</param>
    /// <param name="previous">What the object was before, or null.</param>
    public static Reading Read(RawObject source, Reading? previous)
    {
        var diagnostics = new ObjectDiagnostics(source);
        object? spec = ReadSpec(source, diagnostics);
        if (!diagnostics.HasErrors)
        {
            return new Reading(source, spec, spec, diagnostics.ToImmutable());
        }

        // The strictest reading of a version that was broken too is nothing to go back to: it may be about other workloads.
        if (previous?.LastGood is { } lastGood)
        {
            diagnostics.Note(string.Empty, default, "The last good version stays in force.");
            return new Reading(source, lastGood, lastGood, diagnostics.ToImmutable());
        }

        // A broken policy must not vanish: its reader has made the strictest of it. Anything else is left out.
        bool isPolicy = spec is PeerAuthenticationSpec or AuthorizationPolicySpec or NetworkPolicySpec;
        diagnostics.Note(
            string.Empty,
            default,
            isPolicy
                ? "There is no earlier version, so the policy is enforced in its strictest reading."
                : "There is no earlier version; the object is left out.");
        return new Reading(source, isPolicy ? spec : null, LastGood: null, diagnostics.ToImmutable());
    }

    private static object? ReadSpec(RawObject source, ObjectDiagnostics diagnostics)
    {
        switch (source.Key.Group, source.Key.Kind)
        {
            case ("", "Namespace"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return CoreReader.ReadNamespace(source, diagnostics);
            case ("", "Node"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return CoreReader.ReadNode(source, diagnostics);
            case ("", "Pod"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return CoreReader.ReadPod(source, diagnostics);
            case ("", "Service"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return CoreReader.ReadService(source, diagnostics);
            case ("", "ServiceAccount"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return CoreReader.ReadServiceAccount(source);
            case ("", "ConfigMap"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return MeshConfigReader.Read(source, diagnostics);
            case (KubernetesDiscovery, "EndpointSlice"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return EndpointSliceReader.Read(source, diagnostics);
            case (KubernetesNetworking, "NetworkPolicy"):
                CheckVersion(source, diagnostics, s_coreVersions);
                return NetworkPolicyReader.Read(source, diagnostics);
            case (IstioNetworking, "WorkloadEntry"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return EntryReader.ReadWorkloadEntry(source, diagnostics);
            case (IstioNetworking, "ServiceEntry"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return EntryReader.ReadServiceEntry(source, diagnostics);
            case (IstioNetworking, "VirtualService"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return VirtualServiceReader.Read(source, diagnostics);
            case (IstioNetworking, "DestinationRule"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return DestinationRuleReader.Read(source, diagnostics);
            case (IstioNetworking, "Sidecar"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return SidecarReader.Read(source, diagnostics);
            case (IstioNetworking, "Gateway"):
                CheckVersion(source, diagnostics, s_istioVersions);
                GatewayReader.Check(source, diagnostics);
                return null;
            case (IstioNetworking, "WorkloadGroup"):
                CheckVersion(source, diagnostics, s_istioVersions);
                WorkloadGroupReader.Check(source, diagnostics);
                return null;
            case (IstioTelemetry, "Telemetry"):
                CheckVersion(source, diagnostics, s_telemetryVersions);
                return TelemetryReader.Read(source, diagnostics);
            case (IstioNetworking, "EnvoyFilter" or "ProxyConfig") or (IstioExtensions, "WasmPlugin"):
                UnsupportedKinds.Report(diagnostics);
                return null;
            case (GatewayNetworking, "HTTPRoute"):
                CheckVersion(source, diagnostics, s_gatewayVersions);
                return HttpRouteReader.Read(source, diagnostics);
            case (GatewayNetworking, "GRPCRoute"):
                CheckVersion(source, diagnostics, s_gatewayVersions[..1]);
                return GrpcRouteReader.Read(source, diagnostics);
            case (GatewayNetworking, "TCPRoute"):
                CheckVersion(source, diagnostics, s_tcpRouteVersions);
                return ConnectionRouteReader.Read(source, ServiceRouteKind.Tcp, diagnostics);
            case (GatewayNetworking, "TLSRoute"):
                CheckVersion(source, diagnostics, s_tlsRouteVersions);
                return ConnectionRouteReader.Read(source, ServiceRouteKind.Tls, diagnostics);
            case (GatewayNetworking, "ReferenceGrant"):
                CheckVersion(source, diagnostics, s_gatewayVersions);
                return ReferenceGrantReader.Read(source, diagnostics);
            case (IstioSecurity, "PeerAuthentication"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return PeerAuthenticationReader.Read(source, diagnostics);
            case (IstioSecurity, "AuthorizationPolicy"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return AuthorizationPolicyReader.Read(source, diagnostics);
            case (IstioSecurity, "RequestAuthentication"):
                CheckVersion(source, diagnostics, s_istioVersions);
                return RequestAuthenticationReader.Read(source, diagnostics);
            case (MeshNode, "RateLimit"):
                CheckVersion(source, diagnostics, s_meshNodeVersions);
                return RateLimitReader.Read(source, diagnostics);
            case (IstioNetworking or IstioSecurity or GatewayNetworking or IstioTelemetry or IstioExtensions, _):
                diagnostics.Warning("kind", default, $"{source.Key.Kind} is not supported yet and has no effect.");
                return null;
            default:
                diagnostics.Note("kind", default, $"{source.Key.Kind} is none of the mesh's business and is not read.");
                return null;
        }
    }

    private static void CheckVersion(RawObject source, ObjectDiagnostics diagnostics, string[] known)
    {
        string version = source.ApiVersion[(source.ApiVersion.IndexOf('/', StringComparison.Ordinal) + 1)..];
        if (!known.Contains(version, StringComparer.Ordinal))
        {
            diagnostics.Warning("apiVersion", default, $"Version {version} is not known; the object is read as {known[0]}.");
        }
    }
}
