using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Cni;

/// <summary>Says whether a pod that is about to start is to be captured. Safe on any thread.</summary>
internal interface IPodEnrolment
{
    /// <summary>Decides by what holds now, not by what was heard some time ago.</summary>
    /// <param name="podNamespace">The pod's Kubernetes namespace.</param>
    /// <param name="name">Its name.</param>
    /// <param name="uid">Its UID, where the runtime says it.</param>
    /// <param name="cancellation">Ends the question.</param>
    /// <returns>The pod as it is to be captured; null when it is not. Its network namespace is the runtime's to say.</returns>
    /// <exception cref="CaptureException">It cannot be decided now; the message says why.</exception>
    Task<PodSpec?> FindAsync(string podNamespace, string name, string? uid, CancellationToken cancellation);
}
