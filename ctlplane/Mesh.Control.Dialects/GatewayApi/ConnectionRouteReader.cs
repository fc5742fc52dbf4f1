using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads TCPRoute and TLSRoute (gateway.networking.k8s.io), where they are attached to Services (reference C.2).</summary>
internal static class ConnectionRouteReader
{
    private const int HostnamesMax = 1_024;

    private static readonly string[] s_tcpFields = ["parentRefs", "rules"];
    private static readonly string[] s_tlsFields = ["hostnames", "parentRefs", "rules"];
    private static readonly string[] s_ruleFields = ["backendRefs", "name"];

    /// <returns>Null when it is attached to no Service.</returns>
    public static ServiceRouteSpec? Read(RawObject source, ServiceRouteKind kind, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", $"The {source.Key.Kind} needs a spec.");
            return null;
        }

        bool isTls = kind == ServiceRouteKind.Tls;
        spec.RefuseUnknown(source.Key.Kind, isTls ? s_tlsFields : s_tcpFields);
        ImmutableArray<ServiceParent> parents = ParentReader.Read(spec, source.Key.Namespace);
        if (parents.IsEmpty && !diagnostics.HasErrors)
        {
            return null;
        }

        ImmutableArray<ConnectionMatchSpec> matches = isTls ? ReadHosts(spec) : [];
        return new ServiceRouteSpec
        {
            Kind = kind,
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Parents = parents,
            Connections = ReadRule(spec, parents) is not { } rule ? []
                : isTls ? [.. matches.Select(match => rule with { IsTls = true, Matches = [match] })]
                : [rule],
        };
    }

    /// <summary>Each by itself, as hosts of one route can have different places among those of others.</summary>
    private static ImmutableArray<ConnectionMatchSpec> ReadHosts(FieldReader spec)
    {
        List<TextItem> items = spec.Texts("hostnames");
        if (items.Count == 0)
        {
            // Earlier versions could leave them out, and meant every one.
            if (spec.Diagnostics.Source.ApiVersion.EndsWith("/v1", StringComparison.Ordinal))
            {
                spec.Error("hostnames", "The field is required.");
            }

            return [MatchOf("*")];
        }

        if (items.Count > HostnamesMax)
        {
            spec.Error("hostnames", $"{items.Count} host names; {HostnamesMax} are allowed.");
        }

        foreach (TextItem item in items)
        {
            if (!MeshHosts.IsHost(item.Text) || IPAddress.TryParse(item.Text, out _))
            {
                spec.Diagnostics.Error(item.Path, item.Position, $"'{item.Text}' is not a host name, nor *. and one.");
            }
        }

        return [.. items.Select(item => MatchOf(item.Text))];
    }

    private static ConnectionMatchSpec MatchOf(string host) => new(new MatchSpec(new RouteMatch()), [host], []);

    private static ConnectionRuleSpec? ReadRule(FieldReader spec, ImmutableArray<ServiceParent> parents)
    {
        List<FieldReader> rules = spec.Sections("rules");
        if (rules.Count != 1)
        {
            spec.Error("rules", $"{rules.Count} rules; there is exactly one.");
            return null;
        }

        FieldReader rule = rules[0];
        rule.RefuseUnknown("A rule", s_ruleFields);
        string? name = rule.Text("name");
        if (name is not null && !ManifestNames.IsSubdomain(name))
        {
            rule.Error("name", $"'{name}' is not the name of a rule.");
        }

        ObjectKey owner = spec.Diagnostics.Source.Key;
        return new ConnectionRuleSpec(
            $"{owner.Namespace}/{owner.Name} {name ?? "rules[0]"}",
            IsTls: false,
            Matches: [],
            BackendReader.ReadOfConnections(rule, parents));
    }
}
