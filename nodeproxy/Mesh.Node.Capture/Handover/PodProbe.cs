namespace Mesh.Node.Capture.Handover;

/// <summary>A health probe a pod declares, which its own node may ask in plaintext.</summary>
/// <param name="Kind">How it asks.</param>
/// <param name="Port">The pod's port, 1 to 65535.</param>
/// <param name="Path">For <see cref="PodProbeKind.Http"/>, beginning with a slash; otherwise empty.</param>
/// <param name="Service">For <see cref="PodProbeKind.Grpc"/>, may be empty; otherwise empty.</param>
public sealed record PodProbe(PodProbeKind Kind, int Port, string Path, string Service);
