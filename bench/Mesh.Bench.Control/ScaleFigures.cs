namespace Mesh.Bench.Control;

/// <summary>What one run found.</summary>
/// <param name="Load">From the start of the process to a proxy holding everything.</param>
/// <param name="Storm">From the first of the other proxies connecting to the last of them holding everything.</param>
/// <param name="Changes">For each changed pod: from the file being replaced to the last proxy holding the change.</param>
/// <param name="ProcessorTime">Of the control plane, over the whole run.</param>
/// <param name="ResidentBytes">Of the control plane, at the end.</param>
/// <param name="PeakBytes">The most that was ever resident of the control plane.</param>
internal sealed record ScaleFigures(
    TimeSpan Load,
    TimeSpan Storm,
    IReadOnlyList<TimeSpan> Changes,
    TimeSpan ProcessorTime,
    long ResidentBytes,
    long PeakBytes)
{
    /// <summary>From the objects as read to all resources, as the control plane logs it.</summary>
    public required TimeSpan Build { get; init; }

    /// <summary>What is resident of a real proxy that holds everything; null when there was none.</summary>
    public long? ProxyBytes { get; init; }
}
