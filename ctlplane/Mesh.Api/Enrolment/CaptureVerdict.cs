namespace Mesh.Api.Enrolment;

/// <summary>Whether a pod is captured, and why not.</summary>
public enum CaptureVerdict
{
    /// <summary>Nobody asked for it.</summary>
    NotAsked,

    /// <summary>It is to be captured.</summary>
    Captured,

    /// <summary>The pod or its namespace says no.</summary>
    Declined,

    /// <summary>It uses its node's network, which is never captured.</summary>
    HostNetwork,

    /// <summary>It has a sidecar, which captures it already.</summary>
    Sidecar,

    /// <summary>It speaks HBONE itself.</summary>
    NativeTunnel,

    /// <summary>It is a part of the mesh, which must not depend on itself.</summary>
    MeshItself,

    /// <summary>Its namespace is never captured.</summary>
    ExcludedNamespace,

    /// <summary>It ran to its end.</summary>
    Finished,
}
