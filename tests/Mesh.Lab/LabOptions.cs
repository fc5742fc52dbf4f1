using System.Text.Json.Nodes;

namespace Mesh.Lab;

/// <summary>What a lab is made from. Written by whoever starts it, read once by the process that holds it.</summary>
public sealed record LabOptions
{
    public string Name { get; init; } = "default";

    /// <summary>How many nodes there are at least: node-1 to node-N. Node manifests add theirs.</summary>
    public int Nodes { get; init; } = 2;

    /// <summary>Files and directories of manifests to start with.</summary>
    public IReadOnlyList<string> Manifests { get; init; } = [];

    /// <summary>False: nodes, pods and services, but no control plane, no agents, no proxies, and so nothing captured.</summary>
    public bool HasMesh { get; init; } = true;

    /// <summary>True: a user namespace of its own even where none is needed, as an ordinary user's lab has.</summary>
    public bool WantsUserNamespace { get; init; }

    public string MeshNode { get; init; } = "";

    public string MeshControl { get; init; } = "";

    /// <summary>Directories put before the PATH of everything that runs in the lab.</summary>
    public IReadOnlyList<string> ToolDirectories { get; init; } = [];

    public string TrustDomain { get; init; } = "cluster.local";

    /// <summary>Lifetime of workload certificates, as mesh-control takes it; null for its default.</summary>
    public string? CertificateLifetime { get; init; }

    /// <summary>Members laid over every node's configuration file: <c>{"capture":{"mode":"redirect"}}</c>.</summary>
    public JsonObject NodeConfiguration { get; init; } = [];

    /// <summary>Further arguments of mesh-control.</summary>
    public IReadOnlyList<string> ControlArguments { get; init; } = [];
}
