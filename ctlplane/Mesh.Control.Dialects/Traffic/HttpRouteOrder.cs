using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>
/// Puts the rules of HTTPRoutes in Gateway API's order: an exact path before a pattern before the longest prefix, then a method, then most
/// headers, then most query parameters, then the oldest route, then the first by name, then the first rule. Each match is a route by
/// itself, as two matches of one rule can have different places.
/// </summary>
internal static class HttpRouteOrder
{
    /// <returns>Empty where no HTTPRoute is attached to the port for these clients.</returns>
    public static ImmutableArray<Route> RoutesOf(
        Service service, int port, string client, List<HttpRouteSpec> specs, RuleResolver resolver)
    {
        // Routes of the clients' own namespace hold in place of those of the service's.
        List<HttpRouteSpec> attached = specs.FindAll(spec => spec.Parents.Any(
            parent => parent.Namespace == service.Key.Namespace
                && service.Key.Hostname.StartsWith($"{parent.Service}.{parent.Namespace}.svc.", StringComparison.Ordinal)
                && (parent.Port is null || parent.Port == port)));
        List<HttpRouteSpec> own = client == service.Key.Namespace ? [] : attached.FindAll(spec => spec.Namespace == client);
        List<HttpRouteSpec> holding = own.Count > 0 ? own : attached.FindAll(spec => spec.Namespace == service.Key.Namespace);
        return
        [
            .. holding
                .OrderBy(spec => spec.CreatedAt ?? DateTimeOffset.MaxValue)
                .ThenBy(spec => $"{spec.Namespace}/{spec.Name}", StringComparer.Ordinal)
                .SelectMany(spec => spec.Rules.SelectMany(rule => rule.Matches.Select(
                    match => (spec, rule: rule with { Matches = [match] }, match))))
                .OrderBy(entry => KindOf(entry.match.Match.Path))
                .ThenByDescending(entry => LengthOf(entry.match.Match.Path))
                .ThenByDescending(entry => entry.match.Match.Method is not null)
                .ThenByDescending(entry => entry.match.Match.Headers.Length)
                .ThenByDescending(entry => entry.match.Match.Query.Length)
                .Select(entry => resolver.Resolve(entry.rule, entry.spec.Source, port, client, keepsUnusable: true))
                .OfType<Route>(),
        ];
    }

    private static int KindOf(PathCondition? path) => path?.Kind switch
    {
        PathConditionKind.Exact => 0,
        PathConditionKind.Pattern => 1,
        _ => 2,
    };

    private static int LengthOf(PathCondition? path) => path?.Kind == PathConditionKind.Segments ? path.Text.TrimEnd('/').Length : 0;
}
