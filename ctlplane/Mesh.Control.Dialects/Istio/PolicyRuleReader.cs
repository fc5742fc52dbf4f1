using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads one rule of an AuthorizationPolicy into clauses about connections and requests. What a rule says beyond what any proxy can check
/// is left out: an ALLOW rule then goes whole, and a DENY rule is enforced without it, so that it denies more. (Istio's L4 proxies drop
/// some such DENY rules silently; that would admit what somebody meant to deny.)
/// </summary>
internal sealed class PolicyRuleReader
{
    private static readonly string[] s_ruleFields = ["from", "to", "when"];
    private static readonly string[] s_fromFields = ["source"];
    private static readonly string[] s_toFields = ["operation"];

    private static readonly string[] s_sourceFields =
    [
        "principals", "notPrincipals", "serviceAccounts", "notServiceAccounts", "namespaces", "notNamespaces", "ipBlocks", "notIpBlocks",
        "trustDomains", "notTrustDomains", "remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals",
    ];

    private static readonly string[] s_operationFields =
        ["ports", "notPorts", "hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"];

    private readonly PolicyAction _action;
    private readonly bool _isLimit;
    private readonly PolicyValues _values;
    private readonly PolicyConditionReader _conditions;

    private PolicyRuleReader(string @namespace, PolicyAction action, bool isLimit)
    {
        _action = action;
        _isLimit = isLimit;
        _values = new PolicyValues(@namespace, action, isLimit);
        _conditions = new PolicyConditionReader(_values, action);
    }

    /// <returns>Null when the rule must not take part.</returns>
    public static PolicyRule? Read(FieldReader rule, string @namespace, PolicyAction action)
    {
        var reader = new PolicyRuleReader(@namespace, action, isLimit: false);
        PolicyRule result = reader.ReadRule(rule);
        return reader._values.HasUncheckedConstraint && action == PolicyAction.Allow ? null : result;
    }

    /// <summary>Reads which requests a limit counts. What cannot be checked of it makes the limit hold for more.</summary>
    public static PolicyRule ReadLimited(FieldReader rule, string @namespace) =>
        new PolicyRuleReader(@namespace, PolicyAction.Deny, isLimit: true).ReadRule(rule);

    private PolicyRule ReadRule(FieldReader rule)
    {
        ImmutableArray<PolicyClause>.Builder clauses = ImmutableArray.CreateBuilder<PolicyClause>();
        _values.RefuseUnknownAndEmpty(rule, s_ruleFields);
        AddAlternatives(clauses, rule, "from", s_fromFields, "source", ReadSource);
        AddAlternatives(clauses, rule, "to", s_toFields, "operation", ReadOperation);
        foreach (FieldReader condition in rule.Sections("when"))
        {
            PolicyMatch match = _conditions.Read(condition);
            if (!match.IsEmpty)
            {
                clauses.Add(new PolicyClause([match]));
            }
        }

        if (!rule.HasOnlySections("when"))
        {
            _values.LeaveOut();
        }

        ReportOtherConnections(rule, clauses);
        return new PolicyRule(clauses.ToImmutable());
    }

    /// <summary>What a rule about requests means for connections whose requests nobody can read.</summary>
    private void ReportOtherConnections(FieldReader rule, IReadOnlyCollection<PolicyClause> clauses)
    {
        if (_isLimit || !clauses.Any(clause => clause.Matches.Any(match => match.Request is not null)))
        {
            return;
        }

        bool namesPorts = clauses.Any(clause => clause.Matches.All(match => !match.DestinationPorts.IsEmpty));
        if (_action == PolicyAction.Allow)
        {
            rule.Diagnostics.Note(rule.Path, rule.Position, "The rule admits no connection whose requests nobody reads.");
        }
        else if (!namesPorts)
        {
            rule.Diagnostics.Warning(
                rule.Path,
                rule.Position,
                "Connections whose requests nobody reads are denied without regard to what the rule asks of requests.",
                "Name the ports that speak HTTP.");
        }
    }

