using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>What of the mesh its traffic depends on.</summary>
internal sealed record TrafficInputs(
    ImmutableArray<VirtualServiceSpec> VirtualServices,
    ImmutableArray<DestinationRuleSpec> DestinationRules,
    ImmutableArray<ServiceRouteSpec> ServiceRoutes,
    ImmutableArray<ReferenceGrantSpec> Grants,
    ImmutableArray<SidecarSpec> Sidecars,
    RetryPolicy DefaultRetries,
    ImmutableArray<Service> Services,
    ImmutableArray<LabelledWorkload> Workloads)
{
    public bool IsEmpty => VirtualServices.IsEmpty && DestinationRules.IsEmpty && ServiceRoutes.IsEmpty;
}

/// <summary>What the mesh's traffic comes to.</summary>
/// <param name="Traffic">Of each service of which something is said.</param>
/// <param name="Diagnostics">What is to be said about it.</param>
/// <param name="Statuses">What each route in force is to be told of itself.</param>
internal sealed record TrafficResult(
    ImmutableArray<ServiceTraffic> Traffic, ImmutableArray<Diagnostic> Diagnostics, ImmutableArray<ObjectStatus> Statuses)
{
    public static TrafficResult Empty { get; } = new([], [], []);
}

/// <summary>Makes of all rules of the mesh what clients of each namespace find at each service. A pure function of its inputs.</summary>
internal sealed class TrafficTranslator
{
    private readonly TranslationOptions _options;
    private readonly TrafficInputs _inputs;
    private readonly ServiceDirectory _directory;
    private readonly DestinationRules _destinationRules;
    private readonly ServiceRoutes _serviceRoutes;
    private readonly SidecarScopes _sidecars;
    private readonly Backends _backends;
    private readonly RuleResolver _resolver;
    private readonly HashSet<RawObject> _used = new(ReferenceEqualityComparer.Instance);
    private readonly HashSet<Diagnostic> _seen = [];
    private readonly ImmutableArray<Diagnostic>.Builder _diagnostics = ImmutableArray.CreateBuilder<Diagnostic>();

    private TrafficTranslator(TranslationOptions options, TrafficInputs inputs)
    {
        _options = options;
        _inputs = inputs with
        {
            VirtualServices = new Delegation(inputs.VirtualServices, options.ClusterDomain, Report).Expand(),
        };
        _directory = new ServiceDirectory(inputs.Services);
        _destinationRules = new DestinationRules(inputs.DestinationRules, options.RootNamespace, options.ClusterDomain);
        _serviceRoutes = new ServiceRoutes(inputs.ServiceRoutes, options.ClusterDomain);
        _sidecars = new SidecarScopes(inputs.Sidecars, options.RootNamespace, Report);
        _backends = new Backends(_directory, inputs.Grants, options.ClusterDomain);
        _resolver = new RuleResolver(
            _directory, _destinationRules, _backends, inputs.DefaultRetries, inputs.Workloads, options.ClusterDomain, Report);
    }

    public static TrafficResult Translate(TranslationOptions options, TrafficInputs inputs) =>
        inputs.IsEmpty ? TrafficResult.Empty : new TrafficTranslator(options, inputs).Run();

    private TrafficResult Run()
    {
        ImmutableArray<ServiceTraffic>.Builder traffic = ImmutableArray.CreateBuilder<ServiceTraffic>();
        foreach (Service service in _directory.All)
        {
            if (Translate(service) is { } translated)
            {
                traffic.Add(translated);
            }
        }

        ReportUnused();
        return new TrafficResult(
            traffic.ToImmutable(),
            _diagnostics.ToImmutable(),
            [.. _inputs.ServiceRoutes.Select(route => RouteStatuses.Of(route, _directory, _backends, _options.ClusterDomain))]);
    }

