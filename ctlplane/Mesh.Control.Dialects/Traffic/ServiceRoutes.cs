using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>
/// The routes of Services, and their rules in Gateway API's order. Of requests: what is for gRPC alone before what is for all
/// requests; an exact path before a pattern before the longest prefix, or the longest service before the longest method; then a method,
/// then most headers, then most query parameters, then the oldest route, then the first by name, then the first rule. Each match is a
/// route by itself, as two matches of one rule can have different places.
/// </summary>
internal sealed class ServiceRoutes(ImmutableArray<ServiceRouteSpec> routes, string clusterDomain)
{
    private readonly ILookup<(string Namespace, string Service), ServiceRouteSpec> _byParent = routes
        .SelectMany(route => route.Parents.Select(parent => (Key: (parent.Namespace, parent.Service), Route: route)).Distinct())
        .ToLookup(entry => entry.Key, entry => entry.Route);

    /// <summary>What is attached to a service, at whichever port.</summary>
    public IEnumerable<ServiceRouteSpec> Of(Service service) =>
        IsKubernetes(service) ? _byParent[(service.Key.Namespace, service.Name)] : [];

    /// <summary>Whether a parent is a port of a service.</summary>
    public static bool IsNamed(ServiceParent parent, Service service, ServicePort port) =>
        parent.Namespace == service.Key.Namespace
        && parent.Service == service.Name
        && (parent.Port is null || parent.Port == port.Port)
        && (parent.PortName is null || parent.PortName == port.Name);

    /// <summary>Whether routes of a kind can be for what a port declares: requests are not read where there are said to be none.</summary>
    public static bool CanRoute(ServiceRouteKind kind, ServicePort port) => port.Protocol switch
    {
        ApplicationProtocol.Unknown => true,
        ApplicationProtocol.Tcp => kind is ServiceRouteKind.Tcp,
        ApplicationProtocol.Tls => kind is ServiceRouteKind.Tcp or ServiceRouteKind.Tls,
        _ => kind is ServiceRouteKind.Http or ServiceRouteKind.Grpc,
    };

    /// <returns>Empty where no route of requests is attached to the port for these clients.</returns>
    public ImmutableArray<Route> RoutesAt(Service service, ServicePort port, string client, RuleResolver resolver) =>
        [
            .. Holding(service, port, client)
                .SelectMany(route => route.Rules.SelectMany(rule => rule.Matches.Select(
                    match => (route, rule: rule with { Matches = [match] }, match))))
                .OrderBy(entry => entry.route.Kind)
                .ThenByDescending(entry => entry.match.Rank)
                .ThenByDescending(entry => entry.match.Match.Method is not null)
                .ThenByDescending(entry => entry.match.Match.Headers.Length)
                .ThenByDescending(entry => entry.match.Match.Query.Length)
                .Select(entry => resolver.Resolve(entry.rule, entry.route.Source, port.Port, client, keepsUnusable: true))
                .OfType<Route>(),
        ];

    /// <summary>
    /// The routes of connections to a port: those of TLSRoutes, the most specific host first and then the oldest, before that of the oldest
    /// TCPRoute. A server name that none of the TLSRoutes is for leads nowhere.
    /// </summary>
    public AttachedConnections ConnectionsAt(Service service, ServicePort port, string client, RuleResolver resolver)
    {
        List<ServiceRouteSpec> all = [.. Holding(service, port, client).Where(route => !route.Connections.IsEmpty)];
        List<ServiceRouteSpec> forAll = all.FindAll(route => route.Kind == ServiceRouteKind.Tcp);
        ImmutableArray<ConnectionRoute>.Builder routes = ImmutableArray.CreateBuilder<ConnectionRoute>();
        routes.AddRange(all.Except(forAll.Skip(1))
            .SelectMany(route => route.Connections.Select(rule => (route, rule)))
            .OrderBy(entry => entry.route.Kind)
            .ThenByDescending(entry => entry.rule.IsTls ? MeshHosts.Specificity(entry.rule.Matches[0].ServerNames[0]) : 0)
            .Select(entry => resolver.Resolve(entry.rule, entry.route.Source, port.Port, client, keepsUnusable: true))
            .OfType<ConnectionRoute>());
        if (routes.Count > 0 && forAll.Count == 0)
        {
            // At a port of TLS that is whoever names no server too.
            ImmutableArray<ConnectionMatch> others =
                port.Protocol == ApplicationProtocol.Tls ? [] : [new ConnectionMatch { ServerNames = ["*"] }];
            routes.Add(new ConnectionRoute("other server names", others, [RuleResolver.Nowhere]) { KeepsUnusable = true });
        }

        return new AttachedConnections(routes.ToImmutable(), [.. forAll]);
    }

    /// <summary>
    /// The routes that hold for clients at a port, oldest first: those of the clients' own namespace in place of those of the service's,
    /// each kind for itself.
    /// </summary>
    private IEnumerable<ServiceRouteSpec> Holding(Service service, ServicePort port, string client) => service.IsHeadless
        ? []
        : Of(service)
            .Where(route => CanRoute(route.Kind, port) && route.Parents.Any(parent => IsNamed(parent, service, port)))
            .GroupBy(route => route.Kind)
            .SelectMany(kind =>
                kind.Where(route => route.Namespace == (kind.Any(own => own.Namespace == client) ? client : service.Key.Namespace)))
            .OrderBy(route => route.CreatedAt ?? DateTimeOffset.MaxValue)
            .ThenBy(route => $"{route.Namespace}/{route.Name}", StringComparer.Ordinal);

    /// <summary>A Service of Kubernetes: what a ServiceEntry declares is nobody's parent.</summary>
    private bool IsKubernetes(Service service) =>
        service.Key.Hostname == $"{service.Name}.{service.Key.Namespace}.svc.{clusterDomain}";
}

/// <summary>The routes of connections to a port.</summary>
/// <param name="Routes">In the order in which they are asked; empty where none is attached for these clients.</param>
/// <param name="ForAll">The TCPRoutes among those attached; the first is in force, whatever is said.</param>
internal readonly record struct AttachedConnections(ImmutableArray<ConnectionRoute> Routes, ImmutableArray<ServiceRouteSpec> ForAll);
