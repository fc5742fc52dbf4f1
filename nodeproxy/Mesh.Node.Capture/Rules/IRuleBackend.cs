using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>Carries a plan's rules into a namespace and reads them back, by one of the kernel's rule interfaces.</summary>
internal interface IRuleBackend
{
    /// <summary>Which.</summary>
    CaptureBackend Kind { get; }

    /// <summary>
    /// Whether a captured connection that nobody takes is answered with a reset by the rules themselves. Where not, the agent puts
    /// <see cref="CaptureStage.Refusing"/> in place of <see cref="CaptureStage.Capturing"/> while nobody listens.
    /// </summary>
    bool RefusesByItself { get; }

    /// <summary>Tries the rules of a plan where they harm nobody.</summary>
    /// <exception cref="CaptureException">They cannot be used here; the message says why.</exception>
    Task ProbeAsync(CapturePlan plan, CancellationToken cancellation);

    /// <summary>Makes the namespace's rules those of the plan, whatever of ours is there, and ends a guard.</summary>
    /// <exception cref="CaptureException">They were refused; what was there still stands.</exception>
    Task ApplyAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation);

    /// <summary>
    /// Goes between <see cref="CaptureStage.Refusing"/> and <see cref="CaptureStage.Capturing"/>, fast, where <see cref="ApplyAsync"/> has
    /// put the rest of the plan.
    /// </summary>
    Task SwitchStageAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation);

    /// <summary>Reads the rules back.</summary>
    /// <param name="network">From where.</param>
    /// <param name="plan">What must be there.</param>
    /// <param name="cancellation">Ends the tools.</param>
    /// <returns>Each difference, for an operator; none when the rules are as they must be.</returns>
    Task<IReadOnlyList<string>> CompareAsync(NetNamespace network, CapturePlan plan, CancellationToken cancellation);

    /// <summary>Whether anything of ours, of this or any other version, is there.</summary>
    Task<bool> HasRulesAsync(NetNamespace network, CancellationToken cancellation);

    /// <summary>
    /// Stops new connections from opening until <see cref="ApplyAsync"/>: what captured them goes, and what will is not there yet.
    /// </summary>
    Task RaiseGuardAsync(NetNamespace network, CancellationToken cancellation);

    /// <summary>Removes everything of ours, of this and all other versions.</summary>
    Task RemoveAsync(NetNamespace network, CancellationToken cancellation);
}
