namespace Mesh.Lab;

/// <summary>What is in a lab at one moment.</summary>
public sealed record LabStatus(
    string Name,
    bool HasMesh,
    IReadOnlyList<NodeStatus> Nodes,
    IReadOnlyList<ComponentStatus> Components,
    IReadOnlyList<PodStatus> Pods,
    IReadOnlyList<ServiceStatus> Services,
    IReadOnlyList<string> OtherObjects);

public sealed record NodeStatus(string Name, string Address4, string Address6);

/// <param name="Name">control, or the node and the part of it: node-1/proxy.</param>
/// <param name="State">running, ended.</param>
/// <param name="ProcessId">Inside the lab.</param>
public sealed record ComponentStatus(string Name, string State, int? ExitCode, int? ProcessId, bool IsReady);

/// <param name="State">starting, running, ended, waiting for capture.</param>
/// <param name="IsEnrolled">Whether its labels ask for the mesh.</param>
/// <param name="IsCaptured">Whether the node's proxy listens in its namespace.</param>
public sealed record PodStatus(
    string Namespace,
    string Name,
    string Node,
    string ServiceAccount,
    string NetworkNamespace,
    string Address4,
    string Address6,
    string State,
    int? ExitCode,
    int? ProcessId,
    int RestartCount,
    bool IsReady,
    bool IsEnrolled,
    bool IsCaptured)
{
    public string QualifiedName => $"{Namespace}/{Name}";
}

public sealed record ServiceStatus(
    string Namespace, string Name, IReadOnlyList<string> Addresses, IReadOnlyList<string> Ports, int EndpointCount);
