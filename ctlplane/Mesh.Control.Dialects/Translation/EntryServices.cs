using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>Makes services of the hosts of a ServiceEntry, and endpoints of hosts that are looked up themselves. Pure.</summary>
internal static class EntryServices
{
    /// <param name="entry">The entry.</param>
    /// <param name="key">One of its hosts.</param>
    /// <param name="allocated">What the host is reached at where the entry has no addresses.</param>
    /// <param name="options">The network it is in.</param>
    public static Service Of(
        ServiceEntrySpec entry, ServiceKey key, ImmutableArray<VirtualAddress> allocated, TranslationOptions options) => new()
        {
            Key = key,
            Name = entry.Name,
            Network = options.Network,
            Addresses = entry.Addresses.IsEmpty ? allocated : entry.Addresses,
            Ports =
            [
                .. entry.Ports.Select(
                    port => new ServicePort(port.Port, port.TargetPort > 0 ? port.TargetPort : port.Port, port.Protocol)),
            ],
            SubjectAltNames = entry.SubjectAltNames,
            Preference = entry.Resolution == EndpointResolution.None
                ? new EndpointPreference([], LocalityMode.Passthrough, AdmitsUnhealthy: true)
                : EndpointPreference.Default,
            IsReachedByName = entry.Ports.Any(port => port.Protocol is not ApplicationProtocol.Tcp),
            IsReachedByPort = entry.Addresses.IsEmpty
                && entry.Ports.Any(port => port.Protocol is ApplicationProtocol.Tcp or ApplicationProtocol.Unknown),
            TakesFirstAnswer = entry.Resolution == EndpointResolution.DnsRoundRobin,
            IsNamespaceLocal = entry.IsNamespaceLocal,
        };

    /// <summary>Each host is its own endpoint, to be looked up.</summary>
    public static List<WorkloadDraft> EndpointsOf(ServiceEntrySpec entry, List<ServiceKey> keys, TranslationOptions options)
    {
        var endpoints = new List<WorkloadDraft>(keys.Count);
        foreach (ServiceKey key in keys)
        {
            WorkloadDraft draft = WorkloadDraft.OfEndpoint(
                new WorkloadEntrySpec
                {
                    Source = entry.Source,
                    Namespace = entry.Namespace,
                    Name = entry.Name,
                    Address = null,
                    Hostname = key.Hostname,
                    Ports = [],
                    Labels = Labels.Empty,
                    Network = null,
                    Locality = Locality.Unknown,
                    Weight = null,
                    ServiceAccount = "default",
                },
                options);
            draft.Services.Add(new WorkloadService(key, [.. entry.Ports.Select(port => EndpointPorts.Of(port, draft))]));
            endpoints.Add(draft);
        }

        return endpoints;
    }
}
