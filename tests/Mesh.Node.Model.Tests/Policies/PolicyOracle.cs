using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Tests.Policies.Requests;
using Mesh.Node.Model.Tests.Routing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Tests.Policies;

/// <summary>The slow, obvious evaluator: every policy, every rule, every value, in order, written straight from the semantics.</summary>
internal static class PolicyOracle
{
    public static (PolicyOutcome Outcome, PolicyReason Reason, string DecidedBy) Evaluate(
        IReadOnlyList<AuthorizationPolicy> policies, Workload destination, ConnectionFacts facts, TextRequest? request = null, RequestOrigin origin = default)
    {
        List<AuthorizationPolicy> applicable =
        [
            .. policies.Where(policy => policy.Scope == PolicyScope.Global).OrderBy(policy => policy.Key, StringComparer.Ordinal),
            .. policies.Where(policy => policy.Scope == PolicyScope.Namespace && policy.Namespace == destination.Namespace)
                .OrderBy(policy => policy.Key, StringComparer.Ordinal),
        ];
        bool anyMissing = false;
        foreach (string key in destination.AuthorizationPolicies)
        {
            AuthorizationPolicy? named = policies.SingleOrDefault(policy => policy.Key == key);
            anyMissing |= named is null;
            if (named is not null)
            {
                applicable.Add(named);
            }
        }

        string? custom = FirstMatch(applicable, PolicyAction.Custom, facts, request, origin);
        if (custom is not null)
        {
            return (PolicyOutcome.Denied, PolicyReason.AuthorizerMissing, custom);
        }

        applicable.RemoveAll(policy => policy.IsDryRun);
        string? deny = FirstMatch(applicable, PolicyAction.Deny, facts, request, origin);
        if (deny is not null)
        {
            return (PolicyOutcome.Denied, PolicyReason.DenyRuleMatched, deny);
        }

        if (anyMissing)
        {
            return (PolicyOutcome.Pending, PolicyReason.PolicyNotArrived, "none");
        }

        AuthorizationPolicy? firstAllow = applicable.FirstOrDefault(policy => policy.Action == PolicyAction.Allow);
        if (firstAllow is null)
        {
            return (PolicyOutcome.Allowed, PolicyReason.NoAllowPolicyApplies, "none");
        }

        string? allow = FirstMatch(applicable, PolicyAction.Allow, facts, request, origin);
        return allow is not null
            ? (PolicyOutcome.Allowed, PolicyReason.AllowRuleMatched, allow)
            : (PolicyOutcome.Denied, PolicyReason.NoAllowRuleMatched, firstAllow.Key);
    }

    private static string? FirstMatch(
        IEnumerable<AuthorizationPolicy> policies, PolicyAction action, ConnectionFacts facts, TextRequest? request, RequestOrigin origin)
    {
        foreach (AuthorizationPolicy policy in policies.Where(policy => policy.Action == action))
        {
            if (policy.HasUnsupported && action == PolicyAction.Allow)
            {
                continue;
            }

            for (int index = 0; index < policy.Rules.Length; index++)
            {
                if (RuleMatches(policy.Rules[index], action, facts, request, origin))
                {
                    return $"{policy.Key}[{index}]";
                }
            }
        }

        return null;
    }

    private static bool RuleMatches(
        AuthorizationRule rule, PolicyAction action, ConnectionFacts facts, TextRequest? request, RequestOrigin origin) =>
        rule.Clauses.All(clause => clause.Matches.IsEmpty || clause.Matches.Any(match => MatchHolds(match, action, facts, request, origin)));

    private static bool MatchHolds(
        AuthorizationMatch match, PolicyAction action, ConnectionFacts facts, TextRequest? request, RequestOrigin origin)
    {
        if (match.HasUnsupported && action == PolicyAction.Allow)
        {
            return false;
        }

        List<bool> fields = [];
        SpiffeId? peer = facts.Peer;
        string? principal = peer?.ToString()["spiffe://".Length..];
        Add(match.Principals, value => TextMatches(value, principal), isNegative: false);
        Add(match.NotPrincipals, value => TextMatches(value, principal), isNegative: true);
        Add(match.Namespaces, value => TextMatches(value, peer?.Namespace), isNegative: false);
        Add(match.NotNamespaces, value => TextMatches(value, peer?.Namespace), isNegative: true);
        Add(match.ServiceAccounts, value => AccountMatches(value, peer), isNegative: false);
        Add(match.NotServiceAccounts, value => AccountMatches(value, peer), isNegative: true);
        Add(match.SourceAddresses, value => Contains(value, facts.Source), isNegative: false);
        Add(match.NotSourceAddresses, value => Contains(value, facts.Source), isNegative: true);
        Add(match.DestinationAddresses, value => Contains(value, facts.Destination), isNegative: false);
        Add(match.NotDestinationAddresses, value => Contains(value, facts.Destination), isNegative: true);
        Add(match.DestinationPorts, value => value == facts.DestinationPort, isNegative: false);
        Add(match.NotDestinationPorts, value => value == facts.DestinationPort, isNegative: true);
        Add(match.TrustDomains, value => TextMatches(value, peer?.TrustDomain.Name), isNegative: false);
        Add(match.NotTrustDomains, value => TextMatches(value, peer?.TrustDomain.Name), isNegative: true);

        // Without a request nobody will look further: what is not known is whatever makes the policy stricter.
        if (match.ServerNames.Length + match.NotServerNames.Length > 0 && facts.ServerName is null && request is null)
        {
            fields.Add(action != PolicyAction.Allow);
        }
        else
        {
            string? name = facts.ServerName is "" ? null : facts.ServerName;
            Add(match.ServerNames, value => TextMatches(value, name), isNegative: false);
            Add(match.NotServerNames, value => TextMatches(value, name), isNegative: true);
        }

        if (match.Request is { IsEmpty: false } conditions)
        {
            fields.Add(request is null ? action != PolicyAction.Allow : RequestOracle.Holds(conditions, action, request, origin));
        }

        return fields.Count == 0 ? match.HasUnsupported : fields.TrueForAll(held => held);

        void Add<T>(IReadOnlyList<T> values, Func<T, bool> matches, bool isNegative)
        {
            if (values.Count > 0)
            {
                fields.Add(values.Any(matches) != isNegative);
            }
        }
    }

    public static bool TextMatches(TextMatch match, string? text) => text is not null && match.Kind switch
    {
        TextMatchKind.Exact => text == match.Value,
        TextMatchKind.Prefix => text.StartsWith(match.Value, StringComparison.Ordinal),
        TextMatchKind.Suffix => text.EndsWith(match.Value, StringComparison.Ordinal),
        _ => true,
    };

    private static bool AccountMatches(ServiceAccountName account, SpiffeId? peer) =>
        peer is not null && peer.Namespace == account.Namespace && peer.ServiceAccount == account.Name;

    public static bool Contains(IpPrefix block, IpValue address)
    {
        byte[] network = block.Network.ToIPAddress().GetAddressBytes();
        byte[] candidate = address.ToIPAddress().GetAddressBytes();
        return network.Length == candidate.Length && Enumerable.Range(0, block.LengthBits).All(bit => Bit(network, bit) == Bit(candidate, bit));
    }

    private static int Bit(byte[] bytes, int bit) => (bytes[bit / 8] >> (7 - (bit % 8))) & 1;
}
