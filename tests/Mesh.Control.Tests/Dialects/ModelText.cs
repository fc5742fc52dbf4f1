using System.Globalization;
using System.Text;
using Mesh.Api.Identity;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Serving.Xds;

namespace Mesh.Control.Tests.Dialects;

/// <summary>A translation as text, for people to review and tests to compare. What has its default value is left out.</summary>
internal static class ModelText
{
    public static string Of(TranslationResult result)
    {
        var text = new StringBuilder();
        foreach (NamespaceModel model in result.Model.Namespaces.Values)
        {
            foreach (Service service in model.Services)
            {
                Append(text, service);
            }

            foreach (Workload workload in model.Workloads)
            {
                Append(text, workload);
            }

            foreach (AuthorizationPolicy policy in model.Policies)
            {
                Append(text, policy);
            }

            foreach (Placement placement in model.Placements.OrderBy(placement => placement.ToString(), StringComparer.Ordinal))
            {
                Line(text, 0, $"placement {model.Name}/{placement.ServiceAccount} on {placement.Node}");
            }
        }

        Append(text, result.Model);
        foreach (Diagnostic diagnostic in result.Diagnostics)
        {
            Line(text, 0, $"{diagnostic.Severity.ToString().ToLowerInvariant()} {diagnostic}");
        }

        return text.ToString();
    }

    /// <summary>The policies of all namespaces.</summary>
    internal static void AppendPolicies(StringBuilder text, MeshModel model)
    {
        foreach (AuthorizationPolicy policy in model.Namespaces.Values.SelectMany(part => part.Policies))
        {
            Append(text, policy);
        }
    }

    /// <summary>As it goes to proxies.</summary>
    private static void Append(StringBuilder text, MeshModel model)
    {
        var store = new ResourceStore(TimeProvider.System);
        new ModelPublisher(store, "Kubernetes", TrustDomain.Default).Publish(model);
        foreach (ServedResource resource in store.Find(TypeUrls.Traffic)!.Resources.Values)
        {
            TrafficText.Append(text, resource.Name, resource.Message.Resource_.Unpack<Mesh.Api.Traffic.ServiceTraffic>());
        }
    }

    private static void Append(StringBuilder text, Service service)
    {
        string reach = $"{If(service.IsReachedByName, " by-name")}{If(service.IsReachedByPort, " by-port")}{If(service.TakesFirstAnswer, " first-answer")}";
        Line(text, 0, $"service {service.Key}{If(service.IsCanonical, " canonical")}{If(service.IsNamespaceLocal, " namespace-local")}{reach}");
        if (service.Addresses.Length > 0)
        {
            Line(text, 1, $"addresses {string.Join(' ', service.Addresses.Select(TextOf))}");
        }

        if (service.Families != AddressFamilies.Automatic)
        {
            Line(text, 1, $"families {service.Families}");
        }

        if (service.Preference != EndpointPreference.Default)
        {
            string scopes = string.Join(' ', service.Preference.Scopes);
            Line(text, 1, $"preference {service.Preference.Mode} [{scopes}]{If(service.Preference.AdmitsUnhealthy, " admits-unhealthy")}");
        }

        foreach (string name in service.SubjectAltNames)
        {
            Line(text, 1, $"accepts {name}");
        }

        foreach (ServicePort port in service.Ports)
        {
            Line(text, 1, $"port {port.Port} -> {(port.TargetPort == 0 ? "by name" : port.TargetPort)} {port.Protocol}");
        }
    }

    private static void Append(StringBuilder text, Workload workload)
    {
        Line(text, 0, $"workload {workload.Uid}");
        string how = $"{workload.Tunnel}{If(workload.IsNativeTunnel, " native")}";
        string restricted = workload.NetworkPolicies is { } reach and not NetworkPolicyReach.None ? $" network-policy={reach}" : "";
        string state = $"{If(workload.IsRegistryOnly, " registry-only")}{If(workload.IsHostNetwork, " host-network")}{If(!workload.IsHealthy, " unhealthy")}";
        Line(text, 1, $"{workload.Hostname}{string.Join(' ', workload.Addresses)} {how} sa={workload.ServiceAccount} node={workload.Node}{state}{restricted}");
        Line(text, 1, $"{workload.Controller} {workload.ControllerName} canonical {workload.CanonicalName}/{workload.CanonicalRevision}");
        if (workload.Network.Length > 0 || workload.Locality != Locality.Unknown || workload.Weight is not null)
        {
            Locality place = workload.Locality;
            Line(text, 1, $"network={workload.Network} locality={place.Region}/{place.Zone}/{place.Subzone} weight={workload.Weight}");
        }

        foreach (WorkloadService service in workload.Services)
        {
            IEnumerable<string> ports = service.Ports.Select(port => $"{port.ServicePort}->{port.TargetPort}");
            string subsets = service.Subsets.IsEmpty ? "" : $" in {string.Join(' ', service.Subsets)}";
            Line(text, 1, $"endpoint of {service.Service}: {string.Join(' ', ports)}{subsets}");
        }

        foreach (string policy in workload.Policies)
        {
            Line(text, 1, $"policy {policy}");
        }
    }

