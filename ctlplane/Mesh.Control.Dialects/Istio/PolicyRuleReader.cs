using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads one rule of an AuthorizationPolicy into clauses about connections. What a rule says beyond them is a constraint that cannot be
/// checked: an ALLOW rule is then left out whole, and a DENY rule is enforced without the constraint, so that it denies more. (Istio's L4
/// proxies drop some such DENY rules silently; that would admit what somebody meant to deny.)
/// </summary>
internal sealed class PolicyRuleReader
{
    private const int ServiceAccountCountMax = 16;

    private static readonly string[] s_ruleFields = ["from", "to", "when"];
    private static readonly string[] s_fromFields = ["source"];
    private static readonly string[] s_toFields = ["operation"];
    private static readonly string[] s_whenFields = ["key", "values", "notValues"];

    private static readonly string[] s_sourceFields =
    [
        "principals", "notPrincipals", "serviceAccounts", "notServiceAccounts", "namespaces", "notNamespaces", "ipBlocks", "notIpBlocks",
    ];

    private static readonly string[] s_requestSourceFields =
        ["remoteIpBlocks", "notRemoteIpBlocks", "requestPrincipals", "notRequestPrincipals", "trustDomains", "notTrustDomains"];

    private static readonly string[] s_operationFields = ["ports", "notPorts"];
    private static readonly string[] s_requestOperationFields = ["hosts", "notHosts", "methods", "notMethods", "paths", "notPaths"];

    private readonly string _namespace;
    private readonly PolicyAction _action;
    private bool _hasUncheckedConstraint;

    private PolicyRuleReader(string @namespace, PolicyAction action)
    {
        _namespace = @namespace;
        _action = action;
    }

    /// <returns>Null when the rule must not take part.</returns>
    public static PolicyRule? Read(FieldReader rule, string @namespace, PolicyAction action)
    {
        var reader = new PolicyRuleReader(@namespace, action);
        PolicyRule result = reader.ReadRule(rule);
        return reader._hasUncheckedConstraint && action == PolicyAction.Allow ? null : result;
    }

    private string Consequence => _action == PolicyAction.Allow
        ? "The rule is left out, so it admits nothing."
        : "The rule is enforced without it, so it denies more.";

    private PolicyRule ReadRule(FieldReader rule)
    {
        ImmutableArray<PolicyClause>.Builder clauses = ImmutableArray.CreateBuilder<PolicyClause>();
        RefuseUnknownAndEmpty(rule, s_ruleFields);
        AddAlternatives(clauses, rule, "from", s_fromFields, "source", ReadSource);
        AddAlternatives(clauses, rule, "to", s_toFields, "operation", ReadOperation);
        foreach (FieldReader condition in rule.Sections("when"))
        {
            PolicyMatch match = ReadCondition(condition);
            if (!match.IsEmpty)
            {
                clauses.Add(new PolicyClause([match]));
            }
        }

        if (!rule.HasOnlySections("when"))
        {
            _hasUncheckedConstraint = true;
        }

        return new PolicyRule(clauses.ToImmutable());
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
            Refuse(rule, key, "The list is empty.", "Leave the field out to mean everything.");
            return;
        }

        if (!rule.HasOnlySections(key))
        {
            _hasUncheckedConstraint = true;
            matchesEverything = true;
        }

