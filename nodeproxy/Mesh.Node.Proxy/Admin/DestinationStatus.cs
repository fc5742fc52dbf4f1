using System.Collections.Immutable;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Proxy.Http.Destinations;

namespace Mesh.Node.Proxy.Admin;

/// <summary>The destinations this node has lately sent requests to.</summary>
public interface IDestinationLister
{
    /// <summary>All of them. Any thread.</summary>
    IReadOnlyList<DestinationStatus> List();

    /// <summary>What was ejected and refused, of all destinations since the start.</summary>
    DestinationTotals Totals { get; }
}

/// <summary>What is known of one destination.</summary>
/// <param name="Service">namespace/hostname.</param>
/// <param name="Port">The service's port; 0 for those it does not declare.</param>
/// <param name="Subset">As routes name it; empty for all endpoints.</param>
/// <param name="ClientNamespace">The clients' namespace, where something else holds for it than for others; empty otherwise.</param>
/// <param name="Circuit">What is under way, by limit.</param>
/// <param name="Endpoints">Its endpoints, by the uids of their workloads.</param>
public sealed record DestinationStatus(
    string Service,
    ushort Port,
    string Subset,
    string ClientNamespace,
    ImmutableArray<CircuitStatus> Circuit,
    ImmutableArray<DestinationEndpointStatus> Endpoints);

/// <summary>What is under way against one limit.</summary>
/// <param name="Limit">Which.</param>
/// <param name="Count">How many are under way.</param>
/// <param name="Max">How many may be; <see cref="uint.MaxValue"/> for any number.</param>
/// <param name="IsOpen">Whether no more may be begun.</param>
/// <param name="OverflowsTotal">How many could not be begun so far.</param>
public sealed record CircuitStatus(CircuitLimit Limit, int Count, uint Max, bool IsOpen, long OverflowsTotal);

/// <summary>How one endpoint of a destination has answered.</summary>
/// <param name="Workload">The workload's uid.</param>
/// <param name="Active">Attempts under way.</param>
/// <param name="RequestsTotal">Attempts that ended.</param>
/// <param name="SuccessesTotal">Those of them that succeeded.</param>
/// <param name="IntervalSuccessRate">The part of those of the last whole interval that succeeded, 0 to 1; -1 when there was none.</param>
/// <param name="Ejected">Why it was ejected; null while it is not.</param>
/// <param name="EjectedForMs">How much longer at least, in milliseconds; 0 while it is not ejected.</param>
public sealed record DestinationEndpointStatus(
    string Workload,
    int Active,
    long RequestsTotal,
    long SuccessesTotal,
    double IntervalSuccessRate,
    EjectionCause? Ejected,
    long EjectedForMs);
