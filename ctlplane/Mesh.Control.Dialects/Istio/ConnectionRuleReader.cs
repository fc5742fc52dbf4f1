using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads <c>tls</c> and <c>tcp</c> of a VirtualService: where connections go whose requests nobody reads (reference B.1).
/// </summary>
internal static class ConnectionRuleReader
{
    private static readonly string[] s_ruleFields = ["match", "route"];
    private static readonly string[] s_routeFields = ["destination", "weight"];
    private static readonly string[] s_matchFields = ["destinationSubnets", "gateways", "port", "sourceLabels", "sourceNamespace"];
    private static readonly string[] s_tlsMatchFields = [.. s_matchFields, "sniHosts"];

    /// <param name="spec">The VirtualService's.</param>
    /// <param name="kind">tls or tcp.</param>
    /// <param name="owner">namespace/name of it.</param>
    /// <param name="hosts">Its hosts.</param>
    public static ImmutableArray<ConnectionRuleSpec> Read(FieldReader spec, string kind, string owner, ImmutableArray<string> hosts)
    {
        bool isTls = kind == "tls";
        ImmutableArray<ConnectionRuleSpec>.Builder rules = ImmutableArray.CreateBuilder<ConnectionRuleSpec>();
        List<FieldReader> sections = spec.Sections(kind);
        for (int index = 0; index < sections.Count; index++)
        {
            FieldReader rule = sections[index];
            rule.RefuseUnknown("A route", s_ruleFields);
            List<FieldReader> matches = rule.Sections("match");
            if (isTls && matches.Count == 0)
            {
                rule.Error("match", "A route for TLS says which hosts it is for.", "Write sniHosts.");
            }

            // What is for gateways alone is not for the mesh, and a rule of which nothing else is left neither.
            ImmutableArray<ConnectionMatchSpec> read =
                [.. matches.Select(match => ReadMatch(match, isTls, hosts)).OfType<ConnectionMatchSpec>()];
            ImmutableArray<DestinationSpec> destinations = ReadDestinations(rule);
            if (matches.Count == 0 || !read.IsEmpty)
            {
                rules.Add(new ConnectionRuleSpec($"{owner} {kind}[{index}]", isTls, read, destinations));
            }
        }

        return rules.ToImmutable();
    }

    private static ConnectionMatchSpec? ReadMatch(FieldReader match, bool isTls, ImmutableArray<string> hosts)
    {
        match.RefuseUnknown("A match", isTls ? s_tlsMatchFields : s_matchFields);
        string? sourceNamespace = match.Text("sourceNamespace");
        if (sourceNamespace is not null && !ManifestNames.IsLabel(sourceNamespace))
        {
            match.Error("sourceNamespace", $"'{sourceNamespace}' is not the name of a namespace.");
        }

        var client = new MatchSpec(
            new RouteMatch(),
            match.Integer("port", 1, TrafficFields.PortMax),
            match.TextMap("sourceLabels") is { Count: > 0 } labels ? labels : null,
            sourceNamespace);
        var spec = new ConnectionMatchSpec(client, isTls ? ReadServerNames(match, hosts) : [], ReadBlocks(match));
        List<TextItem> gateways = match.Texts("gateways");
        return gateways.Count == 0 || gateways.Exists(gateway => gateway.Text == "mesh") ? spec : null;
    }

    private static ImmutableArray<string> ReadServerNames(FieldReader match, ImmutableArray<string> hosts)
    {
        List<TextItem> items = match.Texts("sniHosts");
        if (items.Count == 0)
        {
            match.Error("sniHosts", "The field is required.");
        }

        ImmutableArray<string>.Builder names = ImmutableArray.CreateBuilder<string>(items.Count);
        foreach (TextItem item in items)
        {
            string name = item.Text.ToLowerInvariant();
            if (!MeshHosts.IsHost(name))
            {
                match.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is not a host name, nor *. and one.");
            }
            else if (!hosts.Any(host => MeshHosts.Covers(host.ToLowerInvariant(), name)))
            {
                match.Diagnostics.Error(item.Path, item.Position, $"{item.Text} is not among the hosts of the VirtualService.");
            }
            else
            {
                if (IPAddress.TryParse(name, out _))
                {
                    match.Diagnostics.Warning(item.Path, item.Position, $"Clients do not ask for the address {name} in TLS.");
                }

                names.Add(name);
            }
        }

        return names.ToImmutable();
    }

    private static ImmutableArray<IPNetwork> ReadBlocks(FieldReader match)
    {
        ImmutableArray<IPNetwork>.Builder blocks = ImmutableArray.CreateBuilder<IPNetwork>();
        foreach (TextItem item in match.Texts("destinationSubnets"))
        {
            if (AddressText.TryParseRange(item.Text, out IPNetwork block))
            {
                blocks.Add(block);
            }
            else
            {
                match.Diagnostics.Error(
                    item.Path, item.Position, $"'{item.Text}' is neither an IP address nor a range such as 10.0.0.0/8.");
            }
        }

        return blocks.ToImmutable();
    }

    private static ImmutableArray<DestinationSpec> ReadDestinations(FieldReader rule)
    {
        ImmutableArray<DestinationSpec>.Builder destinations = ImmutableArray.CreateBuilder<DestinationSpec>();
        List<FieldReader> routes = rule.Sections("route");
        foreach (FieldReader route in routes)
        {
            route.RefuseUnknown("A destination", s_routeFields);
            uint weight = (uint)(route.Integer("weight", 0, int.MaxValue) ?? 0);
            if (HttpRuleReader.ReadDestination(route, "destination", routes.Count == 1 ? 1 : weight) is { } destination)
            {
                destinations.Add(destination);
            }
        }

        if (routes.Count == 0)
        {
            rule.Error("route", "There is no destination.");
        }
        else if (destinations.Count == routes.Count && destinations.All(destination => destination.Weight == 0))
        {
            rule.Error("route", "All weights are 0, so no connection goes anywhere.");
        }

        return destinations.ToImmutable();
    }
}
