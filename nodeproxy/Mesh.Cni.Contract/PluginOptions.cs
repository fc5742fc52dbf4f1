namespace Mesh.Cni.Contract;

/// <summary>
/// The plugin's own part of the network configuration, its key <c>meshNode</c>. The agent writes it, the plugin reads it.
/// </summary>
public sealed class PluginOptions
{
    /// <summary>The name of the plugin's file, which is its <c>type</c> in a network configuration.</summary>
    public const string PluginType = "mesh-cni";

    /// <summary>The key under which this stands.</summary>
    public const string Key = "meshNode";

    /// <summary>The cluster's own namespace. Its pods are never captured, and nothing in a configuration can change that.</summary>
    public const string SystemNamespace = "kube-system";

    /// <summary>The least and most <see cref="TimeoutSeconds"/> may be.</summary>
    public const int TimeoutSecondsMin = 1, TimeoutSecondsMax = 120;

    /// <summary>The agent's unix socket, on the host. At most 107 bytes.</summary>
    public string SocketPath { get; set; } = "/run/mesh-node/cni/agent.sock";

    /// <summary>How long the plugin waits for the agent, from connecting to the answer. Seconds, 1 to 120.</summary>
    public int TimeoutSeconds { get; set; } = 30;

    /// <summary>
    /// Kubernetes namespaces, besides <see cref="SystemNamespace"/>, whose pods are never captured, so they start without the agent being
    /// asked.
    /// </summary>
    public IReadOnlyList<string> ExcludedNamespaces { get; set; } = [];

    /// <summary>The Kubernetes namespace of the agent and the proxy; empty for none.</summary>
    public string OwnNamespace { get; set; } = "";

    /// <summary>How the names of our own pods begin, in <see cref="OwnNamespace"/>. They start without the agent being asked.</summary>
    public IReadOnlyList<string> OwnPodPrefixes { get; set; } = [];

    /// <summary>
    /// Whether STATUS tells the runtime that agent or proxy are away. A runtime that hears so makes its node not ready, and after a while
    /// Kubernetes evicts the node's pods, also those that need neither.
    /// </summary>
    public bool ReportsStatus { get; set; }

    /// <summary>
    /// Whether a pod starts whatever the agent says: it is never captured, and the agent itself may wait for it.
    /// </summary>
    public bool IsExempt(string podNamespace, string podName) =>
        podNamespace == SystemNamespace
        || ExcludedNamespaces.Contains(podNamespace, StringComparer.Ordinal)
        || (OwnNamespace.Length > 0
            && podNamespace == OwnNamespace
            && OwnPodPrefixes.Any(prefix => prefix.Length > 0 && podName.StartsWith(prefix, StringComparison.Ordinal)));
}
