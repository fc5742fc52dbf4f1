namespace Mesh.Api.Policies;

/// <summary>
/// Names of the extensions of <c>istio.security.Authorization</c> that are this mesh's own, and how a proxy says that it reads them.
/// </summary>
public static class PolicyExtensions
{
    /// <summary>Of a match; carries <see cref="MatchConditions"/>.</summary>
    public const string Conditions = "mesh-node.io/conditions";

    /// <summary>Of a policy; carries a <see cref="CustomAuthorization"/>.</summary>
    public const string Custom = "mesh-node.io/custom";

    /// <summary>Of a policy that denies nothing; carries a <see cref="RequestAuthentication"/>.</summary>
    public const string RequestAuthentication = "mesh-node.io/request-authentication";

    /// <summary>Of a policy that denies nothing; carries <see cref="Policies.RateLimits"/>.</summary>
    public const string RateLimits = "mesh-node.io/rate-limits";

    /// <summary>Key of the node's metadata by which a proxy asks for whole policies.</summary>
    public const string NodeMetadataKey = "MESH_NODE_POLICIES";

    /// <summary>Its one value so far. A proxy that says anything else, or nothing, is sent what every proxy of ambient reads.</summary>
    public const string NodeMetadataValue = "v1";
}