    private ServiceTraffic? Translate(Service service)
    {
        List<VirtualServiceSpec> virtualServices = [.. _inputs.VirtualServices.Where(spec => SpecificityFor(spec, service) >= 0)];
        List<ServiceRouteSpec> serviceRoutes = [.. _serviceRoutes.Of(service)];
        List<DestinationRuleSpec> rules = _destinationRules.Covering(service.Key);
        _used.UnionWith(virtualServices.Select(spec => spec.Source));
        _used.UnionWith(rules.Select(spec => spec.Source));
        if (virtualServices.Count + serviceRoutes.Count + rules.Count == 0)
        {
            return null;
        }

        IEnumerable<string> clients = virtualServices.SelectMany(spec => spec.ExportedTo.Namespaces)
            .Concat(_destinationRules.ClientNamespaces(service.Key))
            .Concat(serviceRoutes.Where(spec => spec.Namespace != service.Key.Namespace).Select(spec => spec.Namespace))
            .Concat(_sidecars.ClientNamespaces(service.Key))
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal);
        ImmutableArray<TrafficScope> scopes =
            [.. clients.Prepend(string.Empty).Select(client => ScopeOf(service, client, virtualServices))];
        return scopes.All(SaysNothing) ? null : new ServiceTraffic(service.Key, scopes);
    }

    private static bool SaysNothing(TrafficScope scope) =>
        scope.Ports.IsEmpty
        && scope.Connections.IsEmpty
        && scope.Subsets.IsEmpty
        && scope.Policies.ByPort.IsEmpty
        && scope.Policies.Others == TrafficPolicy.Default;

    private TrafficScope ScopeOf(Service service, string client, List<VirtualServiceSpec> virtualServices)
    {
        if (!_sidecars.IsSeen(client, service.Key, port: null))
        {
            return new TrafficScope { ClientNamespace = client };
        }

        List<VirtualServiceSpec> chosen = Chosen(service, client, virtualServices);
        ImmutableArray<PortRoutes>.Builder ports = ImmutableArray.CreateBuilder<PortRoutes>();
        foreach (ServicePort port in service.Ports)
        {
            // Requests are not looked into where the port says that there are none.
            if (port.Protocol is ApplicationProtocol.Tcp or ApplicationProtocol.Tls
                || !_sidecars.IsSeen(client, service.Key, port.Port))
            {
                continue;
            }

            ImmutableArray<Route> routes = _serviceRoutes.RoutesAt(service, port, client, _resolver);
            if (!routes.IsEmpty)
            {
                ReportHidden(service, port, chosen);
            }
            else
            {
                routes =
                [
                    .. chosen.SelectMany(spec => spec.Rules.Select(
                        rule => _resolver.Resolve(rule, spec.Source, port.Port, client, keepsUnusable: false))).OfType<Route>(),
                ];
            }

            if (!routes.IsEmpty)
            {
                ports.Add(new PortRoutes(port.Port, routes));
            }
        }

        EffectiveRule? rule = _destinationRules.Find(client, service.Key);
        return new TrafficScope
        {
            ClientNamespace = client,
            Ports = ports.ToImmutable(),
            Connections = ConnectionsOf(service, client, chosen, [.. ports.Select(port => port.Port)]),
            Policies = rule?.Policies ?? PortPolicies.Default,
            Subsets = rule?.TrafficSubsets ?? [],
        };
    }

    /// <summary>
    /// Routes of connections at the ports whose requests nobody reads: those for TLS at ports of TLS, the others at ports of TCP, and all
    /// at those that declare nothing.
    /// </summary>
    private ImmutableArray<PortConnections> ConnectionsOf(
        Service service, string client, List<VirtualServiceSpec> chosen, HashSet<int> routedPorts)
    {
        ImmutableArray<PortConnections>.Builder ports = ImmutableArray.CreateBuilder<PortConnections>();
        foreach (ServicePort port in service.Ports.Where(
            port => port.Protocol is ApplicationProtocol.Tcp or ApplicationProtocol.Tls or ApplicationProtocol.Unknown))
        {
            if (!_sidecars.IsSeen(client, service.Key, port.Port))
            {
                continue;
            }

            AttachedConnections attached = _serviceRoutes.ConnectionsAt(service, port, client, _resolver);
            if (!attached.Routes.IsEmpty)
            {
                ReportHidden(service, port, chosen.FindAll(spec => !spec.Connections.IsEmpty));
                ReportLater(service, port, attached.ForAll);
                ports.Add(new PortConnections(port.Port, attached.Routes)
                {
                    CarriesRequests = !attached.ForAll.IsEmpty
                        && port.Protocol == ApplicationProtocol.Unknown
                        && !routedPorts.Contains(port.Port),
                });
                continue;
            }

            ImmutableArray<ConnectionRoute> routes =
            [
                .. chosen.SelectMany(spec => spec.Connections
                    .Where(rule => port.Protocol switch
                    {
                        ApplicationProtocol.Tls => rule.IsTls,
                        ApplicationProtocol.Tcp => !rule.IsTls,
                        _ => true,
                    })
                    .Select(rule => _resolver.Resolve(rule, spec.Source, port.Port, client, keepsUnusable: false)))
                    .OfType<ConnectionRoute>(),
            ];
            if (!routes.IsEmpty)
            {
                ports.Add(new PortConnections(port.Port, routes));
            }
        }

        return ports.ToImmutable();
    }

    private void ReportHidden(Service service, ServicePort port, List<VirtualServiceSpec> virtualServices)
    {
        foreach (VirtualServiceSpec hidden in virtualServices)
        {
            Report(
                hidden.Source,
                DiagnosticSeverity.Warning,
                "spec.hosts",
                $"Port {port.Port} of {service.Key.Hostname} has routes of Gateway API, which hold in place of the VirtualService.");
        }
    }

    private void ReportLater(Service service, ServicePort port, ImmutableArray<ServiceRouteSpec> routes)
    {
        foreach (ServiceRouteSpec later in routes.Skip(1))
        {
            Report(
                later.Source,
                DiagnosticSeverity.Warning,
                later.Parents.First(parent => ServiceRoutes.IsNamed(parent, service, port)).Field,
                $"Connections to port {port.Port} of {service.Key.Hostname} all go by {routes[0].Namespace}/{routes[0].Name}, "
                    + "which is older; the route has no effect there.");
        }
    }

    /// <summary>
    /// The VirtualServices that hold for clients: of those they see, the ones with the most specific host; theirs alone first, then those
    /// shown to them, then those shown to everyone, within each the oldest first.
    /// </summary>
    private List<VirtualServiceSpec> Chosen(Service service, string client, List<VirtualServiceSpec> virtualServices)
    {
        List<VirtualServiceSpec> visible = virtualServices.FindAll(spec => DestinationRules.IsVisible(spec.ExportedTo, client));
        if (visible.Count == 0)
        {
            return visible;
        }

        int best = visible.Max(spec => SpecificityFor(spec, service));
        List<VirtualServiceSpec> chosen =
        [
            .. visible.Where(spec => SpecificityFor(spec, service) == best)
                .OrderBy(spec => spec.ExportedTo.IsPublic ? 2 : spec.Namespace == client && spec.ExportedTo.Namespaces.Length == 1 ? 0 : 1)
                .ThenBy(spec => spec.CreatedAt ?? DateTimeOffset.MaxValue)
                .ThenBy(spec => spec.Name, StringComparer.Ordinal)
                .ThenBy(spec => spec.Namespace, StringComparer.Ordinal),
        ];
        foreach (VirtualServiceSpec later in chosen.Skip(1))
        {
            Report(
                later.Source,
                DiagnosticSeverity.Warning,
                "spec.hosts",
                $"{service.Key.Hostname} is routed by {chosen[0].Namespace}/{chosen[0].Name} too; the routes here come after those there.");
        }

        return chosen;
    }

    /// <returns>-1 when the VirtualService is not for the service.</returns>
    private int SpecificityFor(VirtualServiceSpec spec, Service service)
    {
        int best = -1;
        foreach (string host in spec.Hosts)
        {
            string resolved = MeshHosts.Resolve(host, spec.Namespace, _options.ClusterDomain);
            if (MeshHosts.Covers(resolved, service.Key.Hostname)
                && (!service.IsNamespaceLocal || service.Key.Namespace == spec.Namespace))
            {
                best = Math.Max(best, MeshHosts.Specificity(resolved));
            }
        }

        return best;
    }

    private void ReportUnused()
    {
        foreach (VirtualServiceSpec spec in _inputs.VirtualServices.Where(spec => !_used.Contains(spec.Source)))
        {
            Report(
                spec.Source,
                DiagnosticSeverity.Warning,
                "spec.hosts",
                $"There is no service {string.Join(" or ", spec.Hosts)}; the routes have no effect.");
        }

        foreach (DestinationRuleSpec spec in _inputs.DestinationRules.Where(spec => !_used.Contains(spec.Source)))
        {
            Report(
                spec.Source,
                DiagnosticSeverity.Warning,
                "spec.host",
                $"There is no service {_destinationRules.HostOf(spec)}; the rule has no effect.");
        }

        foreach (ServiceRouteSpec spec in _inputs.ServiceRoutes)
        {
            ImmutableArray<ParentStatus> parents = RouteStatuses.Of(spec, _directory, _backends, _options.ClusterDomain).Parents;
            foreach ((ServiceParent parent, ParentStatus status) in spec.Parents.Zip(parents))
            {
                if (status.Conditions.First(condition => condition.Type == ConditionTypes.Accepted) is { IsTrue: false } refused)
                {
                    Report(
                        spec.Source,
                        DiagnosticSeverity.Warning,
                        parent.Field,
                        $"{refused.Message[..^1]}; the route has no effect there.");
                }
            }
        }
    }

    private void Report(RawObject source, DiagnosticSeverity severity, string field, string reason)
    {
        var diagnostic = new Diagnostic(severity, source.Origin, source.Key, field, reason, Hint: string.Empty);
        if (_seen.Add(diagnostic))
        {
            _diagnostics.Add(diagnostic);
        }
    }
}
