namespace Mesh.Node.Capture.Handover;

/// <summary>What a message says of a pod. Its namespace comes beside the message.</summary>
/// <param name="Uid">Kubernetes pod UID, or the lab's.</param>
/// <param name="Name">Pod name.</param>
/// <param name="Namespace">Kubernetes namespace.</param>
/// <param name="ServiceAccount">Service account.</param>
/// <param name="Details">Null when the sender tells none, or the receiver would not understand them.</param>
public sealed record PodAnnouncement(string Uid, string Name, string Namespace, string ServiceAccount, PodDetails? Details);
