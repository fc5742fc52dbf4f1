using System.Collections.Immutable;
using System.Net;

namespace Mesh.Control.Model.Canonical;

public enum PolicyScope
{
    Mesh,
    Namespace,

    /// <summary>Only workloads that list the policy.</summary>
    Workload,
}

public enum PolicyAction
{
    Allow,
    Deny,

    /// <summary>An authorizer decides. What cannot ask one denies.</summary>
    Custom,
}

/// <summary>
/// A decision about connections and requests, in the form proxies evaluate. The rules are alternatives. Without rules the policy matches
/// nothing, which for <see cref="PolicyAction.Allow"/> means that it admits nothing.
/// </summary>
public sealed record AuthorizationPolicy
{
    public required string Namespace { get; init; }

    public required string Name { get; init; }

    public required PolicyScope Scope { get; init; }

    public required PolicyAction Action { get; init; }

    public ImmutableArray<PolicyRule> Rules { get; init; } = [];

    /// <summary>The authorizer of a <see cref="PolicyAction.Custom"/> policy; empty for others.</summary>
    public string Provider { get; init; } = string.Empty;

    /// <summary>How that authorizer is asked; null where nobody of that name is known, and then what matches is denied.</summary>
    public Authorizer? Authorizer { get; init; }

    /// <summary>Whose tokens the requests may bear. A policy that has some is DENY without rules: it decides nothing itself.</summary>
    public ImmutableArray<TokenRule> TokenRules { get; init; } = [];

    /// <summary>How many requests its workloads take. A policy that has some is DENY without rules: it decides nothing itself.</summary>
    public ImmutableArray<RateLimit> RateLimits { get; init; } = [];

    /// <summary>Evaluated and reported, never enforced.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>What workloads list.</summary>
    public string FullName => $"{Namespace}/{Name}";
}

/// <summary>Every clause must hold. Without clauses the rule matches every connection.</summary>
public sealed record PolicyRule(ImmutableArray<PolicyClause> Clauses)
{
    public static PolicyRule MatchesEverything { get; } = new([]);
}

/// <summary>One of the matches must hold. Never without matches, and no match is empty: evaluators differ on what that means.</summary>
public sealed record PolicyClause(ImmutableArray<PolicyMatch> Matches);

/// <summary>
/// Every list that has entries must hold: the plain ones when any entry matches, the <c>Not</c> ones when none does. An identity list
/// never matches a connection without identity, and so its <c>Not</c> form always holds there.
/// </summary>
public sealed record PolicyMatch
{
    public ImmutableArray<TextMatch> Namespaces { get; init; } = [];

    public ImmutableArray<TextMatch> NotNamespaces { get; init; } = [];

    /// <summary>Identities without <c>spiffe://</c>.</summary>
    public ImmutableArray<TextMatch> Principals { get; init; } = [];

    public ImmutableArray<TextMatch> NotPrincipals { get; init; } = [];

    public ImmutableArray<ServiceAccountName> ServiceAccounts { get; init; } = [];

    public ImmutableArray<ServiceAccountName> NotServiceAccounts { get; init; } = [];

    public ImmutableArray<IPNetwork> SourceRanges { get; init; } = [];

    public ImmutableArray<IPNetwork> NotSourceRanges { get; init; } = [];

    public ImmutableArray<IPNetwork> DestinationRanges { get; init; } = [];

    public ImmutableArray<IPNetwork> NotDestinationRanges { get; init; } = [];

    /// <summary>Ports of the workload, 1 to 65535.</summary>
    public ImmutableArray<int> DestinationPorts { get; init; } = [];

    public ImmutableArray<int> NotDestinationPorts { get; init; } = [];

    /// <summary>Of the identity.</summary>
    public ImmutableArray<TextMatch> TrustDomains { get; init; } = [];

    public ImmutableArray<TextMatch> NotTrustDomains { get; init; } = [];

    /// <summary>What the application's own TLS asks for; lower case.</summary>
    public ImmutableArray<TextMatch> ServerNames { get; init; } = [];

    public ImmutableArray<TextMatch> NotServerNames { get; init; } = [];

    /// <summary>Of a request inside the connection; null where any will do.</summary>
    public RequestMatch? Request { get; init; }

    /// <summary>Nothing is asked that proxies of ambient cannot be told.</summary>
    public bool IsPlain =>
        TrustDomains.IsEmpty && NotTrustDomains.IsEmpty && ServerNames.IsEmpty && NotServerNames.IsEmpty
        && Request is null or { IsEmpty: true };

    public bool IsEmpty => IsPlain && IsPlainPartEmpty;

    /// <summary>Nothing is asked that proxies of ambient can be told.</summary>
    public bool IsPlainPartEmpty =>
        Namespaces.IsEmpty && NotNamespaces.IsEmpty && Principals.IsEmpty && NotPrincipals.IsEmpty
        && ServiceAccounts.IsEmpty && NotServiceAccounts.IsEmpty && SourceRanges.IsEmpty && NotSourceRanges.IsEmpty
        && DestinationRanges.IsEmpty && NotDestinationRanges.IsEmpty && DestinationPorts.IsEmpty && NotDestinationPorts.IsEmpty;
}

public readonly record struct ServiceAccountName(string Namespace, string Name);

public enum TextMatchKind
{
    Exact,
    Prefix,
    Suffix,

    /// <summary>Any value, as opposed to none.</summary>
    Presence,
}

/// <param name="Kind">How to compare.</param>
/// <param name="Text">What to compare with; empty for <see cref="TextMatchKind.Presence"/>.</param>
public readonly record struct TextMatch(TextMatchKind Kind, string Text)
{
    public static TextMatch AnyValue { get; } = new(TextMatchKind.Presence, string.Empty);
}
