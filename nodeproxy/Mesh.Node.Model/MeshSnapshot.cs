using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Net;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model;

/// <summary>
/// Everything the control plane has said, at one moment: workloads, services, policies and traffic, indexed by what connections know.
/// Immutable; any thread; lookups allocate nothing. A connection captures one snapshot and decides everything from it.
/// </summary>
public sealed partial class MeshSnapshot
{
    private readonly ImmutableDictionary<string, Workload> _workloads;
    private readonly ImmutableDictionary<NetworkAddress, ImmutableArray<Workload>> _workloadsByAddress;
    private readonly ImmutableDictionary<string, ImmutableDictionary<string, Workload>> _workloadsByNode;
    private readonly ImmutableDictionary<WorkloadName, ImmutableArray<Workload>> _workloadsByName;
    private readonly ImmutableDictionary<string, ServiceEndpoints> _services;
    private readonly ImmutableDictionary<NetworkPrefix, ImmutableArray<Service>> _servicesByPrefix;
    private readonly ImmutableDictionary<string, PrefixLengths> _serviceBlockLengths;
    private readonly ImmutableDictionary<string, ImmutableArray<Service>> _servicesByHostname;
    private readonly ImmutableDictionary<HostText, string> _hostnames;
    private readonly ImmutableDictionary<string, ServiceTraffic> _traffic;

    /// <summary>Endpoints that names were found to have, by uid.</summary>
    private readonly FrozenDictionary<string, Workload> _resolved = FrozenDictionary<string, Workload>.Empty;

    private MeshSnapshot()
    {
        _workloads = ImmutableDictionary.Create<string, Workload>(StringComparer.Ordinal);
        _workloadsByAddress = ImmutableDictionary<NetworkAddress, ImmutableArray<Workload>>.Empty;
        _workloadsByNode = ImmutableDictionary.Create<string, ImmutableDictionary<string, Workload>>(StringComparer.Ordinal);
        _workloadsByName = ImmutableDictionary<WorkloadName, ImmutableArray<Workload>>.Empty;
        _services = ImmutableDictionary.Create<string, ServiceEndpoints>(StringComparer.Ordinal);
        _servicesByPrefix = ImmutableDictionary<NetworkPrefix, ImmutableArray<Service>>.Empty;
        _serviceBlockLengths = ImmutableDictionary.Create<string, PrefixLengths>(StringComparer.Ordinal);
        _servicesByHostname = ImmutableDictionary.Create<string, ImmutableArray<Service>>(StringComparer.Ordinal);
        _hostnames = ImmutableDictionary<HostText, string>.Empty;
        _traffic = ImmutableDictionary.Create<string, ServiceTraffic>(StringComparer.Ordinal);
        Policies = PolicySet.Empty;
        NamedPorts = NamedPorts.Empty;
        Unresolved = ImmutableDictionary.Create<string, Workload>(StringComparer.Ordinal);
    }

    private MeshSnapshot(Builder builder)
    {
        IsComplete = builder.IsComplete;
        HasLoggedWorkloads = builder.HasLoggedWorkloads;
        _workloads = builder.Workloads.ToImmutable();
        _workloadsByAddress = builder.WorkloadsByAddress.ToImmutable();
        _workloadsByNode = builder.WorkloadsByNode.ToImmutable();
        _workloadsByName = builder.WorkloadsByName.ToImmutable();
        _services = builder.Services.ToImmutable();
        _servicesByPrefix = builder.ServicesByPrefix.ToImmutable();
        _serviceBlockLengths = builder.ServiceBlockLengths;
        _servicesByHostname = builder.ServicesByHostname.ToImmutable();
        _hostnames = builder.Hostnames.ToImmutable();
        _traffic = builder.Traffic.ToImmutable();
        Policies = builder.Policies;
        NamedPorts = builder.NamedPorts;
        Unresolved = builder.Unresolved.ToImmutable();
    }

    private MeshSnapshot(
        MeshSnapshot told, IReadOnlyDictionary<string, ServiceEndpoints> services, FrozenDictionary<string, Workload> resolved)
    {
        IsComplete = told.IsComplete;
        HasLoggedWorkloads = told.HasLoggedWorkloads;
        _workloads = told._workloads;
        _workloadsByAddress = told._workloadsByAddress;
        _workloadsByNode = told._workloadsByNode;
        _workloadsByName = told._workloadsByName;
        _services = told._services.SetItems(services);
        _servicesByPrefix = told._servicesByPrefix;
        _serviceBlockLengths = told._serviceBlockLengths;
        _servicesByHostname = told._servicesByHostname;
        _hostnames = told._hostnames;
        _traffic = told._traffic;
        _resolved = resolved;
        Policies = told.Policies;
        NamedPorts = told.NamedPorts;
        Unresolved = told.Unresolved;
    }

