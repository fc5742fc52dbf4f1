using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Traffic;

/// <summary>Every DestinationRule of the mesh, and which of them holds for whose requests to what.</summary>
internal sealed class DestinationRules(ImmutableArray<DestinationRuleSpec> rules, string rootNamespace, string clusterDomain)
{
    private readonly Dictionary<(string Client, ServiceKey Service), EffectiveRule?> _found = [];
    private readonly Dictionary<ServiceKey, List<DestinationRuleSpec>> _covering = [];

    /// <summary>The rules whose host is or takes in a service, oldest first.</summary>
    public List<DestinationRuleSpec> Covering(ServiceKey service)
    {
        if (!_covering.TryGetValue(service, out List<DestinationRuleSpec>? covering))
        {
            covering =
            [
                .. rules.Where(rule => MeshHosts.Covers(HostOf(rule), service.Hostname))
                    .OrderBy(rule => rule.CreatedAt ?? DateTimeOffset.MaxValue)
                    .ThenBy(rule => rule.Name, StringComparer.Ordinal)
                    .ThenBy(rule => rule.Namespace, StringComparer.Ordinal),
            ];
            _covering.Add(service, covering);
        }

        return covering;
    }

    /// <summary>The namespaces whose clients may find another rule than everyone's.</summary>
    public IEnumerable<string> ClientNamespaces(ServiceKey service) => Covering(service).SelectMany(rule =>
        rule.Namespace == service.Namespace || rule.Namespace == rootNamespace
            ? rule.ExportedTo.Namespaces
            : rule.ExportedTo.Includes(rule.Namespace) ? [rule.Namespace] : []);

    /// <summary>
    /// What holds for clients of a namespace: the rules of their own, else of the service's, else of the root namespace. Of each, those of
    /// the most specific host; of them the first that says something of the whole, and the subsets of all.
    /// </summary>
    /// <param name="client">A namespace; empty for one that no rule names.</param>
    /// <param name="service">What is asked.</param>
    public EffectiveRule? Find(string client, ServiceKey service)
    {
        if (_found.TryGetValue((client, service), out EffectiveRule? known))
        {
            return known;
        }

        List<DestinationRuleSpec> covering = Covering(service);
        EffectiveRule? found = null;
        foreach (string level in (string[])[client == rootNamespace ? string.Empty : client, service.Namespace, rootNamespace])
        {
            List<DestinationRuleSpec> visible = level.Length == 0
                ? []
                : covering.FindAll(rule => rule.Namespace == level && IsVisible(rule.ExportedTo, client));
            if (visible.Count > 0)
            {
                int best = visible.Max(rule => MeshHosts.Specificity(HostOf(rule)));
                found = EffectiveRule.Merge(visible.FindAll(rule => MeshHosts.Specificity(HostOf(rule)) == best));
                break;
            }
        }

        return _found[(client, service)] = found;
    }

    /// <summary>Whether clients of a namespace find what is exported; only what everyone finds, where it is empty.</summary>
    public static bool IsVisible(ExportScope exported, string client) => client.Length == 0 ? exported.IsPublic : exported.Includes(client);

    public string HostOf(DestinationRuleSpec rule) => MeshHosts.Resolve(rule.Host, rule.Namespace, clusterDomain);
}

/// <summary>What one or more rules for one host come to.</summary>
/// <param name="Policy">Of the whole; null where nothing is said.</param>
/// <param name="Subsets">By name; each with the rule it is of.</param>
internal sealed record EffectiveRule(PolicySpec? Policy, ImmutableArray<(DestinationRuleSpec Rule, SubsetSpec Subset)> Subsets)
{
    public bool HasSubset(string name) => Subsets.Any(entry => entry.Subset.Name == name);

    /// <param name="rules">Oldest first.</param>
    public static EffectiveRule Merge(List<DestinationRuleSpec> rules) => new(
        rules.Select(rule => rule.Policy).FirstOrDefault(policy => policy is not null),
        [
            .. rules.SelectMany(rule => rule.Subsets.Select(subset => (Rule: rule, Subset: subset)))
                .DistinctBy(entry => entry.Subset.Name, StringComparer.Ordinal),
        ]);

    /// <summary>As workloads name a subset: unique, whoever else has one of that name.</summary>
    public static string KeyOf(DestinationRuleSpec rule, SubsetSpec subset) => $"{rule.Namespace}/{rule.Name}/{subset.Name}";

    public PortPolicies Policies => PoliciesOf(Policy);

    public ImmutableArray<TrafficSubset> TrafficSubsets =>
    [
        .. Subsets.Select(entry => new TrafficSubset(
            entry.Subset.Name, KeyOf(entry.Rule, entry.Subset), PoliciesOf(Override(Policy, entry.Subset.Policy)))),
    ];

    private static PolicySpec? Override(PolicySpec? wide, PolicySpec? narrow) => wide is null || narrow is null
        ? narrow ?? wide
        : new PolicySpec
        {
            Balancing = narrow.Balancing ?? wide.Balancing,
            PrefersNear = narrow.Balancing is null ? narrow.PrefersNear ?? wide.PrefersNear : narrow.PrefersNear,
            Limits = narrow.Limits ?? wide.Limits,
            Outliers = narrow.Outliers ?? wide.Outliers,
            PanicPercent = narrow.Outliers is null ? wide.PanicPercent : narrow.PanicPercent,
            RetryBudget = narrow.RetryBudget ?? wide.RetryBudget,
            Tls = narrow.Tls ?? wide.Tls,
            Ports = [.. narrow.Ports, .. wide.Ports.Where(entry => narrow.Ports.All(other => other.Port != entry.Port))],
        };

    private static PortPolicies PoliciesOf(PolicySpec? policy) => policy is null
        ? PortPolicies.Default
        : new PortPolicies(
            PolicyOf(policy, policy.RetryBudget),
            [
                .. policy.Ports.OrderBy(entry => entry.Port)
                    .Select(entry => new PortPolicy(entry.Port, PolicyOf(entry.Policy, policy.RetryBudget))),
            ]);

    private static TrafficPolicy PolicyOf(PolicySpec policy, RetryBudget? budget) => new()
    {
        Balancing = policy.Balancing,
        Limits = budget is null ? policy.Limits : (policy.Limits ?? new ConnectionLimits()) with { RetryBudget = budget },
        Outliers = policy.Outliers,
        PanicPercent = policy.PanicPercent,
        Tls = policy.Tls?.Origination,

        // Without outlier detection nothing tells a far endpoint that works from a near one that does not.
        PrefersNear = policy.Outliers is not null && policy.PrefersNear != false,
    };
}
