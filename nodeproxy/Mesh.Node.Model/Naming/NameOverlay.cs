using System.Collections.Immutable;
using System.Net;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Naming;

/// <summary>
/// Puts the addresses that names were found to have in the place of endpoints that have only a name: each becomes an endpoint of its own.
/// What neither a configuration nor an answer has changed stays the same instance. One thread at a time.
/// </summary>
public sealed class NameOverlay
{
    private Dictionary<string, Overlaid> _services = new(StringComparer.Ordinal);

    /// <summary>Makes the snapshot that connections are decided by.</summary>
    /// <param name="snapshot">As told by the control plane.</param>
    /// <param name="answerOf">What was last found of a name; null for nothing yet.</param>
    /// <returns>The snapshot itself where no endpoint has only a name. Never to be built upon: that is for what is told.</returns>
    public MeshSnapshot Apply(MeshSnapshot snapshot, Func<string, NameAnswer?> answerOf)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(answerOf);
        if (snapshot.Unresolved.IsEmpty && _services.Count == 0)
        {
            return snapshot;
        }

        var answers = new Dictionary<string, NameAnswer>(StringComparer.Ordinal);
        foreach (Workload workload in snapshot.Unresolved.Values)
        {
            if (answerOf(workload.Hostname!) is NameAnswer answer)
            {
                answers[workload.Uid] = answer;
            }
        }

        var services = new Dictionary<string, Overlaid>(StringComparer.Ordinal);
        IEnumerable<ServiceMembership> memberships = snapshot.Unresolved.Values.SelectMany(workload => workload.Services);
        foreach (string key in memberships.Select(membership => membership.ServiceKey).Distinct(StringComparer.Ordinal))
        {
            if (snapshot.FindEndpoints(key) is { Service: not null } told)
            {
                services[key] = Overlay(key, told, answers);
            }
        }

        _services = services;
        return services.Count == 0 ? snapshot : snapshot.With(
            services.ToDictionary(entry => entry.Key, entry => entry.Value.Endpoints),
            services.Values.SelectMany(service => service.Resolved));
    }

    private Overlaid Overlay(string key, ServiceEndpoints told, Dictionary<string, NameAnswer> answers)
    {
        NameAnswer?[] used = [.. told.Endpoints.Select(endpoint => answers.GetValueOrDefault(endpoint.Uid))];
        if (_services.TryGetValue(key, out Overlaid? before) && ReferenceEquals(before.Told, told) && before.Answers.SequenceEqual(used))
        {
            return before;
        }

        var resolved = new List<Workload>();
        var endpoints = new List<Workload>();
        for (int i = 0; i < used.Length; i++)
        {
            if (used[i] is not NameAnswer answer)
            {
                endpoints.Add(told.Endpoints[i]);
                continue;
            }

            ImmutableArray<IPAddress> addresses = told.Service!.TakesFirstAnswer ? [answer.First] : answer.Addresses;
            resolved.AddRange(addresses.Select(address => At(told.Endpoints[i], address)));
        }

        endpoints.AddRange(resolved);
        endpoints.Sort(static (left, right) => string.CompareOrdinal(left.Uid, right.Uid));
        return new Overlaid(told, used, new ServiceEndpoints(told.Service, [.. endpoints]), resolved);
    }

    private static Workload At(Workload named, IPAddress address) => named with { Uid = $"{named.Uid}/{address}", Addresses = [address] };

    private sealed record Overlaid(ServiceEndpoints Told, NameAnswer?[] Answers, ServiceEndpoints Endpoints, List<Workload> Resolved);
}
