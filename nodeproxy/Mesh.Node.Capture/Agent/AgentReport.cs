using System.Text.Json.Serialization;

namespace Mesh.Node.Capture.Agent;

/// <summary>What the agent says of the node. Written as JSON beside its socket. Immutable.</summary>
public sealed record AgentReport
{
    /// <summary>The node's name.</summary>
    public required string Node { get; init; }

    /// <summary>When this was written.</summary>
    public required DateTimeOffset WrittenAt { get; init; }

    /// <summary>The rule interface in use.</summary>
    public required CaptureBackend Backend { get; init; }

    /// <summary>How many proxies are connected.</summary>
    public required int Proxies { get; init; }

    /// <summary>What keeps the agent from knowing which pods are to be captured now; empty when nothing does.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>Each pod, by namespace and name.</summary>
    public required IReadOnlyList<PodReport> Pods { get; init; }
}

/// <summary>Writes reports without reflection.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(AgentReport))]
internal sealed partial class AgentReportJson : JsonSerializerContext;