    private static void Append(StringBuilder text, AuthorizationPolicy policy)
    {
        Line(text, 0, $"policy {policy.FullName} {policy.Action}{If(policy.Provider.Length > 0, $" by {policy.Provider}")} {policy.Scope}{If(policy.IsDryRun, " dry-run")}");
        if (policy.Authorizer is { } authorizer)
        {
            Line(text, 1, TextOf(authorizer));
        }

        if (policy.Rules.IsEmpty)
        {
            Line(text, 1, "matches nothing");
        }

        foreach (TokenRule rule in policy.TokenRules)
        {
            Append(text, rule);
        }

        foreach (RateLimit limit in policy.RateLimits)
        {
            Line(text, 1, $"limit {limit.Requests} in {limit.Interval.TotalSeconds}s burst {limit.Burst}{If(limit.IsByClient, " by client")}");
            foreach (PolicyClause clause in limit.Match.Clauses)
            {
                Line(text, 2, string.Join(" or ", clause.Matches.Select(TextOf)));
            }
        }

        foreach (PolicyRule rule in policy.Rules)
        {
            Line(text, 1, rule.Clauses.IsEmpty ? "rule matches everything" : "rule");
            foreach (PolicyClause clause in rule.Clauses)
            {
                Line(text, 2, string.Join(" or ", clause.Matches.Select(TextOf)));
            }
        }
    }

    private static void Append(StringBuilder text, TokenRule rule)
    {
        Line(text, 1, $"tokens of {(rule.Issuer.Length == 0 ? "anybody" : rule.Issuer)}{If(rule.ForwardsToken, " forwarded")}");
        var parts = new List<string>();
        Add(parts, "audiences", rule.Audiences);
        Add(parts, "keys", rule.Keys.Select(key => $"{key.Kind}:{key.Id}:{key.Algorithm}"));
        if (rule.KeyLocation is { } location)
        {
            Add(parts, location.IsDiscovered ? "keys-of" : "keys-at", [$"{location.Uri} within {location.Timeout.TotalSeconds}s"]);
        }

        Add(parts, "headers", rule.Headers.Select(header => $"{header.Name}:'{header.Prefix}'"));
        Add(parts, "parameters", rule.Parameters);
        Add(parts, "cookies", rule.Cookies);
        Add(parts, "payload-header", [rule.PayloadHeader]);
        Add(parts, "claim-headers", rule.ClaimHeaders.Select(header => $"{header.Name}:{string.Join('/', header.Path)}"));
        Add(parts, "lists", rule.ListClaims);
        Line(text, 2, parts.Count == 0 ? "without keys" : string.Join(' ', parts));
    }

    private static string TextOf(Authorizer authorizer)
    {
        string[] names = [.. new[]
        {
            ("request", authorizer.RequestFields), ("upstream", authorizer.UpstreamFields), ("allowed", authorizer.AllowedAnswerFields),
            ("denied", authorizer.DeniedAnswerFields),
        }
            .Where(list => !list.Item2.IsEmpty)
            .Select(list => $" {list.Item1}={string.Join(',', list.Item2.Select(match => $"{match.Kind}:{match.Text}"))}")];
        string added = string.Concat(authorizer.AddedFields.Select(field => $" {field.Key}:{field.Value}"));
        return $"asks {(authorizer.IsGrpc ? "grpc" : "http")} {authorizer.Service}:{authorizer.Port} within {authorizer.Timeout}"
            + $"{If(authorizer.FailsOpen, " or passes")} else {authorizer.StatusOnFailure}{If(authorizer.PathPrefix.Length > 0, $" at {authorizer.PathPrefix}")}"
            + $"{string.Concat(names)}{added}{If(authorizer.Content is not null, $" {authorizer.Content}")}";
    }

