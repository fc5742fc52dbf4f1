namespace Mesh.Control.Serving.Xds;

/// <summary>The resource types served, by their URL.</summary>
public static class TypeUrls
{
    public const string Address = "type.googleapis.com/istio.workload.Address";
    public const string Authorization = "type.googleapis.com/istio.security.Authorization";
    public const string Traffic = "type.googleapis.com/mesh.node.v1.ServiceTraffic";
    public const string TrustBundle = "type.googleapis.com/mesh.node.v1.TrustBundle";
    public const string RevocationList = "type.googleapis.com/mesh.node.v1.RevocationList";

    /// <summary>
    /// In the order in which changes are sent: what makes a proxy accept or refuse comes before what it applies to, so that a workload
    /// never names a policy that has not been sent. Where requests go comes after what they go to.
    /// </summary>
    public static IReadOnlyList<string> All { get; } = [TrustBundle, RevocationList, Authorization, Address, Traffic];

    /// <summary>The last part, for people and metrics.</summary>
    public static string ShortName(string typeUrl) => typeUrl[(typeUrl.LastIndexOf('.') + 1)..];
}
