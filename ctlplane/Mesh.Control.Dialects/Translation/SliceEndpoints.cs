using System.Net;
using System.Net.Sockets;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// The endpoints of services, as EndpointSlices list them. What they list is pods mostly; the rest becomes workloads of its own, of which
/// nothing but the address is known. Where a service has slices, its selector is not asked: the cluster has asked it.
/// </summary>
internal sealed class SliceEndpoints
{
    private readonly TranslationOptions _options;
    private readonly NamespaceInputs _inputs;
    private readonly MeshWideInputs _meshWide;
    private readonly Dictionary<string, WorkloadDraft> _podsByName = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, WorkloadDraft> _podsByAddress = [];
    private readonly ILookup<string, EndpointSliceSpec> _slices;

    /// <param name="options">The mesh's.</param>
    /// <param name="inputs">The namespace's.</param>
    /// <param name="meshWide">Where nodes are.</param>
    /// <param name="drafts">The namespace's workloads.</param>
    public SliceEndpoints(TranslationOptions options, NamespaceInputs inputs, MeshWideInputs meshWide, List<WorkloadDraft> drafts)
    {
        _options = options;
        _inputs = inputs;
        _meshWide = meshWide;
        _slices = inputs.Specs<EndpointSliceSpec>().ToLookup(slice => slice.Service, StringComparer.Ordinal);
        if (_slices.Count == 0)
        {
            return;
        }

        foreach (WorkloadDraft draft in drafts.Where(draft => draft.Pod is not null))
        {
            _podsByName.TryAdd(draft.Pod!.Name, draft);
            foreach (IPAddress address in draft.Pod.IsHostNetwork ? [] : draft.Workload.Addresses)
            {
                _podsByAddress.TryAdd(address, draft);
            }
        }
    }

    /// <summary>What is wrong with what is listed.</summary>
    public List<Diagnostic> Diagnostics { get; } = [];

    /// <summary>Gives a service the endpoints that its slices list.</summary>
    /// <param name="service">The service.</param>
    /// <param name="key">Its name in the mesh.</param>
    /// <param name="others">Receives the endpoints that are no pods.</param>
    /// <returns>The pods among them; null where the service has no slices.</returns>
    public List<WorkloadDraft>? Add(ServiceSpec service, ServiceKey key, List<WorkloadDraft> others)
    {
        if (!_slices.Contains(service.Name))
        {
            return null;
        }

        var ports = new Dictionary<WorkloadDraft, List<EndpointPort>>(ReferenceEqualityComparer.Instance);
        foreach (EndpointSliceSpec slice in _slices[service.Name])
        {
            var own = new Dictionary<IPAddress, WorkloadDraft>();
            foreach (SliceEndpoint endpoint in slice.Endpoints.Where(endpoint => HasFamily(service.Families, endpoint.Address)))
            {
                if (Find(slice, endpoint, own) is not { } draft)
                {
                    continue;
                }

                if (!ports.TryGetValue(draft, out List<EndpointPort>? known))
                {
                    ports[draft] = known = [];
                }

                known.AddRange(PortsOf(service, slice).Where(port => !known.Contains(port)));
            }
        }

        foreach ((WorkloadDraft draft, List<EndpointPort> served) in ports)
        {
            draft.Services.Add(new WorkloadService(key, [.. served]));
        }

        others.AddRange(ports.Keys.Where(draft => draft.Pod is null));
        return [.. ports.Keys.Where(draft => draft.Pod is not null)];
    }

    /// <returns>Who is listed; null for whom nothing is to be sent to.</returns>
    private WorkloadDraft? Find(EndpointSliceSpec slice, SliceEndpoint endpoint, Dictionary<IPAddress, WorkloadDraft> own)
    {
        WorkloadDraft? pod = endpoint.Pod is { } name
            ? _podsByName.GetValueOrDefault(name)
            : _podsByAddress.GetValueOrDefault(endpoint.Address);
        if (pod is not null)
        {
            // A pod that takes no new work says so itself, for all of its services; a slice may say it of one.
            return endpoint.IsReady || !pod.Workload.IsHealthy ? pod : null;
        }

        if (endpoint.Pod is not null)
        {
            // One of the two watches is behind.
            return null;
        }

        if (_inputs.ForeignAddresses.Contains(endpoint.Address))
        {
            Diagnostics.Add(new Diagnostic(
                DiagnosticSeverity.Warning,
                slice.Source.Origin,
                slice.Source.Key,
                "endpoints",
                $"{endpoint.Address} is a pod of another namespace, which this namespace has no say over; it is left out.",
                "Address that pod's own service."));
            return null;
        }

        if (!own.TryGetValue(endpoint.Address, out WorkloadDraft? draft))
        {
            own[endpoint.Address] = draft = WorkloadDraft.OfSlice(
                slice, endpoint, _options, LocalityOf(endpoint), _meshWide.NodeAddresses.Contains(endpoint.Address));
        }

        return draft;
    }

    private Locality LocalityOf(SliceEndpoint endpoint) =>
        _meshWide.Localities.TryGetValue(endpoint.Node, out Locality? locality)
            ? locality
            : new Locality(string.Empty, endpoint.Zone, string.Empty);

    private static bool HasFamily(AddressFamilies families, IPAddress address) => families switch
    {
        AddressFamilies.IPv4Only => address.AddressFamily == AddressFamily.InterNetwork,
        AddressFamilies.IPv6Only => address.AddressFamily == AddressFamily.InterNetworkV6,
        _ => true,
    };

    private static IEnumerable<EndpointPort> PortsOf(ServiceSpec service, EndpointSliceSpec slice)
    {
        foreach (ServicePortSpec port in service.Ports)
        {
            foreach (SlicePort listed in slice.Ports.Where(listed => listed.Name == port.Name))
            {
                int target = listed.Port > 0 ? listed.Port : port.TargetPort;
                if (target > 0)
                {
                    yield return new EndpointPort(port.Port, target, port.Protocol);
                }
            }
        }
    }
}