    private static string TextOf(PolicyMatch match)
    {
        var parts = new List<string>();
        Add(parts, "namespaces", match.Namespaces.Select(TextOf));
        Add(parts, "not-namespaces", match.NotNamespaces.Select(TextOf));
        Add(parts, "principals", match.Principals.Select(TextOf));
        Add(parts, "not-principals", match.NotPrincipals.Select(TextOf));
        Add(parts, "accounts", match.ServiceAccounts.Select(account => $"{account.Namespace}/{account.Name}"));
        Add(parts, "not-accounts", match.NotServiceAccounts.Select(account => $"{account.Namespace}/{account.Name}"));
        Add(parts, "sources", match.SourceRanges.Select(range => range.ToString()));
        Add(parts, "not-sources", match.NotSourceRanges.Select(range => range.ToString()));
        Add(parts, "destinations", match.DestinationRanges.Select(range => range.ToString()));
        Add(parts, "not-destinations", match.NotDestinationRanges.Select(range => range.ToString()));
        Add(parts, "ports", match.DestinationPorts.Select(port => port.ToString(CultureInfo.InvariantCulture)));
        Add(parts, "not-ports", match.NotDestinationPorts.Select(port => port.ToString(CultureInfo.InvariantCulture)));
        Add(parts, "trust-domains", match.TrustDomains.Select(TextOf));
        Add(parts, "not-trust-domains", match.NotTrustDomains.Select(TextOf));
        Add(parts, "server-names", match.ServerNames.Select(TextOf));
        Add(parts, "not-server-names", match.NotServerNames.Select(TextOf));
        if (match.Request is { } request)
        {
            Add(parts, request);
        }

        return $"({string.Join(' ', parts)})";
    }

    private static void Add(List<string> parts, RequestMatch request)
    {
        Add(parts, "methods", request.Methods.Select(TextOf));
        Add(parts, "not-methods", request.NotMethods.Select(TextOf));
        Add(parts, "hosts", request.Hosts.Select(TextOf));
        Add(parts, "not-hosts", request.NotHosts.Select(TextOf));
        Add(parts, "paths", request.Paths.Select(TextOf));
        Add(parts, "not-paths", request.NotPaths.Select(TextOf));
        Add(parts, "remotes", request.RemoteRanges.Select(range => range.ToString()));
        Add(parts, "not-remotes", request.NotRemoteRanges.Select(range => range.ToString()));
        Add(parts, "request-principals", request.Principals.Select(TextOf));
        Add(parts, "not-request-principals", request.NotPrincipals.Select(TextOf));
        Add(parts, "audiences", request.Audiences.Select(TextOf));
        Add(parts, "not-audiences", request.NotAudiences.Select(TextOf));
        Add(parts, "presenters", request.Presenters.Select(TextOf));
        Add(parts, "not-presenters", request.NotPresenters.Select(TextOf));
        foreach (PolicyHeader header in request.Headers)
        {
            Add(parts, $"header[{header.Name}]", header.Values.Select(TextOf));
            Add(parts, $"not-header[{header.Name}]", header.NotValues.Select(TextOf));
        }

        foreach (PolicyClaim claim in request.Claims)
        {
            Add(parts, $"claim[{string.Join('.', claim.Path)}]", claim.Values.Select(TextOf));
            Add(parts, $"not-claim[{string.Join('.', claim.Path)}]", claim.NotValues.Select(TextOf));
        }
    }

    private static string TextOf(PathPattern path) => path.Text is { } text ? TextOf(text) : $"template {path.Template}";

    private static void Add(List<string> parts, string name, IEnumerable<string> values)
    {
        string joined = string.Join(',', values);
        if (joined.Length > 0)
        {
            parts.Add($"{name}={joined}");
        }
    }

    private static string TextOf(TextMatch match) => match.Kind switch
    {
        TextMatchKind.Exact => match.Text,
        TextMatchKind.Prefix => $"{match.Text}*",
        TextMatchKind.Suffix => $"*{match.Text}",
        _ => "any",
    };

    private static string TextOf(VirtualAddress address) =>
        address.PrefixLength is { } length ? $"{address.Address}/{length}" : $"{address.Address}";

    private static string If(bool condition, string text) => condition ? text : string.Empty;

    private static void Line(StringBuilder text, int depth, string line) => text.Append(' ', depth * 2).Append(line.TrimEnd()).Append('\n');
}
