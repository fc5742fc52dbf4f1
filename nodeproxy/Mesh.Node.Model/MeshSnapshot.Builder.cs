using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model;

public sealed partial class MeshSnapshot
{
    /// <summary>
    /// Collects changes and makes the next snapshot. A change costs what it touches: a service's endpoints are put in order once per
    /// build, however many of them changed. Usable again after a build. One thread at a time.
    /// </summary>
    public sealed class Builder
    {
        /// <summary>Endpoints to set (a workload) or to remove (null), by service and uid.</summary>
        private readonly Dictionary<string, Dictionary<string, Workload?>> _endpointChanges = new(StringComparer.Ordinal);

        /// <summary>Services to set (a service) or to remove (null), by key.</summary>
        private readonly Dictionary<string, Service?> _serviceChanges = new(StringComparer.Ordinal);

        /// <summary>Policies to set (a policy) or to remove (null), by key.</summary>
        private readonly Dictionary<string, AuthorizationPolicy?> _policyChanges = new(StringComparer.Ordinal);

        private readonly HashSet<string> _networksWithChangedBlocks = new(StringComparer.Ordinal);

        /// <summary>A service that is reached by name has come, changed or gone.</summary>
        private bool _areNamesChanged;

        internal Builder(MeshSnapshot from)
        {
            IsComplete = from.IsComplete;
            HasLoggedWorkloads = from.HasLoggedWorkloads;
            Workloads = from._workloads.ToBuilder();
            WorkloadsByAddress = from._workloadsByAddress.ToBuilder();
            WorkloadsByNode = from._workloadsByNode.ToBuilder();
            WorkloadsByName = from._workloadsByName.ToBuilder();
            Services = from._services.ToBuilder();
            ServicesByPrefix = from._servicesByPrefix.ToBuilder();
            ServiceBlockLengths = from._serviceBlockLengths;
            ServicesByHostname = from._servicesByHostname.ToBuilder();
            Hostnames = from._hostnames.ToBuilder();
            Traffic = from._traffic.ToBuilder();
            Policies = from.Policies;
            NamedPorts = from.NamedPorts;
            Unresolved = from.Unresolved.ToBuilder();
        }

        public bool IsComplete { get; private set; }

        internal bool HasLoggedWorkloads { get; private set; }

        internal ImmutableDictionary<string, Workload>.Builder Workloads { get; }

        internal ImmutableDictionary<NetworkAddress, ImmutableArray<Workload>>.Builder WorkloadsByAddress { get; }

        internal ImmutableDictionary<string, ImmutableDictionary<string, Workload>>.Builder WorkloadsByNode { get; }

        internal ImmutableDictionary<WorkloadName, ImmutableArray<Workload>>.Builder WorkloadsByName { get; }

        internal ImmutableDictionary<string, ServiceEndpoints>.Builder Services { get; }

        internal ImmutableDictionary<NetworkPrefix, ImmutableArray<Service>>.Builder ServicesByPrefix { get; }

        internal ImmutableDictionary<string, PrefixLengths> ServiceBlockLengths { get; private set; }

        internal ImmutableDictionary<string, ImmutableArray<Service>>.Builder ServicesByHostname { get; }

        /// <summary>The keys of <see cref="ServicesByHostname"/>, by their bytes.</summary>
        internal ImmutableDictionary<HostText, string>.Builder Hostnames { get; }

        internal ImmutableDictionary<string, ServiceTraffic>.Builder Traffic { get; }

        internal PolicySet Policies { get; private set; }

        internal NamedPorts NamedPorts { get; private set; }

        internal ImmutableDictionary<string, Workload>.Builder Unresolved { get; }

        /// <summary>Says that the first complete configuration is in. Never taken back.</summary>
        public void MarkComplete() => IsComplete = true;

        public bool TryGetService(string key, [NotNullWhen(true)] out Service? service)
        {
            service = _serviceChanges.TryGetValue(key, out Service? changed) ? changed : Services.GetValueOrDefault(key)?.Service;
            return service is not null;
        }

        public bool TryGetPolicy(string key, [NotNullWhen(true)] out AuthorizationPolicy? policy)
        {
            if (!_policyChanges.TryGetValue(key, out policy))
            {
                Policies.TryGet(key, out policy);
            }

            return policy is not null;
        }