    /// <summary>Nothing known, and not complete: policy evaluation on it never allows.</summary>
    public static MeshSnapshot Empty { get; } = new();

    /// <summary>True once the first complete set of workloads, services and policies has arrived; never false again.</summary>
    public bool IsComplete { get; }

    /// <summary>Whether requests of a workload have, or had, lines in the log whatever the node's options say.</summary>
    public bool HasLoggedWorkloads { get; }

    public PolicySet Policies { get; }

    /// <summary>The services that are reached by what clients ask for.</summary>
    public NamedPorts NamedPorts { get; }

    /// <summary>The workloads that have only a name, by uid. The same instance while they stay the same.</summary>
    public ImmutableDictionary<string, Workload> Unresolved { get; }

    /// <summary>Every workload, in no order.</summary>
    public IEnumerable<Workload> Workloads => _workloads.Values;

    public int WorkloadCount => _workloads.Count;

    /// <summary>Every service that has arrived, with its endpoints, in no order.</summary>
    public IEnumerable<ServiceEndpoints> Services => _services.Values.Where(entry => entry.Service is not null);

    /// <summary>Finds a workload by its uid.</summary>
    public Workload? FindWorkload(string uid) => _workloads.GetValueOrDefault(uid) ?? _resolved.GetValueOrDefault(uid);

    /// <summary>
    /// Finds the workload at an address. Where several claim it, a pod is preferred to anything else, then one that speaks HBONE, then the
    /// lowest uid. Host-network workloads are never found so.
    /// </summary>
    public Workload? FindWorkload(string network, IPAddress address) => FindWorkload(NetworkAddress.From(network, address));

    /// <inheritdoc cref="FindWorkload(string, IPAddress)"/>
    public Workload? FindWorkload(NetworkAddress address) =>
        _workloadsByAddress.TryGetValue(address, out ImmutableArray<Workload> claimants) ? claimants[0] : null;

    /// <summary>Finds the workload a pod is, by what the node knows of it; null when it has not arrived or has another account.</summary>
    public Workload? FindPod(string node, string @namespace, string name, string serviceAccount)
    {
        if (!_workloadsByName.TryGetValue(new WorkloadName(@namespace, name), out ImmutableArray<Workload> named))
        {
            return null;
        }

        foreach (Workload workload in named)
        {
            if (string.Equals(workload.Node, node, StringComparison.Ordinal)
                && string.Equals(workload.Identity.ServiceAccount, serviceAccount, StringComparison.Ordinal))
            {
                return workload;
            }
        }

        return null;
    }

    /// <summary>The workloads on a node, by uid; host-network ones included.</summary>
    public ImmutableDictionary<string, Workload> WorkloadsOn(string node) =>
        _workloadsByNode.GetValueOrDefault(node, ImmutableDictionary<string, Workload>.Empty);

    /// <summary>Finds a service by namespace/hostname.</summary>
    public Service? FindService(string key) => _services.TryGetValue(key, out ServiceEndpoints? found) ? found.Service : null;

    /// <summary>A service's endpoints by namespace/hostname; also for a service workloads name before it arrives.</summary>
    public ServiceEndpoints? FindEndpoints(string key) => _services.GetValueOrDefault(key);

    /// <summary>
    /// Finds the service a client reaches at a virtual address. Services not visible to the client's namespace do not count. One that has
    /// exactly this address goes before every block; within each, the client's namespace goes first, then the longer block, then the
    /// canonical service, then the lowest key.
    /// </summary>
    public Service? FindServiceByAddress(string network, IPAddress address, string clientNamespace) =>
        FindServiceByAddress(NetworkAddress.From(network, address), clientNamespace);

    /// <inheritdoc cref="FindServiceByAddress(string, IPAddress, string)"/>
    public Service? FindServiceByAddress(NetworkAddress address, string clientNamespace)
    {
        var exact = new NetworkPrefix(address.Network, IpPrefix.Single(address.Address));
        if (_servicesByPrefix.TryGetValue(exact, out ImmutableArray<Service> claimants)
            && Best(claimants, clientNamespace) is Service found)
        {
            return found;
        }

        return _serviceBlockLengths.TryGetValue(address.Network, out PrefixLengths? lengths)
            ? FindInBlocks(address, lengths.Of(address.Address), clientNamespace)
            : null;
    }

