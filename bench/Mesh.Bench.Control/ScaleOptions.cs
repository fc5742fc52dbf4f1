namespace Mesh.Bench.Control;

/// <summary>How large the mesh is, and what serves it. The defaults are the size the product promises figures for.</summary>
internal sealed record ScaleOptions
{
    /// <summary>The executable: mesh-control, which finds what it needs beside itself.</summary>
    public required string MeshControl { get; init; }

    /// <summary>Services, a multiple of <see cref="Namespaces"/>.</summary>
    public int Services { get; init; } = 1_000;

    public int Pods { get; init; } = 5_000;

    public int Proxies { get; init; } = 100;

    public int Namespaces { get; init; } = 20;

    /// <summary>How many single changes are measured; fewer than 255, as each has addresses of its own.</summary>
    public int Changes { get; init; } = 5;

    /// <summary>Istio's VirtualServices, for the services of the first half, turn by turn. With one of these three, changes are of them.</summary>
    public int VirtualServices { get; init; }

    /// <summary>The Gateway API's HTTPRoutes, for the services of the second half, turn by turn.</summary>
    public int HttpRoutes { get; init; }

    /// <summary>Istio's AuthorizationPolicies, for the pods of all services, turn by turn.</summary>
    public int Policies { get; init; }

    /// <summary>The executable of a real proxy whose memory is looked at, beside the simulated ones; null for none.</summary>
    public string? MeshNode { get; init; }

    public bool HasResources => VirtualServices + HttpRoutes + Policies > 0;
}
