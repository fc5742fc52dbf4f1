using System.Collections.Frozen;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Routing;

/// <summary>One condition on who asks. Immutable; any thread.</summary>
/// <remarks>Labels do not reach the proxies: what they select is worked out by the control plane, which names the workloads.</remarks>
public sealed class SourceMatch
{
    /// <summary>The namespace the client must be of; null for any.</summary>
    public string? Namespace { get; init; }

    /// <summary>The uids of the workloads the client must be among; null for any.</summary>
    public FrozenSet<string>? Workloads { get; init; }

    /// <summary>Whether a client fulfils the condition. Nobody known fulfils none. No allocation.</summary>
    public bool Matches(Workload? client) =>
        client is not null
        && (Namespace is null || string.Equals(Namespace, client.Namespace, StringComparison.Ordinal))
        && (Workloads is null || Workloads.Contains(client.Uid));
}
