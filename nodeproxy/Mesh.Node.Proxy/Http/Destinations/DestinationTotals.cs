using Mesh.Node.Model.Outliers;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>What was ejected and refused, of all destinations since the start. Written by any thread, rarely; read by any.</summary>
public sealed class DestinationTotals : IOutlierObserver
{
    private readonly long[] _overflows = new long[Enum.GetValues<CircuitLimit>().Length];
    private readonly long[] _ejections = new long[Enum.GetValues<EjectionCause>().Length];
    private long _ejectionOverflows;

    /// <summary>Ejections that were due and would have left too few endpoints.</summary>
    public long EjectionOverflows => Volatile.Read(ref _ejectionOverflows);

    /// <summary>Connections, requests, waits or retries that a limit refused.</summary>
    public long Overflows(CircuitLimit limit) => Volatile.Read(ref _overflows[(int)limit]);

    /// <summary>Endpoints that were ejected.</summary>
    public long Ejections(EjectionCause cause) => Volatile.Read(ref _ejections[(int)cause]);

    void IOutlierObserver.OnEjected(OutlierEndpoint endpoint, EjectionCause cause, long durationMs) =>
        Interlocked.Increment(ref _ejections[(int)cause]);

    void IOutlierObserver.OnEjectionOverflow() => Interlocked.Increment(ref _ejectionOverflows);

    internal void CountOverflow(CircuitLimit limit) => Interlocked.Increment(ref _overflows[(int)limit]);
}
