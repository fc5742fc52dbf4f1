using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Tests.Paths;

namespace Mesh.Node.Proxy.Tests.Succession;

/// <summary>Asks until it is given something: on a busy machine the giver may not answer in time.</summary>
internal sealed class Insisting(ListenerTaker taker) : IListenerSource
{
    public IReadOnlyList<PodListener> Take((ulong Device, ulong Inode) network)
    {
        IReadOnlyList<PodListener> taken = [];
        SpinWait.SpinUntil(() => (taken = taker.Take(network)).Count > 0, LabNode.Patience);
        return taken;
    }
}