        /// <summary>Adds a workload or replaces the one of its uid.</summary>
        public void SetWorkload(Workload workload)
        {
            ArgumentNullException.ThrowIfNull(workload);
            RemoveWorkload(workload.Uid);
            Workloads.Add(workload.Uid, workload);
            HasLoggedWorkloads |= workload.Logging.IsWritten;
            if (workload.Hostname is not null && workload.Addresses.IsEmpty)
            {
                Unresolved.Add(workload.Uid, workload);
            }

            foreach (NetworkAddress address in AddressesOf(workload))
            {
                Insert(WorkloadsByAddress, address, workload, CompareClaimToAddress);
            }

            Insert(WorkloadsByName, NameOf(workload), workload, CompareUids);
            if (workload.Node.Length > 0)
            {
                WorkloadsByNode[workload.Node] = OnNode(workload.Node).SetItem(workload.Uid, workload);
            }

            foreach (ServiceMembership membership in workload.Services)
            {
                ChangesOf(membership.ServiceKey)[workload.Uid] = workload;
            }
        }

        /// <returns>False when there was none of that uid.</returns>
        public bool RemoveWorkload(string uid)
        {
            if (!Workloads.TryGetValue(uid, out Workload? workload))
            {
                return false;
            }

            Workloads.Remove(uid);
            Unresolved.Remove(uid);
            foreach (NetworkAddress address in AddressesOf(workload))
            {
                Delete(WorkloadsByAddress, address, workload);
            }

            Delete(WorkloadsByName, NameOf(workload), workload);
            if (workload.Node.Length > 0)
            {
                ImmutableDictionary<string, Workload> others = OnNode(workload.Node).Remove(uid);
                SetOrRemove(WorkloadsByNode, workload.Node, others, others.IsEmpty);
            }

            foreach (ServiceMembership membership in workload.Services)
            {
                ChangesOf(membership.ServiceKey)[uid] = null;
            }

            return true;
        }

        /// <summary>Adds a service or replaces the one of its key. Its endpoints are the workloads that name it, before or after.</summary>
        public void SetService(Service service)
        {
            ArgumentNullException.ThrowIfNull(service);
            RemoveService(service.Key);
            _serviceChanges[service.Key] = service;
            _areNamesChanged |= service.Reach != ServiceReach.Addresses;
            foreach (NetworkPrefix prefix in service.Addresses.Distinct())
            {
                Insert(ServicesByPrefix, prefix, service, CompareClaimToName);
                TouchBlock(prefix);
            }

            Insert(ServicesByHostname, service.Hostname, service, CompareClaimToName);
            Hostnames[HostText.Of(service.Hostname)] = service.Hostname;
        }

        /// <returns>False when there was none of that key.</returns>
        public bool RemoveService(string key)
        {
            if (!TryGetService(key, out Service? service))
            {
                return false;
            }

            _serviceChanges[key] = null;
            _areNamesChanged |= service.Reach != ServiceReach.Addresses;
            foreach (NetworkPrefix prefix in service.Addresses.Distinct())
            {
                Delete(ServicesByPrefix, prefix, service);
                TouchBlock(prefix);
            }

            Delete(ServicesByHostname, service.Hostname, service);
            if (!ServicesByHostname.ContainsKey(service.Hostname))
            {
                Hostnames.Remove(HostText.Of(service.Hostname));
            }

            return true;
        }

        /// <summary>Adds a policy or replaces the one of its key.</summary>
        public void SetPolicy(AuthorizationPolicy policy)
        {
            ArgumentNullException.ThrowIfNull(policy);
            _policyChanges[policy.Key] = policy;
        }

        /// <returns>False when there was none of that key.</returns>
        public bool RemovePolicy(string key)
        {
            bool found = TryGetPolicy(key, out _);
            _policyChanges[key] = null;
            return found;
        }

        /// <summary>Adds what is said of a service's traffic or replaces what was. The service may come before or after.</summary>
        public void SetTraffic(ServiceTraffic traffic)
        {
            ArgumentNullException.ThrowIfNull(traffic);
            Traffic[traffic.ServiceKey] = traffic;
        }

        /// <returns>False when nothing was said of that service's.</returns>
        public bool RemoveTraffic(string serviceKey) => Traffic.Remove(serviceKey);

        /// <summary>Makes the snapshot.</summary>
        public MeshSnapshot Build()
        {
            foreach (string key in _serviceChanges.Keys.Union(_endpointChanges.Keys, StringComparer.Ordinal))
            {
                RebuildService(key);
            }

            foreach (string network in _networksWithChangedBlocks)
            {
                RebuildBlockLengths(network);
            }

            if (_areNamesChanged)
            {
                NamedPorts = NamedPorts.Of(Services.Values.Select(entry => entry.Service).OfType<Service>());
                _areNamesChanged = false;
            }

            Policies = Policies.With(_policyChanges);
            _serviceChanges.Clear();
            _endpointChanges.Clear();
            _policyChanges.Clear();
            _networksWithChangedBlocks.Clear();
            return new MeshSnapshot(this);
        }

