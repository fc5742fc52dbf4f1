namespace Mesh.Node.Capture.Handover;

/// <summary>What the agent asks of the proxy. Each is answered by one Ack.</summary>
public abstract record HandoverRequest
{
    private HandoverRequest()
    {
    }

    /// <summary>Serve this pod. Comes with its namespace.</summary>
    public sealed record Add(PodAnnouncement Pod) : HandoverRequest;

    /// <summary>Before <see cref="SnapshotSent"/> only: the pod is still there, its namespace cannot be opened just now.</summary>
    public sealed record Keep(string Uid) : HandoverRequest;

    /// <summary>Stop serving this pod.</summary>
    public sealed record Remove(string Uid) : HandoverRequest;

    /// <summary>Every pod there is has been added or kept.</summary>
    public sealed record SnapshotSent : HandoverRequest;
}
