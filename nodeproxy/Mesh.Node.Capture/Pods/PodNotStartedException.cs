namespace Mesh.Node.Capture.Pods;

/// <summary>A pod has no network namespace yet, because nothing of it runs.</summary>
internal sealed class PodNotStartedException(string message) : Exception(message);