        private void RebuildService(string key)
        {
            ServiceEndpoints? previous = Services.GetValueOrDefault(key);
            Service? service = _serviceChanges.TryGetValue(key, out Service? changed) ? changed : previous?.Service;
            ImmutableArray<Workload> endpoints = previous?.Endpoints ?? [];
            if (_endpointChanges.TryGetValue(key, out Dictionary<string, Workload?>? changes))
            {
                endpoints =
                [
                    .. endpoints.Where(endpoint => !changes.ContainsKey(endpoint.Uid))
                        .Concat(changes.Values.OfType<Workload>())
                        .OrderBy(endpoint => endpoint.Uid, StringComparer.Ordinal),
                ];
            }

            SetOrRemove(Services, key, new ServiceEndpoints(service, endpoints), isEmpty: service is null && endpoints.IsEmpty);
        }

        private void RebuildBlockLengths(string network)
        {
            IpPrefix[] blocks =
            [
                .. ServicesByPrefix.Keys
                    .Where(prefix => string.Equals(prefix.Network, network, StringComparison.Ordinal) && !prefix.Prefix.IsSingleAddress)
                    .Select(prefix => prefix.Prefix),
            ];
            ServiceBlockLengths = blocks.Length == 0
                ? ServiceBlockLengths.Remove(network)
                : ServiceBlockLengths.SetItem(network, new PrefixLengths(blocks));
        }

        private void TouchBlock(NetworkPrefix prefix)
        {
            if (!prefix.Prefix.IsSingleAddress)
            {
                _networksWithChangedBlocks.Add(prefix.Network);
            }
        }

        private Dictionary<string, Workload?> ChangesOf(string serviceKey)
        {
            if (!_endpointChanges.TryGetValue(serviceKey, out Dictionary<string, Workload?>? changes))
            {
                _endpointChanges.Add(serviceKey, changes = new Dictionary<string, Workload?>(StringComparer.Ordinal));
            }

            return changes;
        }

        private ImmutableDictionary<string, Workload> OnNode(string node) =>
            WorkloadsByNode.TryGetValue(node, out ImmutableDictionary<string, Workload>? there)
                ? there
                : ImmutableDictionary.Create<string, Workload>(StringComparer.Ordinal);

        private static IEnumerable<NetworkAddress> AddressesOf(Workload workload) => workload.IsHostNetwork
            ? []
            : workload.Addresses.Select(address => NetworkAddress.From(workload.Network, address)).Distinct();

        private static WorkloadName NameOf(Workload workload) => new(workload.Namespace, workload.Name);

        private static int CompareUids(Workload left, Workload right) => string.CompareOrdinal(left.Uid, right.Uid);

        private static int CompareClaimToAddress(Workload left, Workload right)
        {
            int pods = IsPod(right).CompareTo(IsPod(left));
            int tunnels = right.TunnelProtocol.CompareTo(left.TunnelProtocol);
            return pods != 0 ? pods : tunnels != 0 ? tunnels : CompareUids(left, right);
        }

        private static bool IsPod(Workload workload) => workload.Uid.Contains("//Pod/", StringComparison.Ordinal);

        private static int CompareClaimToName(Service left, Service right)
        {
            int canonical = right.IsCanonical.CompareTo(left.IsCanonical);
            return canonical != 0 ? canonical : string.CompareOrdinal(left.Key, right.Key);
        }

        private static void Insert<TKey, TValue>(
            ImmutableDictionary<TKey, ImmutableArray<TValue>>.Builder index, TKey key, TValue value, Comparison<TValue> order)
            where TKey : notnull
        {
            ImmutableArray<TValue> claimants = index.TryGetValue(key, out ImmutableArray<TValue> found) ? found : [];
            int position = 0;
            while (position < claimants.Length && order(claimants[position], value) <= 0)
            {
                position++;
            }

            index[key] = claimants.Insert(position, value);
        }

        private static void Delete<TKey, TValue>(ImmutableDictionary<TKey, ImmutableArray<TValue>>.Builder index, TKey key, TValue value)
            where TKey : notnull
            where TValue : class
        {
            // By reference: what is in an index is the instance that was put there.
            ImmutableArray<TValue> others = index[key].RemoveAll(claimant => ReferenceEquals(claimant, value));
            SetOrRemove(index, key, others, others.IsEmpty);
        }

        private static void SetOrRemove<TKey, TValue>(
            ImmutableDictionary<TKey, TValue>.Builder index, TKey key, TValue value, bool isEmpty)
            where TKey : notnull
        {
            if (isEmpty)
            {
                index.Remove(key);
            }
            else
            {
                index[key] = value;
            }
        }
    }
}
