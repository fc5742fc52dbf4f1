using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>
/// The HTTPRoutes and GRPCRoutes of Services, and their rules in Gateway API's order: what is for gRPC alone before what is for all
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

    /// <summary>Whether a route is attached to a port of a service.</summary>
    public static bool IsAttached(ServiceParent parent, Service service, ServicePort port) =>
        parent.Namespace == service.Key.Namespace
        && parent.Service == service.Name
        && (parent.Port is null || parent.Port == port.Port)
        && (parent.PortName is null || parent.PortName == port.Name);

    /// <returns>Empty where no route is attached to the port for these clients.</returns>
    public ImmutableArray<Route> RoutesAt(Service service, ServicePort port, string client, RuleResolver resolver)
    {
        // Routes of the clients' own namespace hold in place of those of the service's, each kind for itself.
        List<ServiceRouteSpec> attached = [.. Of(service).Where(route => route.Parents.Any(parent => IsAttached(parent, service, port)))];
        IEnumerable<ServiceRouteSpec> holding = attached
            .GroupBy(route => route.Kind)
            .SelectMany(kind =>
                kind.Where(route => route.Namespace == (kind.Any(own => own.Namespace == client) ? client : service.Key.Namespace)));
        return
        [
            .. holding
                .OrderBy(route => route.CreatedAt ?? DateTimeOffset.MaxValue)
                .ThenBy(route => $"{route.Namespace}/{route.Name}", StringComparer.Ordinal)
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
    }

    /// <summary>A Service of Kubernetes: what a ServiceEntry declares is nobody's parent.</summary>
    private bool IsKubernetes(Service service) =>
        service.Key.Hostname == $"{service.Name}.{service.Key.Namespace}.svc.{clusterDomain}";
}