        foreach (FieldReader item in items)
        {
            RefuseUnknownAndEmpty(item, itemFields);
            if (item.Section(itemKey) is not { Entries.Count: > 0 } section)
            {
                Refuse(item, itemKey, $"Here stands a {itemKey} with at least one field.");
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
        RefuseUnsupported(source, s_requestSourceFields);
        RefuseUnknownAndEmpty(source, [.. s_sourceFields, .. s_requestSourceFields]);
        bool hasAccounts = source.Has("serviceAccounts") || source.Has("notServiceAccounts");
        if (hasAccounts
            && (source.Has("principals") || source.Has("notPrincipals") || source.Has("namespaces") || source.Has("notNamespaces")))
        {
            Refuse(source, "serviceAccounts", "Service accounts cannot stand beside principals or namespaces.", "Use two rules.");
        }

        return new PolicyMatch
        {
            Principals = Values(source, "principals", ReadPrincipal),
            NotPrincipals = Values(source, "notPrincipals", ReadPrincipal),
            Namespaces = Values(source, "namespaces", ReadText),
            NotNamespaces = Values(source, "notNamespaces", ReadText),
            ServiceAccounts = ServiceAccounts(source, "serviceAccounts"),
            NotServiceAccounts = ServiceAccounts(source, "notServiceAccounts"),
            SourceRanges = Values(source, "ipBlocks", ReadRange),
            NotSourceRanges = Values(source, "notIpBlocks", ReadRange),
        };
    }

    private PolicyMatch ReadOperation(FieldReader operation)
    {
        RefuseUnsupported(operation, s_requestOperationFields);
        RefuseUnknownAndEmpty(operation, [.. s_operationFields, .. s_requestOperationFields]);
        return new PolicyMatch
        {
            DestinationPorts = Ports(operation, "ports"),
            NotDestinationPorts = Ports(operation, "notPorts"),
        };
    }

    private PolicyMatch ReadCondition(FieldReader condition)
    {
        RefuseUnknownAndEmpty(condition, s_whenFields);
        if (!condition.Has("values") && !condition.Has("notValues"))
        {
            Refuse(condition, "values", "A condition has values, notValues or both.");
        }

        switch (condition.RequiredText("key"))
        {
            case "source.ip":
                return new PolicyMatch
                {
                    SourceRanges = Values(condition, "values", ReadRange),
                    NotSourceRanges = Values(condition, "notValues", ReadRange),
                };
            case "source.namespace":
                return new PolicyMatch
                {
                    Namespaces = Values(condition, "values", ReadText),
                    NotNamespaces = Values(condition, "notValues", ReadText),
                };
            case "source.principal":
                return new PolicyMatch
                {
                    Principals = Values(condition, "values", ReadPrincipal),
                    NotPrincipals = Values(condition, "notValues", ReadPrincipal),
                };
            case "source.serviceAccount":
                return new PolicyMatch
                {
                    ServiceAccounts = ServiceAccounts(condition, "values"),
                    NotServiceAccounts = ServiceAccounts(condition, "notValues"),
                };
            case "destination.ip":
                return new PolicyMatch
                {
                    DestinationRanges = Values(condition, "values", ReadRange),
                    NotDestinationRanges = Values(condition, "notValues", ReadRange),
                };
            case "destination.port":
                return new PolicyMatch
                {
                    DestinationPorts = Ports(condition, "values"),
                    NotDestinationPorts = Ports(condition, "notValues"),
                };
            case { } key when IsRequestCondition(key):
                _hasUncheckedConstraint = true;
                condition.Warning("key", $"{key} cannot be checked on a connection.", Consequence);
                return new PolicyMatch();
            case { } key:
                Refuse(condition, "key", $"'{key}' is not an attribute.", "See AuthorizationPolicy's list of condition keys.");
                return new PolicyMatch();
            case null:
                _hasUncheckedConstraint = true;
                return new PolicyMatch();
        }
    }

    private static bool IsRequestCondition(string key) =>
        key is "remote.ip" or "source.trustDomain" or "connection.sni"
            or "request.auth.principal" or "request.auth.audiences" or "request.auth.presenter"
        || key.StartsWith("request.headers[", StringComparison.Ordinal)
        || key.StartsWith("request.auth.claims[", StringComparison.Ordinal)
        || key.StartsWith("experimental.envoy.filters.", StringComparison.Ordinal);

    /// <summary>
    /// Reads a list of alternatives. One bad value spoils the list: without it an ALLOW would admit what it should not, or a <c>not</c>
    /// list spare what it should not. An empty result is no constraint.
    /// </summary>
    private ImmutableArray<T> Values<T>(FieldReader fields, string key, Func<TextItem, (T Value, string Problem)> read)
    {
        if (!fields.Has(key))
        {
            return [];
        }

        List<TextItem> items = fields.Texts(key);
        bool isBroken = items.Count < fields.Items(key).Count;
        if (items.Count == 0)
        {
            Refuse(fields, key, "The list is empty.", "Leave the field out.");
            return [];
        }

        ImmutableArray<T>.Builder values = ImmutableArray.CreateBuilder<T>(items.Count);
        foreach (TextItem item in items)
        {
            (T value, string problem) = read(item);
            if (problem.Length == 0)
            {
                values.Add(value);
                continue;
            }

            isBroken = true;
            fields.Diagnostics.Error(item.Path, item.Position, problem, Consequence);
        }

        if (isBroken)
        {
            _hasUncheckedConstraint = true;
            return [];
        }

        return values.ToImmutable();
    }

    private ImmutableArray<ServiceAccountName> ServiceAccounts(FieldReader fields, string key)
    {
        ImmutableArray<ServiceAccountName> accounts = Values(fields, key, ReadServiceAccount);
        if (accounts.Length > ServiceAccountCountMax)
        {
            Refuse(fields, key, $"{accounts.Length} service accounts; {ServiceAccountCountMax} are allowed.");
            return [];
        }

        return accounts;
    }

    /// <summary>Ports are strings in this API; a number without quotes can mean nothing else and is taken.</summary>
    private ImmutableArray<int> Ports(FieldReader fields, string key)
    {
        if (!fields.Has(key))
        {
            return [];
        }

        IReadOnlyList<RawNode> items = fields.Items(key);
        if (items.Count == 0)
        {
            Refuse(fields, key, "The list is empty.", "Leave the field out.");
            return [];
        }

        ImmutableArray<int>.Builder ports = ImmutableArray.CreateBuilder<int>(items.Count);
        bool isBroken = false;
        for (int index = 0; index < items.Count; index++)
        {
            if (items[index] is RawScalar { Kind: ScalarKind.Text or ScalarKind.Integer } scalar
                && int.TryParse(scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int port)
                && port is >= 1 and <= 65_535)
            {
                ports.Add(port);
                continue;
            }

            isBroken = true;
            fields.Diagnostics.Error($"{fields.PathOf(key)}[{index}]", items[index].Position, "Not a port from 1 to 65535.", Consequence);
        }

        if (isBroken)
        {
            _hasUncheckedConstraint = true;
            return [];
        }

        return ports.ToImmutable();
    }

    private static (TextMatch Value, string Problem) ReadPrincipal(TextItem item) =>
        item.Text.StartsWith("spiffe://", StringComparison.OrdinalIgnoreCase)
            ? (default, "Principals are written without spiffe://.")
            : ReadText(item);

    private static (TextMatch Value, string Problem) ReadText(TextItem item)
    {
        string text = item.Text;
        if (text.Length == 0)
        {
            return (default, "An empty string matches nothing.");
        }

        if (text == "*")
        {
            return (TextMatch.AnyValue, string.Empty);
        }

        bool isSuffix = text[0] == '*';
        bool isPrefix = text[^1] == '*';
        string literal = text[(isSuffix ? 1 : 0)..(isPrefix ? ^1 : ^0)];
        if ((isSuffix && isPrefix) || literal.Contains('*', StringComparison.Ordinal))
        {
            return (default, $"'{text}': a * may stand at one end only.");
        }

        TextMatchKind kind = (isSuffix, isPrefix) switch
        {
            (true, _) => TextMatchKind.Suffix,
            (_, true) => TextMatchKind.Prefix,
            _ => TextMatchKind.Exact,
        };
        return (new TextMatch(kind, literal), string.Empty);
    }

    private static (IPNetwork Value, string Problem) ReadRange(TextItem item) => AddressText.TryParseRange(item.Text, out IPNetwork range)
        ? (range, string.Empty)
        : (default, $"'{item.Text}' is neither an IP address nor a range such as 10.0.0.0/8.");

    private (ServiceAccountName Value, string Problem) ReadServiceAccount(TextItem item)
    {
        int slash = item.Text.IndexOf('/', StringComparison.Ordinal);
        string @namespace = slash < 0 ? _namespace : item.Text[..slash];
        string name = item.Text[(slash + 1)..];
        return ManifestNames.IsLabel(@namespace) && ManifestNames.IsSubdomain(name)
            ? (new ServiceAccountName(@namespace, name), string.Empty)
            : (default, $"'{item.Text}' is not a service account; write namespace/name or name, without wildcards.");
    }

    private void RefuseUnknownAndEmpty(FieldReader fields, ReadOnlySpan<string> known)
    {
        foreach (string unknown in fields.UnknownKeys(known))
        {
            Refuse(fields, unknown, "There is no such field here.", "Check the spelling.");
        }

        // To Kubernetes null is absence, and in a rule absence is "any": a list whose values were all taken out would admit everybody.
        foreach (string empty in fields.NullKeys())
        {
            Refuse(fields, empty, "The field has no value.", "Give it one or leave it out.");
        }
    }

    private void RefuseUnsupported(FieldReader fields, ReadOnlySpan<string> unsupported)
    {
        foreach (string key in unsupported)
        {
            if (fields.Has(key))
            {
                _hasUncheckedConstraint = true;
                fields.Warning(key, $"{key} cannot be checked on a connection.", Consequence);
            }
        }
    }

    private void Refuse(FieldReader fields, string key, string reason, string hint = "")
    {
        _hasUncheckedConstraint = true;
        fields.Error(key, reason, hint.Length == 0 ? Consequence : $"{hint} {Consequence}");
    }
}
