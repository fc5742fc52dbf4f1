using System.Collections.Immutable;
using System.Globalization;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>What routes of Gateway API are told of each Service they are attached to. Pure.</summary>
internal static class RouteStatuses
{
    /// <summary>Of a route in force.</summary>
    public static ObjectStatus Of(ServiceRouteSpec route, ServiceDirectory directory, Backends backends, string clusterDomain)
    {
        StatusCondition resolved = ResolvedRefs(route, backends);
        return new ObjectStatus(
            route.Source.Key,
            GenerationOf(route.Source),
            [
                .. route.Parents.Select(
                    parent => new ParentStatus(parent.Reference, [Accepted(route, parent, directory, clusterDomain), resolved])),
            ]);
    }

    /// <summary>Of a version that is refused; an earlier one may be in force.</summary>
    /// <param name="source">It.</param>
    /// <param name="parents">Those it names, as far as they can be read.</param>
    /// <param name="diagnostics">What is wrong.</param>
    /// <param name="incompatible">What is said where filters do not go together.</param>
    public static ObjectStatus OfRefused(
        RawObject source, ImmutableArray<ServiceParent> parents, ImmutableArray<Diagnostic> diagnostics, string incompatible)
    {
        Diagnostic first = diagnostics.First(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        var refused = new StatusCondition(
            ConditionTypes.Accepted,
            IsTrue: false,
            first.Reason == incompatible ? ConditionReasons.IncompatibleFilters : ConditionReasons.UnsupportedValue,
            $"{first.Field}: {first.Reason}");
        return new ObjectStatus(
            source.Key, GenerationOf(source), [.. parents.Select(parent => new ParentStatus(parent.Reference, [refused]))]);
    }

    private static StatusCondition Accepted(
        ServiceRouteSpec route, ServiceParent parent, ServiceDirectory directory, string clusterDomain)
    {
        string name = $"{parent.Namespace}/{parent.Service}";
        Service? service = directory.Find($"{parent.Service}.{parent.Namespace}.svc.{clusterDomain}", parent.Namespace);
        List<ServicePort> ports = service?.Ports.Where(port => ServiceRoutes.IsNamed(parent, service, port)).ToList() ?? [];
        string? problem = service is null ? $"There is no Service {name}."
            : service.IsHeadless ? $"The Service {name} has no cluster IP, and what is sent to its endpoints themselves has no routes."
            : ports.Count == 0
                ? $"The Service {name} has no port {parent.PortName ?? parent.Port?.ToString(CultureInfo.InvariantCulture)}."
            : ports.Exists(port => ServiceRoutes.CanRoute(route.Kind, port)) ? null
            : $"Port {ports[0].Port} of {name} declares a protocol that a {route.Source.Key.Kind} is not for.";
        return problem is null
            ? new StatusCondition(ConditionTypes.Accepted, IsTrue: true, ConditionReasons.Accepted, $"The route is attached to {name}.")
            : new StatusCondition(ConditionTypes.Accepted, IsTrue: false, ConditionReasons.NoMatchingParent, problem);
    }

    private static StatusCondition ResolvedRefs(ServiceRouteSpec route, Backends backends)
    {
        IEnumerable<DestinationSpec> all = route.Rules
            .SelectMany(rule => rule.Destinations.Concat(rule.Mirrors.Select(mirror => mirror.Destination)))
            .Concat(route.Connections.SelectMany(rule => rule.Destinations));
        foreach (DestinationSpec destination in all)
        {
            BackendFinding found = backends.Find(destination, route.Source.Key);
            if (found.Service is null)
            {
                return new StatusCondition(
                    ConditionTypes.ResolvedRefs, IsTrue: false, found.Reason, $"{destination.Field}: {found.Message}.");
            }
        }

        return new StatusCondition(ConditionTypes.ResolvedRefs, IsTrue: true, ConditionReasons.ResolvedRefs, string.Empty);
    }

    /// <summary>metadata.generation; 0 where the source does not say.</summary>
    private static long GenerationOf(RawObject source) =>
        source.Fields.Find("metadata") is RawMapping metadata
        && metadata.Find("generation") is RawScalar { Kind: ScalarKind.Integer } generation
        && long.TryParse(generation.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
            ? value
            : 0;
}
