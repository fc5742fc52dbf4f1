using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Handover;

/// <summary>A pod as the proxy receives it.</summary>
/// <param name="Uid">Kubernetes pod UID, or the lab's.</param>
/// <param name="Name">Pod name.</param>
/// <param name="Namespace">Kubernetes namespace.</param>
/// <param name="ServiceAccount">Service account.</param>
/// <param name="Network">The pod's network namespace. Whoever is given this record owns it.</param>
/// <param name="Details">What else the agent told.</param>
public sealed record PodHandover(
    string Uid, string Name, string Namespace, string ServiceAccount, NetNamespace Network, PodDetails Details);
