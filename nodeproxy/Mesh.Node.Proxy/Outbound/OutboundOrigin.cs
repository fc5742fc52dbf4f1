using System.Net;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>Who opened an outbound connection, and what follows from it for the connections made on its behalf.</summary>
/// <param name="context">The loop it lives on.</param>
/// <param name="pod">The pod it was captured in.</param>
/// <param name="source">The workload that pod is.</param>
/// <param name="client">The client's address and port.</param>
internal sealed class OutboundOrigin(LoopContext context, EnrolledPod pod, Workload source, IPEndPoint client)
{
    public LoopContext Context => context;

    public EnrolledPod Pod => pod;

    public Workload Source => source;

    public IPEndPoint Client => client;

    /// <summary>
    /// The client's own address where a connection to the endpoint can have it too: what judges by address at the other end then judges the
    /// client, also one of a pod with several addresses. Null where it cannot; then the kernel chooses.
    /// </summary>
    public IPAddress? SourceTowards(IPAddress endpoint) =>
        client.AddressFamily == endpoint.AddressFamily && !IPAddress.IsLoopback(client.Address) ? client.Address : null;

    /// <summary>
    /// What the application of a pod of this node sees, and its policies judge: the client's own address, or where a service led from one
    /// family to the other, an address of the client's workload in that family, as the kernel would choose on the way over the network.
    /// Null when it has none.
    /// </summary>
    public IPAddress? SourceOnNode(IPAddress target)
    {
        if (client.AddressFamily == target.AddressFamily)
        {
            return client.Address;
        }

        foreach (IPAddress address in source.Addresses)
        {
            if (address.AddressFamily == target.AddressFamily)
            {
                return address;
            }
        }

        return null;
    }

    /// <summary>The destination's pod, when this very process holds its namespace and the mode lets packets skip the network.</summary>
    public EnrolledPod? FindServingPod(Workload workload)
    {
        if (workload.TunnelProtocol != TunnelProtocol.Hbone || workload.HasNativeTunnel || workload.ApplicationTunnel is not null)
        {
            return null;
        }

        // Also while it drains: its namespace is there until it is out of the registry.
        EnrolledPod? serving = context.Services.Pods.FindByName(workload.Namespace, workload.Name);
        if (serving is null || !ReferenceEquals(serving.FindWorkload(context.Snapshot), workload))
        {
            return null;
        }

        // Packets of a pod to itself never leave it, whatever the mode.
        return ReferenceEquals(serving, pod) || SameNode.MaySkipNetwork(context.Services.Options.SameNode, source, workload)
            ? serving
            : null;
    }
}
