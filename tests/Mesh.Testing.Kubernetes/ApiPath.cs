namespace Mesh.Testing.Kubernetes;

/// <summary>What a path below a version of a group names.</summary>
/// <param name="Plural">The kind.</param>
/// <param name="Namespace">Empty for all of the cluster.</param>
/// <param name="Name">Of one object; empty for all.</param>
/// <param name="Part">Of the object, such as <c>status</c>; empty for the whole.</param>
public sealed record ApiPath(string Plural, string Namespace, string Name, string Part)
{
    /// <returns>Null for what is no path of an object or a kind.</returns>
    public static ApiPath? Of(string[] parts) => parts switch
    {
        ["namespaces", var name, "status" or "finalize"] => new ApiPath("namespaces", string.Empty, name, parts[2]),
        ["namespaces", var @namespace, var plural] => new ApiPath(plural, @namespace, string.Empty, string.Empty),
        ["namespaces", var @namespace, var plural, var name] => new ApiPath(plural, @namespace, name, string.Empty),
        ["namespaces", var @namespace, var plural, var name, var part] => new ApiPath(plural, @namespace, name, part),
        [var plural] => new ApiPath(plural, string.Empty, string.Empty, string.Empty),
        [var plural, var name] => new ApiPath(plural, string.Empty, name, string.Empty),
        [var plural, var name, var part] => new ApiPath(plural, string.Empty, name, part),
        _ => null,
    };
}

/// <summary>What the API server knows of a token of a service account.</summary>
/// <param name="User">Such as <c>system:serviceaccount:NAMESPACE:NAME</c>.</param>
/// <param name="Audience">Whom it is for.</param>
/// <param name="Pod">The pod it is bound to.</param>
/// <param name="PodUid">That pod's.</param>
/// <param name="Node">The node of that pod; empty from a server that does not say it.</param>
public sealed record ApiToken(string User, string Audience, string Pod, string PodUid, string Node);
