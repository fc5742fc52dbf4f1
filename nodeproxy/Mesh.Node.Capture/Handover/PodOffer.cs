using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Handover;

/// <summary>A pod the agent has for the proxy.</summary>
/// <param name="Pod">What is said of it, always with details.</param>
/// <param name="Network">Its namespace, which the agent keeps; null when it cannot be opened just now but the pod still exists.</param>
public sealed record PodOffer(PodAnnouncement Pod, NetNamespace? Network);
