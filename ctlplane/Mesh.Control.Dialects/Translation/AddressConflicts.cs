using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Finds addresses that more than one pod or service has. A cluster hands out each address once; files are written by people, and a
/// connection to such an address reaches one of the two.
/// </summary>
internal static class AddressConflicts
{
    /// <param name="readings">Of the whole mesh, in the order of their keys; of two with one address the later one is reported.</param>
    public static IEnumerable<Diagnostic> Find(IEnumerable<Reading> readings)
    {
        var owners = new Dictionary<(string? Network, IPAddress Address), RawObject>();
        foreach (Reading reading in readings)
        {
            (ImmutableArray<IPAddress> addresses, string? network, string field) = reading.Spec switch
            {
                PodSpec { IsFinished: false, IsHostNetwork: false } pod =>
                    (pod.Addresses, pod.Labels.Find(WorkloadDraft.NetworkLabel), "status.podIP"),
                ServiceSpec service => (service.ClusterAddresses, null, "spec.clusterIP"),
                _ => ([], null, string.Empty),
            };
            foreach (IPAddress address in addresses)
            {
                if (owners.TryAdd((network, address), reading.Source))
                {
                    continue;
                }

                RawObject owner = owners[(network, address)];
                yield return new Diagnostic(
                    DiagnosticSeverity.Warning,
                    reading.Source.Origin,
                    reading.Source.Key,
                    field,
                    $"{address} is also the address of {owner.Key} at {owner.Origin}; connections to it reach one of the two.",
                    "Give each an address of its own.");
            }
        }
    }
}
