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
}