    private void AddAlternatives(
        ImmutableArray<PolicyClause>.Builder clauses,
        FieldReader rule,
        string key,
        string[] itemFields,
        string itemKey,
        Func<FieldReader, PolicyMatch> read)
    {
        if (!rule.Has(key))
        {
            return;
        }

        ImmutableArray<PolicyMatch>.Builder matches = ImmutableArray.CreateBuilder<PolicyMatch>();
        bool matchesEverything = false;
        List<FieldReader> items = rule.Sections(key);
        if (items.Count == 0)
        {
            _values.Refuse(rule, key, "The list is empty.", "Leave the field out to mean everything.");
            return;
        }

        if (!rule.HasOnlySections(key))
        {
            _values.LeaveOut();
            matchesEverything = true;
        }

        foreach (FieldReader item in items)
        {
            _values.RefuseUnknownAndEmpty(item, itemFields);
            if (item.Section(itemKey) is not { Entries.Count: > 0 } section)
            {
                _values.Refuse(item, itemKey, $"Here stands a {itemKey} with at least one field.");
                matchesEverything = true;
                continue;
            }

            PolicyMatch match = read(section);
            matchesEverything |= match.IsEmpty;
            matches.Add(match);
        }

        // An alternative that matches everything makes the whole clause true; evaluators must never see an empty match.
        if (!matchesEverything)
        {
            clauses.Add(new PolicyClause(matches.ToImmutable()));
        }
    }

    private PolicyMatch ReadSource(FieldReader source)
    {
        _values.RefuseUnknownAndEmpty(source, s_sourceFields);
        bool hasAccounts = source.Has("serviceAccounts") || source.Has("notServiceAccounts");
        if (hasAccounts
            && (source.Has("principals") || source.Has("notPrincipals") || source.Has("namespaces") || source.Has("notNamespaces")))
        {
            _values.Refuse(source, "serviceAccounts", "Service accounts cannot stand beside principals or namespaces.", "Use two rules.");
        }

        return new PolicyMatch
        {
            Principals = _values.Values(source, "principals", PolicyValues.ReadPrincipal),
            NotPrincipals = _values.Values(source, "notPrincipals", PolicyValues.ReadPrincipal),
            Namespaces = _values.Texts(source, "namespaces"),
            NotNamespaces = _values.Texts(source, "notNamespaces"),
            ServiceAccounts = _values.ServiceAccounts(source, "serviceAccounts"),
            NotServiceAccounts = _values.ServiceAccounts(source, "notServiceAccounts"),
            SourceRanges = _values.Ranges(source, "ipBlocks"),
            NotSourceRanges = _values.Ranges(source, "notIpBlocks"),
            TrustDomains = _values.Texts(source, "trustDomains"),
            NotTrustDomains = _values.Texts(source, "notTrustDomains"),
            Request = NullIfEmpty(new RequestMatch
            {
                RemoteRanges = _values.Ranges(source, "remoteIpBlocks"),
                NotRemoteRanges = _values.Ranges(source, "notRemoteIpBlocks"),
                Principals = _conditions.TokenTexts(source, "requestPrincipals"),
                NotPrincipals = _conditions.TokenTexts(source, "notRequestPrincipals"),
            }),
        };
    }

    private PolicyMatch ReadOperation(FieldReader operation)
    {
        _values.RefuseUnknownAndEmpty(operation, s_operationFields);
        return new PolicyMatch
        {
            DestinationPorts = _values.Ports(operation, "ports"),
            NotDestinationPorts = _values.Ports(operation, "notPorts"),
            Request = NullIfEmpty(new RequestMatch
            {
                Hosts = _values.Texts(operation, "hosts"),
                NotHosts = _values.Texts(operation, "notHosts"),
                Methods = _values.Texts(operation, "methods"),
                NotMethods = _values.Texts(operation, "notMethods"),
                Paths = _values.Values(operation, "paths", PolicyValues.ReadPath),
                NotPaths = _values.Values(operation, "notPaths", PolicyValues.ReadPath),
            }),
        };
    }

    private static RequestMatch? NullIfEmpty(RequestMatch match) => match.IsEmpty ? null : match;
}
