using System.Collections.Concurrent;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>
/// The destinations this node has lately sent requests to. Any thread; finding one takes no lock and allocates nothing. There are as many
/// as configuration names, whatever clients ask for.
/// </summary>
internal sealed class DestinationRegistry
{
    /// <summary>A destination nothing was sent to for so long is forgotten, and what its endpoints have answered.</summary>
    public static readonly TimeSpan UnusedMax = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<DestinationKey, Destination> _destinations = new();

    /// <summary>What was ejected and refused, of all destinations since the start.</summary>
    public DestinationTotals Totals { get; } = new();

    /// <summary>All of them, in no order.</summary>
    public IEnumerable<Destination> All => _destinations.Values;

    /// <summary>The destination; made when first asked for.</summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="serviceKey">namespace/hostname.</param>
    /// <param name="port">The service's port.</param>
    /// <param name="subset">As routes name it; empty for all endpoints.</param>
    /// <param name="source">The client's workload: its namespace decides what holds.</param>
    /// <param name="nowMs">The loop's milliseconds.</param>
    public Destination Of(MeshSnapshot snapshot, string serviceKey, ushort port, string subset, Workload source, long nowMs)
    {
        Destination found = Find(snapshot, serviceKey, port, subset, source) ?? Add(snapshot, serviceKey, port, subset, source, nowMs);
        found.Touch(nowMs);
        return found;
    }

    /// <summary>Whether an endpoint of a destination may be sent requests of a client now; asking does not make it.</summary>
    public bool IsUsable(MeshSnapshot snapshot, WeightedDestination destination, Workload source, long nowMs)
    {
        if (Find(snapshot, destination.ServiceKey, destination.Port, destination.Subset, source) is Destination found)
        {
            return found.IsUsable(snapshot, source, nowMs);
        }

        CandidateSet candidates =
            EndpointPicker.Find(snapshot, destination.ServiceKey, destination.Port, destination.Subset, source);
        return Destination.MayBeUsable(
            candidates, snapshot.PolicyOf(destination.ServiceKey, destination.Port, destination.Subset, source.Namespace));
    }

    /// <summary>The uids of the workloads that requests of a client are not sent to for now, because of how they have answered.</summary>
    public IEnumerable<string> ListEjected(MeshSnapshot snapshot, WeightedDestination destination, Workload source) =>
        Find(snapshot, destination.ServiceKey, destination.Port, destination.Subset, source) is Destination found
            ? found.ListEndpoints().Where(endpoint => endpoint.IsEjected).Select(endpoint => endpoint.Uid)
            : [];

    /// <summary>
    /// Takes over what a new configuration says. One thread at a time, off the loops: what takes long to make is made here, so that no
    /// request waits for it.
    /// </summary>
    public void Refresh(MeshSnapshot snapshot, long nowMs)
    {
        foreach (Destination destination in _destinations.Values)
        {
            Refresh(destination, snapshot, nowMs);
        }
    }

    /// <summary>
    /// Lets endpoints back in and compares them where it is time for that, and forgets destinations that are not used. One thread at a
    /// time, and not while <see cref="Refresh(MeshSnapshot, long)"/> runs.
    /// </summary>
    /// <returns>When it is time again at the latest, in the loops' milliseconds; far away when there is nothing to do.</returns>
    public long Sweep(MeshSnapshot snapshot, long nowMs)
    {
        long dueMs = long.MaxValue;
        foreach ((DestinationKey key, Destination destination) in _destinations)
        {
            if (nowMs - destination.UsedMs >= UnusedMax.TotalMilliseconds && destination.Circuit.IsIdle)
            {
                _destinations.TryRemove(KeyValuePair.Create(key, destination));
                continue;
            }

            if (destination.NeedsRefresh)
            {
                Refresh(destination, snapshot, nowMs);
            }

            destination.Sweep(nowMs);
            dueMs = Math.Min(dueMs, destination.SweepDueMs);
        }

        return dueMs;
    }

    private static void Refresh(Destination destination, MeshSnapshot snapshot, long nowMs)
    {
        DestinationKey key = destination.Key;
        ServiceTraffic? traffic = snapshot.FindTraffic(key.ServiceKey);
        TrafficPolicy policy = traffic is null
            ? TrafficPolicy.Default
            : (key.Scope.Length == 0 ? traffic.Everyone : traffic.ScopeOf(key.Scope)).PolicyOf(key.Port, key.Subset);
        destination.Refresh(snapshot, policy, source => ScopeOf(traffic, source) == key.Scope, nowMs);
    }

    private static string ScopeOf(ServiceTraffic? traffic, Workload source) =>
        traffic is not null && traffic.Scopes.ContainsKey(source.Namespace) ? source.Namespace : "";

    private Destination? Find(MeshSnapshot snapshot, string serviceKey, ushort port, string subset, Workload source) =>
        _destinations.GetValueOrDefault(
            new DestinationKey(serviceKey, port, subset, ScopeOf(snapshot.FindTraffic(serviceKey), source)));

    private Destination Add(MeshSnapshot snapshot, string serviceKey, ushort port, string subset, Workload source, long nowMs)
    {
        // A client may dial any port: those that lead nowhere are one.
        ushort known = snapshot.FindService(serviceKey)?.TryGetPort(port, out _) == true ? port : (ushort)0;
        var key = new DestinationKey(serviceKey, known, subset, ScopeOf(snapshot.FindTraffic(serviceKey), source));
        return _destinations.GetOrAdd(
            key, added => new Destination(added, snapshot.PolicyOf(serviceKey, port, subset, source.Namespace), Totals, nowMs));
    }
}
