using System.Collections.Immutable;

namespace Mesh.Node.Proxy.Config;

/// <summary>The resource types a node proxy subscribes to.</summary>
internal static class ResourceTypes
{
    private const string Prefix = "type.googleapis.com/";

    /// <summary>Workloads and services.</summary>
    public const string Address = Prefix + "istio.workload.Address";

    /// <summary>L4 policies.</summary>
    public const string Authorization = Prefix + "istio.security.Authorization";

    /// <summary>How requests to services are routed and carried. Only this mesh's own control plane serves it.</summary>
    public const string Traffic = Prefix + "mesh.node.v1.ServiceTraffic";

    /// <summary>Roots of a trust domain. Only this mesh's own control plane serves it.</summary>
    public const string TrustBundle = Prefix + "mesh.node.v1.TrustBundle";

    /// <summary>The revocation list of an issuer. Only this mesh's own control plane serves it.</summary>
    public const string RevocationList = Prefix + "mesh.node.v1.RevocationList";

    /// <summary>Without a first response of each of these nothing is admitted.</summary>
    public static ImmutableArray<string> Required { get; } = [Address, Authorization];
}
