using System.Collections.Immutable;
using Mesh.Api.Enrolment;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Makes the model of one namespace out of its objects: 1. workloads, 2. services and their endpoints, 3. policies and whom they select.
/// A pure function of its inputs.
/// </summary>
internal sealed class NamespaceTranslator
{
    private const int NamesInMessageMax = 5;

    private readonly TranslationOptions _options;
    private readonly NamespaceInputs _inputs;
    private readonly MeshWideInputs _meshWide;
    private readonly List<WorkloadDraft> _drafts = [];
    private readonly Dictionary<string, List<WorkloadDraft>> _endpointsByService = new(StringComparer.Ordinal);
    private readonly Dictionary<string, List<WorkloadDraft>> _endpointsByEntry = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Entry, string Host), ImmutableArray<VirtualAddress>> _allocated;
    private readonly HashSet<ServiceKey> _serviceKeys = [];
    private readonly ImmutableArray<Service>.Builder _services = ImmutableArray.CreateBuilder<Service>();
    private readonly ImmutableArray<AuthorizationPolicy>.Builder _policies = ImmutableArray.CreateBuilder<AuthorizationPolicy>();
    private readonly ImmutableArray<Diagnostic>.Builder _diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();

    private NamespaceTranslator(TranslationOptions options, NamespaceInputs inputs, MeshWideInputs meshWide)
    {
        _options = options;
        _inputs = inputs;
        _meshWide = meshWide;
        _allocated = inputs.Allocated.ToDictionary(given => (given.Entry, given.Host), given => given.Addresses);
    }

    public static NamespaceModel Translate(TranslationOptions options, NamespaceInputs inputs, MeshWideInputs meshWide) =>
        new NamespaceTranslator(options, inputs, meshWide).Run();

    private NamespaceModel Run()
    {
        // 1. Workloads.
        ImmutableHashSet<Placement> placements = AddPods();
        foreach (WorkloadEntrySpec entry in _inputs.Specs<WorkloadEntrySpec>())
        {
            _drafts.Add(WorkloadDraft.OfWorkloadEntry(entry, _options));
        }

        // 2. Services. Endpoints that a service or a ServiceEntry lists belong to it alone and are never selected.
        var index = new LabelIndex(_drafts);
        var listedEndpoints = new List<WorkloadDraft>();
        var slices = new SliceEndpoints(_options, _inputs, _meshWide, _drafts);
        foreach (ServiceSpec service in _inputs.Specs<ServiceSpec>())
        {
            AddService(service, index, slices, listedEndpoints);
        }

        _diagnostics.AddRange(slices.Diagnostics);

        foreach (ServiceEntrySpec entry in _inputs.Specs<ServiceEntrySpec>())
        {
            AddServiceEntry(entry, index, listedEndpoints);
        }

        AddSubsets(listedEndpoints);

        // 3. Policies.
        AddPeerAuthentication();
        AddAuthorization(index);
        AddNetworkPolicies();
        CheckServiceAccounts();

        _drafts.AddRange(listedEndpoints);
        return new NamespaceModel
        {
            Name = _inputs.Name,
            Workloads = [.. _drafts.Select(draft => draft.Finish())],
            Services = _services.ToImmutable(),
            Policies = _policies.ToImmutable(),
            Placements = placements,
            Diagnostics = _diagnostics.ToImmutable(),
        };
    }

    private ImmutableHashSet<Placement> AddPods()
    {
        ImmutableHashSet<Placement>.Builder placements = ImmutableHashSet.CreateBuilder<Placement>();
        var modes = new OutboundModes(_inputs.Specs<SidecarSpec>(), _meshWide);
        var logs = new RequestLogs(_inputs.Specs<TelemetrySpec>(), _meshWide.Telemetry);
        foreach (PodSpec pod in _inputs.Specs<PodSpec>())
        {
            if (pod.IsFinished)
            {
                continue;
            }

            if (pod.Node.Length > 0)
            {
                placements.Add(new Placement(pod.Node, pod.ServiceAccount));
            }

            if (pod.Addresses.IsEmpty)
            {
                Report(pod.Source, DiagnosticSeverity.Note, "status.podIP", "The pod has no address yet, so nothing can reach it.");
                continue;
            }

            Locality locality = _meshWide.Localities.GetValueOrDefault(pod.Node, Locality.Unknown);
            WorkloadDraft draft = WorkloadDraft.OfPod(pod, _options, _inputs.Labels, locality);
            draft.IsRegistryOnly = modes.IsRegistryOnly(pod.Labels);
            draft.Logging = logs.Of(pod.Labels);
            _drafts.Add(draft);
            CheckCaptureLabels(pod);
        }

        return placements.ToImmutable();
    }

    private void CheckCaptureLabels(PodSpec pod)
    {
        if (pod.Labels.Find(CaptureRule.OwnLabel) is { } own and not ("enabled" or "disabled"))
        {
            Report(
                pod.Source,
                DiagnosticSeverity.Warning,
                "metadata.labels",
                $"{CaptureRule.OwnLabel} is '{own}', which means nothing.",
                "Write enabled or disabled.");
        }

        if (pod.IsHostNetwork && CaptureRule.Asked(pod.Labels.Find) == true)
        {
            Report(pod.Source, DiagnosticSeverity.Warning, "spec.hostNetwork", "The pod uses its node's network and is not captured.");
        }
    }

    private void AddService(ServiceSpec service, LabelIndex index, SliceEndpoints slices, List<WorkloadDraft> listedEndpoints)
    {
        var key = new ServiceKey(service.Namespace, $"{service.Name}.{service.Namespace}.svc.{_options.ClusterDomain}");
        AddUnique(service.Source, new Service
        {
            Key = key,
            Name = service.Name,
            Network = _options.Network,
            Addresses = [.. service.ClusterAddresses.Select(address => new VirtualAddress(address, PrefixLength: null))],
            Ports = [.. service.Ports.Select(port => new ServicePort(port.Port, port.TargetPort, port.Protocol) { Name = port.Name })],
            UncarriedPorts = service.UncarriedPorts,
            IsHeadless = service.IsHeadless,
            Preference = service.Preference,
            Families = service.Families,
            IsCanonical = true,
        });
        if (slices.Add(service, key, listedEndpoints) is { } listed)
        {
            _endpointsByService[service.Name] = listed;
            return;
        }

        if (service.Selector is null)
        {
            Report(service.Source, DiagnosticSeverity.Warning, "spec.selector", "Without a selector the service has no endpoints here.");
            return;
        }

        List<WorkloadDraft> selected = index.Select(service.Selector);
        selected.RemoveAll(draft => !EndpointPorts.HasFamily(draft, service.Families));
        _endpointsByService[service.Name] = selected;
        foreach (WorkloadDraft draft in selected)
        {
            draft.Services.Add(new WorkloadService(key, [.. EndpointPorts.Of(service, draft)]));
        }

        foreach (ServicePortSpec port in service.Ports)
        {
            if (port.TargetPortName.Length > 0
                && selected.Count > 0
                && selected.TrueForAll(draft => draft.FindPort(port.TargetPortName) == 0))
            {
                Report(
                    service.Source,
                    DiagnosticSeverity.Warning,
                    "spec.ports",
                    $"No container of the selected pods has a port named '{port.TargetPortName}', so port {port.Port} leads nowhere.");
            }
        }
    }

    /// <summary>
    /// A host name of a namespace is one service. Services of Kubernetes come first, entries in the order of their names.
    /// </summary>
    private bool AddUnique(RawObject source, Service service)
    {
        if (_serviceKeys.Add(service.Key))
        {
            _services.Add(service);
            return true;
        }

        Report(
            source,
            DiagnosticSeverity.Error,
            "spec.hosts",
            $"{service.Key.Hostname} is already a service of this namespace; the first one stays.");
        return false;
    }

    private void AddServiceEntry(ServiceEntrySpec entry, LabelIndex index, List<WorkloadDraft> listedEndpoints)
    {
        var keys = new List<ServiceKey>(entry.Hosts.Length);
        foreach (string host in entry.Hosts)
        {
            var key = new ServiceKey(entry.Namespace, host);
            ImmutableArray<VirtualAddress> allocated = _allocated.GetValueOrDefault((entry.Name, host), []);
            if (AddUnique(entry.Source, EntryServices.Of(entry, key, allocated, _options)))
            {
                keys.Add(key);
            }
        }

        if (entry.IsFoundByItsHosts)
        {
            List<WorkloadDraft> hosts = EntryServices.EndpointsOf(entry, keys, _options);
            listedEndpoints.AddRange(hosts);
            _endpointsByEntry[entry.Name] = hosts;
            return;
        }

        List<WorkloadDraft> endpoints = entry.Selector is null ? [] : index.Select(entry.Selector);
        foreach (WorkloadEntrySpec endpoint in entry.Endpoints)
        {
            WorkloadDraft draft = WorkloadDraft.OfEndpoint(endpoint, _options);
            listedEndpoints.Add(draft);
            endpoints.Add(draft);
        }

        _endpointsByEntry[entry.Name] = endpoints;
        foreach (WorkloadDraft draft in endpoints)
        {
            ImmutableArray<EndpointPort> ports = [.. entry.Ports.Select(port => EndpointPorts.Of(port, draft))];
            draft.Services.AddRange(keys.Select(key => new WorkloadService(key, ports)));
        }
    }

    /// <summary>
    /// What subsets of its services each workload is in, whoever has said so: which of them hold for whom is a matter of traffic.
    /// </summary>
    private void AddSubsets(List<WorkloadDraft> listedEndpoints)
    {
        if (_inputs.DestinationRules.IsEmpty)
        {
            return;
        }

        var rules = new DestinationRules(_inputs.DestinationRules, _options.RootNamespace, _options.ClusterDomain);
        foreach (WorkloadDraft draft in _drafts.Concat(listedEndpoints))
        {
            for (int index = 0; index < draft.Services.Count; index++)
            {
                draft.Services[index] = draft.Services[index] with
                {
                    Subsets =
                    [
                        .. rules.Covering(draft.Services[index].Service)
                            .SelectMany(rule => rule.Subsets
                                .Where(subset => draft.Labels.Satisfy(subset.Labels))
                                .Select(subset => EffectiveRule.KeyOf(rule, subset)))
                            .Order(StringComparer.Ordinal),
                    ],
                };
            }
        }
    }

    private void AddPeerAuthentication()
    {
        if (_inputs.Name == _options.RootNamespace && _meshWide.HasPeerAuthentication)
        {
            _policies.Add(PeerAuthentications.StaticStrict(_options.RootNamespace));
        }

        PeerAuthentications policies = PeerAuthentications.Of(_inputs, _meshWide, _options.RootNamespace);
        var unenforced = new Dictionary<PeerAuthenticationSpec, List<WorkloadDraft>>(ReferenceEqualityComparer.Instance);
        foreach (WorkloadDraft draft in _drafts)
        {
            int before = draft.Policies.Count;
            PeerAuthenticationSpec? deciding = policies.Apply(draft);
            if (deciding is null)
            {
                continue;
            }

            if (!unenforced.TryGetValue(deciding, out List<WorkloadDraft>? drafts))
            {
                unenforced[deciding] = drafts = [];
            }

            if (draft.Policies.Count > before && IsUncapturedPod(draft))
            {
                drafts.Add(draft);
            }
        }

        _policies.AddRange(policies.Converted.OrderBy(policy => policy.Name, StringComparer.Ordinal));
        ReportPeerAuthentication(policies, unenforced);
    }

    /// <param name="policies">Of this namespace.</param>
    /// <param name="unenforced">By the policies that decided for anybody: for whom in vain.</param>
    private void ReportPeerAuthentication(PeerAuthentications policies, Dictionary<PeerAuthenticationSpec, List<WorkloadDraft>> unenforced)
    {
        foreach (PeerAuthenticationSpec policy in _inputs.Specs<PeerAuthenticationSpec>())
        {
            if (policy.Selector is null && policies.NamespaceWide is { } winner && !ReferenceEquals(policy, winner))
            {
                Report(
                    policy.Source,
                    DiagnosticSeverity.Warning,
                    "spec.selector",
                    $"Only one policy without selector holds in a namespace, and {winner.Name} comes first; this one has no effect.");
            }
            else if (policy.Selector is not null && !unenforced.ContainsKey(policy))
            {
                Report(policy.Source, DiagnosticSeverity.Warning, "spec.selector", "The policy decides for no workload of its namespace.");
            }

            if (unenforced.TryGetValue(policy, out List<WorkloadDraft>? drafts))
            {
                ReportUncaptured(policy.Source, "spec.mtls.mode", drafts);
            }
        }
    }

    private void AddAuthorization(LabelIndex index)
    {
        foreach (AuthorizationPolicySpec policy in _inputs.Specs<AuthorizationPolicySpec>())
        {
            bool isRoot = _inputs.Name == _options.RootNamespace;
            PolicyScope scope = ScopeOf(policy, isRoot);
            _policies.Add(new AuthorizationPolicy
            {
                Namespace = policy.Namespace,
                Name = policy.Name,
                Scope = scope,
                Action = policy.Action,
                Provider = policy.Provider,
                Authorizer = ExtensionProviders.Find(policy, _meshWide.Providers, _options, Report),
                Rules = policy.Rules,
                TokenRules = policy.TokenRules,
                RateLimits = policy.RateLimits,
                IsDryRun = policy.IsDryRun,
            });
            if (scope == PolicyScope.Mesh || (isRoot && policy.Selector is not null))
            {
                continue;
            }

            List<WorkloadDraft> selected = _drafts;
            if (scope == PolicyScope.Workload)
            {
                selected = Selected(policy, index);
                Attach(policy, selected);
                if (selected.Count == 0)
                {
                    Report(policy.Source, DiagnosticSeverity.Warning, "spec", "The policy selects no workload of its namespace.");
                }
            }

            ReportUncaptured(policy.Source, "spec", selected.FindAll(IsUncapturedPod));
        }

        foreach (AuthorizationPolicySpec policy in _meshWide.SelectingPolicies)
        {
            Attach(policy, index.Select(policy.Selector!));
        }
    }

    /// <summary>A policy on a gateway holds for everything the gateway may lead to: there are no gateways to enforce it.</summary>
    private static PolicyScope ScopeOf(AuthorizationPolicySpec policy, bool isRoot)
    {
        bool isSelective = policy.Selector is not null
            || (!policy.Targets.IsEmpty && policy.Targets.All(target => target.Kind != PolicyTargetKind.Gateway));
        return (isSelective, isRoot) switch
        {
            (true, _) => PolicyScope.Workload,
            (false, true) => PolicyScope.Mesh,
            (false, false) => PolicyScope.Namespace,
        };
    }

    private List<WorkloadDraft> Selected(AuthorizationPolicySpec policy, LabelIndex index)
    {
        if (policy.Selector is not null)
        {
            return index.Select(policy.Selector);
        }

        var selected = new HashSet<WorkloadDraft>();
        foreach (PolicyTarget target in policy.Targets)
        {
            Dictionary<string, List<WorkloadDraft>> endpoints = target.Kind == PolicyTargetKind.Service
                ? _endpointsByService
                : _endpointsByEntry;
            if (endpoints.TryGetValue(target.Name, out List<WorkloadDraft>? found))
            {
                selected.UnionWith(found);
            }
            else
            {
                Report(
                    policy.Source,
                    DiagnosticSeverity.Warning,
                    "spec.targetRefs",
                    $"There is no {target.Kind} {target.Name} with endpoints here.");
            }
        }

        return [.. selected];
    }

    private static void Attach(AuthorizationPolicySpec policy, List<WorkloadDraft> selected)
    {
        foreach (WorkloadDraft draft in selected)
        {
            draft.Policies.Add($"{policy.Namespace}/{policy.Name}");
        }
    }

    private void AddNetworkPolicies()
    {
        foreach (NetworkPolicySpec policy in _inputs.Specs<NetworkPolicySpec>())
        {
            foreach (WorkloadDraft draft in _drafts)
            {
                if (draft.Pod is not null && policy.Selector.Selects(draft.Labels))
                {
                    draft.Restrict(policy);
                }
            }
        }
    }

    private void ReportUncaptured(RawObject source, string field, List<WorkloadDraft> uncaptured)
    {
        if (uncaptured.Count > 0)
        {
            Report(
                source,
                DiagnosticSeverity.Warning,
                field,
                $"Not enforced at {Names(uncaptured)}: not captured.",
                "Label the namespace or the pods.");
        }
    }

    /// <summary>Kubernetes would not start such a pod. Said only where service accounts are written down at all.</summary>
    private void CheckServiceAccounts()
    {
        HashSet<string> known = [.. _inputs.Specs<ServiceAccountSpec>().Select(account => account.Name)];
        if (known.Count == 0)
        {
            return;
        }

        foreach (PodSpec pod in _inputs.Specs<PodSpec>())
        {
            if (pod.ServiceAccount != "default" && !known.Contains(pod.ServiceAccount))
            {
                Report(
                    pod.Source,
                    DiagnosticSeverity.Warning,
                    "spec.serviceAccountName",
                    $"There is no ServiceAccount {pod.ServiceAccount} in {pod.Namespace}.");
            }
        }
    }

    private static bool IsUncapturedPod(WorkloadDraft draft) =>
        draft is { Pod: not null, IsCaptureAwaited: false } && draft.Workload.Tunnel == TunnelProtocol.None;

    private static string Names(List<WorkloadDraft> drafts)
    {
        string names = string.Join(", ", drafts.Take(NamesInMessageMax).Select(draft => draft.Workload.Name));
        return drafts.Count > NamesInMessageMax ? $"{names} and {drafts.Count - NamesInMessageMax} more" : names;
    }

    private void Report(RawObject source, DiagnosticSeverity severity, string field, string reason, string hint = "") =>
        _diagnostics.Add(new Diagnostic(severity, source.Origin, source.Key, field, reason, hint));
}
