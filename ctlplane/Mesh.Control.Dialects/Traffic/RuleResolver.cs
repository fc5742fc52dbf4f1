using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>A workload as far as rules select clients by it.</summary>
internal readonly record struct LabelledWorkload(string Uid, string Namespace, Labels Labels);

/// <summary>Makes routes of rules: names become services, labels become workloads, ports that are left out are filled in.</summary>
internal sealed class RuleResolver(
    ServiceDirectory directory,
    DestinationRules destinationRules,
    Backends backends,
    RetryPolicy defaultRetries,
    ImmutableArray<LabelledWorkload> workloads,
    string clusterDomain,
    Action<RawObject, DiagnosticSeverity, string, string> report)
{
    /// <summary>Where nothing can be reached.</summary>
    public static RouteDestination Nowhere { get; } = new(Service: null, Port: 0, Subset: string.Empty, Weight: 1);

    /// <summary>A rule's route at one port of a service for some clients.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="source">The object it is of.</param>
    /// <param name="port">The service's port.</param>
    /// <param name="client">The clients' namespace; empty for everyone.</param>
    /// <param name="keepsUnusable">Whether a destination that fails keeps its share.</param>
    /// <returns>Null when none of its matches is for the port.</returns>
    public Route? Resolve(RuleSpec rule, RawObject source, int port, string client, bool keepsUnusable)
    {
        source = rule.Owner ?? source;
        ImmutableArray<MatchSpec> matches = rule.Matches.RemoveAll(match => match.Port is { } own && own != port);
        if (!rule.Matches.IsEmpty && matches.IsEmpty)
        {
            return null;
        }

        RouteAction action = rule.Action;
        if (action is ForwardAction forward)
        {
            ImmutableArray<RouteDestination> destinations =
                [.. rule.Destinations.Select(destination => Resolve(destination, source, port, client, keepsUnusable))];
            if (keepsUnusable && destinations.All(destination => destination.Weight == 0))
            {
                // Of nothing there is no share to send anywhere: every request fails.
                destinations = [Nowhere];
            }

            action = forward with
            {
                Destinations = destinations,
                KeepsUnusable = keepsUnusable,
                Retries = ReferenceEquals(forward.Retries, RetryPolicy.Default) ? defaultRetries : forward.Retries,
                Mirrors =
                [
                    .. rule.Mirrors.Select(mirror => new Mirror(
                        Resolve(mirror.Destination, source, port, client, keepsUnusable), mirror.PartsPerMillion)),
                ],
            };
        }

        return new Route(rule.Name, [.. matches.Select(Resolve)], action)
        {
            RequestHeaders = rule.RequestHeaders,
            ResponseHeaders = rule.ResponseHeaders,
            Cors = rule.Cors,
        };
    }

    /// <summary>A rule's route of connections to one port of a service for some clients.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="source">The object it is of.</param>
    /// <param name="port">The service's port.</param>
    /// <param name="client">The clients' namespace; empty for everyone.</param>
    /// <param name="keepsUnusable">Whether a destination that fails keeps its share.</param>
    /// <returns>Null when none of its matches is for the port.</returns>
    public ConnectionRoute? Resolve(ConnectionRuleSpec rule, RawObject source, int port, string client, bool keepsUnusable)
    {
        ImmutableArray<ConnectionMatchSpec> matches = rule.Matches.RemoveAll(match => match.Client.Port is { } own && own != port);
        return !rule.Matches.IsEmpty && matches.IsEmpty
            ? null
            : new ConnectionRoute(
                rule.Name,
                [
                    .. matches.Select(match => new ConnectionMatch
                    {
                        ServerNames = match.ServerNames,
                        Destinations = match.Blocks,
                        Source = Resolve(match.Client).Source,
                    }),
                ],
                keepsUnusable && rule.Destinations.All(destination => destination.Weight == 0)
                    ? [Nowhere]
                    :
                    [
                        .. rule.Destinations.Select(
                            destination => Resolve(destination, source, port, client, keepsUnusable, "connections")),
                    ])
            {
                KeepsUnusable = keepsUnusable,
            };
    }

    private RouteMatch Resolve(MatchSpec match)
    {
        if (match.SourceLabels is not { } labels)
        {
            return match.SourceNamespace is null
                ? match.Match
                : match.Match with { Source = new SourceCondition(match.SourceNamespace, WorkloadUids: null) };
        }

        ImmutableArray<string> uids =
        [
            .. workloads
                .Where(workload => workload.Labels.Satisfy(labels)
                    && (match.SourceNamespace is null || workload.Namespace == match.SourceNamespace))
                .Select(workload => workload.Uid)
                .Order(StringComparer.Ordinal),
        ];
        return match.Match with { Source = new SourceCondition(match.SourceNamespace, uids) };
    }

    private RouteDestination Resolve(
        DestinationSpec destination, RawObject source, int port, string client, bool keepsUnusable, string what = "requests")
    {
        string consequence = keepsUnusable ? $"its share of the {what} fails" : "it is passed over";
        RouteDestination resolved = new(Service: null, Port: 0, destination.Subset, destination.Weight)
        {
            Authority = destination.Authority,
            RequestHeaders = destination.RequestHeaders,
            ResponseHeaders = destination.ResponseHeaders,
        };
        if (destination.Namespace is not null)
        {
            BackendFinding found = backends.Find(destination, source.Key);
            if (found.Service is null && destination.Host is not null)
            {
                report(source, DiagnosticSeverity.Warning, $"{destination.Field}.{found.Field}", $"{found.Message}; {consequence}.");
            }

            return found.Service is null ? resolved : resolved with { Service = found.Service.Key, Port = destination.Port!.Value };
        }

        if (destination.Host is null)
        {
            return resolved;
        }

        string ruleNamespace = source.Key.Namespace;
        string hostname = MeshHosts.Resolve(destination.Host, ruleNamespace, clusterDomain);
        if (directory.Find(hostname, ruleNamespace) is not { } service)
        {
            report(source, DiagnosticSeverity.Warning, $"{destination.Field}.host", $"There is no service {hostname}; {consequence}.");
            return resolved;
        }

        if (PortOf(service, destination.Port, port) is not { } target)
        {
            string which = destination.Port is { } written
                ? $"has no port {written}"
                : $"has {service.Ports.Length} ports, none of which is {port}";
            report(source, DiagnosticSeverity.Warning, $"{destination.Field}.port", $"The service {hostname} {which}; {consequence}.");
            return resolved;
        }

        if (destination.Port is null && service.Ports.Length > 1)
        {
            report(
                source,
                DiagnosticSeverity.Warning,
                $"{destination.Field}.port",
                $"The service {hostname} has {service.Ports.Length} ports; each is taken for itself.");
        }

        if (destination.Subset.Length > 0 && destinationRules.Find(client, service.Key)?.HasSubset(destination.Subset) != true)
        {
            string who = client.Length == 0 ? string.Empty : $" for clients of {client}";
            report(
                source,
                DiagnosticSeverity.Warning,
                $"{destination.Field}.subset",
                $"No DestinationRule says{who} what the subset {destination.Subset} of {hostname} is; {consequence}.");
        }

        return resolved with { Service = service.Key, Port = target };
    }

    private static int? PortOf(Service service, int? written, int port)
    {
        int wanted = written ?? (service.Ports.Length == 1 ? service.Ports[0].Port : port);
        return service.Ports.Any(candidate => candidate.Port == wanted) ? wanted : null;
    }
}