    /// <summary>
    /// Finds a service by hostname alone: the client's namespace goes first, then the canonical service, then the lowest key. Services not
    /// visible to the client's namespace do not count.
    /// </summary>
    public Service? FindServiceByHostname(string hostname, string clientNamespace) =>
        _servicesByHostname.TryGetValue(hostname, out ImmutableArray<Service> claimants) ? Best(claimants, clientNamespace) : null;

    /// <summary>The same by a name as a message holds it. No allocation.</summary>
    internal Service? FindServiceByHost(HostText host, string clientNamespace) =>
        _hostnames.TryGetValue(host, out string? hostname) ? FindServiceByHostname(hostname, clientNamespace) : null;

    /// <summary>What was said of how requests to a service are routed and carried, in no order.</summary>
    public IEnumerable<ServiceTraffic> Traffic => _traffic.Values;

    /// <summary>
    /// How requests to a service are routed and carried, by namespace/hostname; null where nothing was said, so that everything is as its
    /// defaults are. It may be there before its service is.
    /// </summary>
    public ServiceTraffic? FindTraffic(string serviceKey) => _traffic.GetValueOrDefault(serviceKey);

    /// <summary>The policy of a service's port or of a subset there, whether anything was said of it or not.</summary>
    public TrafficPolicy PolicyOf(string serviceKey, ushort port, string subset, string clientNamespace) =>
        FindTraffic(serviceKey)?.PolicyOf(port, subset, clientNamespace) ?? TrafficPolicy.Default;

    /// <summary>
    /// What is declared to be spoken at a service's port; <see cref="PortProtocol.Detect"/> also where the service or the port is not
    /// known.
    /// </summary>
    public PortProtocol ProtocolOf(string serviceKey, ushort port) =>
        FindService(serviceKey) is Service service && service.TryGetPort(port, out ServicePort found)
            ? found.Protocol
            : PortProtocol.Detect;

    /// <summary>This snapshot with other endpoints of some services.</summary>
    /// <param name="services">The services, by key.</param>
    /// <param name="resolved">Their endpoints that are no workloads of this snapshot.</param>
    internal MeshSnapshot With(IReadOnlyDictionary<string, ServiceEndpoints> services, IEnumerable<Workload> resolved) =>
        new(
            this,
            services,
            resolved.DistinctBy(workload => workload.Uid).ToFrozenDictionary(workload => workload.Uid, StringComparer.Ordinal));

    /// <summary>A builder that starts from this snapshot and shares with it whatever does not change.</summary>
    public Builder ToBuilder() => new(this);

    private Service? FindInBlocks(NetworkAddress address, ReadOnlySpan<int> lengthsDescending, string clientNamespace)
    {
        Service? best = null;
        foreach (int lengthBits in lengthsDescending)
        {
            if (!IpPrefix.TryCreate(address.Address, lengthBits, out IpPrefix block)
                || !_servicesByPrefix.TryGetValue(new NetworkPrefix(address.Network, block), out ImmutableArray<Service> claimants)
                || Best(claimants, clientNamespace) is not Service found)
            {
                continue;
            }

            if (IsIn(found, clientNamespace))
            {
                return found;
            }

            best ??= found;
        }

        return best;
    }

    /// <summary>The claimants are in the order that decides where the client's namespace does not: canonical first, then by key.</summary>
    internal static Service? Best(ImmutableArray<Service> claimants, string clientNamespace)
    {
        Service? best = null;
        foreach (Service claimant in claimants)
        {
            if (IsIn(claimant, clientNamespace))
            {
                return claimant;
            }

            if (best is null && claimant.IsVisibleFrom(clientNamespace))
            {
                best = claimant;
            }
        }

        return best;
    }

    private static bool IsIn(Service service, string @namespace) => string.Equals(service.Namespace, @namespace, StringComparison.Ordinal);

    internal readonly record struct WorkloadName(string Namespace, string Name);

    /// <summary>The lengths of the address blocks services of one network have, longest first, single addresses aside.</summary>
    internal sealed class PrefixLengths(IEnumerable<IpPrefix> blocks)
    {
        private readonly int[] _lengthsIPv4 = Descending(blocks, isIPv6: false);
        private readonly int[] _lengthsIPv6 = Descending(blocks, isIPv6: true);

        public ReadOnlySpan<int> Of(IpValue address) => address.IsIPv6 ? _lengthsIPv6 : _lengthsIPv4;

        private static int[] Descending(IEnumerable<IpPrefix> blocks, bool isIPv6) =>
            [.. blocks.Where(block => block.Network.IsIPv6 == isIPv6).Select(block => block.LengthBits).Distinct().OrderDescending()];
    }
}
