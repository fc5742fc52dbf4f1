namespace Mesh.Node.Capture.Handover;

/// <summary>Whether a proxy serves a pod.</summary>
/// <param name="IsServed">A connected proxy has said that its listeners are open.</param>
/// <param name="Error">Why not, as far as known; null when it is served.</param>
public sealed record PodServing(bool IsServed, string? Error);
