using Mesh.Interop.Linux;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Holding;

/// <summary>
/// A pod that has a place: its manifest, its addresses, its namespace and its program. Changed under the holder's gate only.
/// </summary>
internal sealed class PodRuntime
{
    public required Manifest Manifest { get; set; }

    public required PodSpec Spec { get; set; }

    public required string Uid { get; init; }

    public required NodeRuntime Node { get; init; }

    public required AddressPair Addresses { get; init; }

    /// <summary>Which of the node's pod addresses it has; null for a pod in its node's network.</summary>
    public required int? Ordinal { get; init; }

    /// <summary>The lab's name of the namespace it runs in.</summary>
    public required string NetworkNamespace { get; init; }

    public required string NodeInterface { get; init; }

    /// <summary>Null for a pod without a command.</summary>
    public LabProcess? Process { get; set; }

    /// <summary>Held open from the pod's creation to its end.</summary>
    public NetNamespace? Place { get; set; }

    /// <summary>Cancelled when the pod is to end.</summary>
    public CancellationTokenSource Life { get; } = new();

    /// <summary>Ends after <see cref="Life"/> is cancelled.</summary>
    public Task Lifecycle { get; set; } = Task.CompletedTask;

    /// <summary>Whether its labels, or its namespace's, ask for the mesh.</summary>
    public bool IsEnrolled { get; set; }

    /// <summary>Whether the node's proxy listens in the pod's namespace now.</summary>
    public bool IsCaptured { get; set; }

    public bool IsReady { get; set; }

    public string Phase => (Process, IsWaitingForCapture) switch
    {
        (_, true) => "waiting for capture",
        (null, _) => "running",
        ({ State: ProcessState.Running }, _) => "running",
        ({ State: ProcessState.Waiting }, _) => "restarting",
        ({ State: ProcessState.Ended }, _) => "ended",
        _ => "starting",
    };

    public bool IsWaitingForCapture { get; set; }
}
