using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>Whether packets between two pods of this node may go past the network, and so past its plug-in.</summary>
internal static class SameNode
{
    /// <summary>
    /// In the mode <see cref="SameNodeMode.Auto"/> only what no NetworkPolicy restricts. Of a workload whose control plane does not say,
    /// any may.
    /// </summary>
    public static bool MaySkipNetwork(SameNodeMode mode, Workload source, Workload destination) => mode switch
    {
        SameNodeMode.Direct => true,
        SameNodeMode.Network => false,
        _ => source.NetworkPolicies is NetworkPolicyReach ofSource && !ofSource.HasFlag(NetworkPolicyReach.Egress)
            && destination.NetworkPolicies is NetworkPolicyReach ofDestination && !ofDestination.HasFlag(NetworkPolicyReach.Ingress),
    };
}
