using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>One exchange's wait for a connection. Reused from wait to wait; one at a time. Lives on the loop.</summary>
internal sealed class UpstreamWait
{
    private readonly LoopCompletion<UpstreamResult> _completion;

    public UpstreamWait(EventLoop loop)
    {
        _completion = new LoopCompletion<UpstreamResult>(loop);
        Node = new LinkedListNode<UpstreamWait>(this);
    }

    /// <summary>Its place in the queue of the group it waits for.</summary>
    internal LinkedListNode<UpstreamWait> Node { get; }

    /// <summary>Nothing but a connection that has served no request will do.</summary>
    internal bool NeedsFresh { get; set; }

    /// <summary>Gives the wait up; false when it is none.</summary>
    public bool TryCancel()
    {
        if (Node.List is not LinkedList<UpstreamWait> queue)
        {
            return false;
        }

        queue.Remove(Node);
        Complete(new UpstreamResult(null, IsReused: false, CloseReason.None, null));
        return true;
    }

    internal ValueTask<UpstreamResult> WaitAsync() => _completion.WaitAsync();

    internal void Complete(UpstreamResult result) => _completion.TryComplete(result);
}
