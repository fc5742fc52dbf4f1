using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Capture.Rules;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Agent;

/// <summary>What every pod of one agent shares.</summary>
internal sealed class AgentServices
{
    public required CaptureOptions Options { get; init; }

    /// <summary>The one to plan with now.</summary>
    public required Func<CapturePlanner> Planner { get; init; }

    public required NamespaceRules Rules { get; init; }

    public required HandoverServer Server { get; init; }

    public required NodeAddresses NodeAddresses { get; init; }

    /// <summary>Our own namespace, which is the node's: never captured.</summary>
    public required (ulong Device, ulong Inode) OwnNamespace { get; init; }

    public required AgentMetrics Metrics { get; init; }

    public required ILogger Logger { get; init; }

    public required TimeProvider Time { get; init; }

    /// <summary>Told when a pod's report changed. Must not block.</summary>
    public required Action OnReportChanged { get; init; }

    /// <summary>Bounds how many namespaces are worked on at once: each takes a few processes.</summary>
    public SemaphoreSlim Turn { get; } = new(Math.Clamp(Environment.ProcessorCount, 2, 8));

    public NamespaceOwners Owners { get; } = new();
}
