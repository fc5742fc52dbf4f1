using System.Collections.Immutable;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Policies.Tokens;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// A policy as received. Its rules are alternatives; a rule's clauses must all hold; a clause's matches are alternatives; a match's
/// non-empty fields must all hold.
/// </summary>
public sealed record AuthorizationPolicy
{
    public AuthorizationPolicy(string @namespace, string name)
        : this(KeyOf(@namespace, name), @namespace, name)
    {
    }

    private AuthorizationPolicy(string key, string @namespace, string name)
    {
        Key = key;
        Namespace = @namespace;
        Name = name;
    }

    /// <summary>namespace/name: the resource name, and how workloads name it.</summary>
    public string Key { get; }

    public string Namespace { get; }

    public string Name { get; }

    public required PolicyScope Scope { get; init; }

    public required PolicyAction Action { get; init; }

    /// <summary>Empty: the policy matches nothing, so an ALLOW policy without rules denies.</summary>
    public ImmutableArray<AuthorizationRule> Rules { get; init; } = [];

    /// <summary>Who decides what a <see cref="PolicyAction.Custom"/> policy matches: the name of an authorizer. Empty for others.</summary>
    public string Provider { get; init; } = "";

    /// <summary>How that authorizer is asked; null where there is none of that name, and then what matches is denied.</summary>
    public Authorizer? Authorizer { get; init; }

    /// <summary>Whose tokens the requests to its workloads may bear. A policy that has some decides nothing itself.</summary>
    public ImmutableArray<TokenRule> TokenRules { get; init; } = [];

    /// <summary>How many requests its workloads take. A policy that has some decides nothing itself.</summary>
    public ImmutableArray<RateLimit> RateLimits { get; init; } = [];

    /// <summary>Evaluated and reported, never applied.</summary>
    public bool IsDryRun { get; init; }

    /// <summary>
    /// The policy carries something this version does not know. An ALLOW policy then matches nothing, because what it leaves out may be
    /// a condition; a DENY policy keeps its rules.
    /// </summary>
    public bool HasUnsupported { get; init; }

    /// <summary>Why nobody knows what the policy says, so that it denies all it might select; null for a policy that was read.</summary>
    public string? UnreadableBecause { get; private init; }

    public static string KeyOf(string @namespace, string name) => $"{@namespace}/{name}";

    /// <summary>
    /// What stands in for a policy of which only the name is known. It may have denied anything to any workload it could select, and so it
    /// denies everything to each of them: all of its namespace and all that name it; the whole mesh where its namespace is the root
    /// namespace, or cannot be told.
    /// </summary>
    /// <param name="key">The resource name: namespace/name, if it is one at all.</param>
    /// <param name="rootNamespace">The namespace whose policies hold for the whole mesh.</param>
    /// <param name="reason">Why it cannot be read, as part of a sentence.</param>
    public static AuthorizationPolicy Unreadable(string key, string rootNamespace, string reason)
    {
        ArgumentNullException.ThrowIfNull(key);
        int slash = key.IndexOf('/', StringComparison.Ordinal);
        string @namespace = slash > 0 ? key[..slash] : "";
        return new AuthorizationPolicy(key, @namespace, key[(slash + 1)..])
        {
            Scope = @namespace.Length == 0 || @namespace == rootNamespace ? PolicyScope.Global : PolicyScope.Namespace,
            Action = PolicyAction.Deny,
            Rules = [new AuthorizationRule([])],
            UnreadableBecause = reason,
        };
    }

    public override string ToString() => Key;
}

/// <summary>Clauses that must all hold; none means the rule matches everything.</summary>
public sealed record AuthorizationRule(ImmutableArray<AuthorizationClause> Clauses);

/// <summary>Matches of which one must hold; none means the clause holds.</summary>
public sealed record AuthorizationClause(ImmutableArray<AuthorizationMatch> Matches);

/// <summary>
/// Fields that must all hold, empty ones aside. A field lists alternatives; its Not form holds where none of them does. An identity that
/// is absent satisfies no positive identity field. A match with nothing in it holds for nothing.
/// </summary>
public sealed record AuthorizationMatch
{
    public ImmutableArray<TextMatch> Namespaces { get; init; } = [];

    public ImmutableArray<TextMatch> NotNamespaces { get; init; } = [];

    /// <summary>Compared with the identity without <c>spiffe://</c>.</summary>
    public ImmutableArray<TextMatch> Principals { get; init; } = [];

    public ImmutableArray<TextMatch> NotPrincipals { get; init; } = [];

    public ImmutableArray<ServiceAccountName> ServiceAccounts { get; init; } = [];

    public ImmutableArray<ServiceAccountName> NotServiceAccounts { get; init; } = [];

    public ImmutableArray<IpPrefix> SourceAddresses { get; init; } = [];

    public ImmutableArray<IpPrefix> NotSourceAddresses { get; init; } = [];

    public ImmutableArray<IpPrefix> DestinationAddresses { get; init; } = [];

    public ImmutableArray<IpPrefix> NotDestinationAddresses { get; init; } = [];

    public ImmutableArray<ushort> DestinationPorts { get; init; } = [];

    public ImmutableArray<ushort> NotDestinationPorts { get; init; } = [];

    /// <summary>Compared with the trust domain of the identity.</summary>
    public ImmutableArray<TextMatch> TrustDomains { get; init; } = [];

    public ImmutableArray<TextMatch> NotTrustDomains { get; init; } = [];

    /// <summary>Compared with the server name the application's own TLS asks for, in lower case.</summary>
    public ImmutableArray<TextMatch> ServerNames { get; init; } = [];

    public ImmutableArray<TextMatch> NotServerNames { get; init; } = [];

    /// <summary>What a request inside the connection must fulfil besides; null where any will do.</summary>
    public RequestConditions? Request { get; init; }

    /// <summary>
    /// The match carries a condition this version does not know. Unknown conditions make a policy stricter, never looser: under ALLOW the
    /// match holds for nothing, under DENY it holds where its known fields do, and everywhere if it has none.
    /// </summary>
    public bool HasUnsupported { get; init; }
}

/// <summary>A service account of a namespace.</summary>
public readonly record struct ServiceAccountName(string Namespace, string Name);

/// <summary>How a text is compared: exactly, by its start, by its end, or only for being there.</summary>
public readonly record struct TextMatch(TextMatchKind Kind, string Value)
{
    public static TextMatch Present { get; } = new(TextMatchKind.Present, "");

    public static TextMatch Exact(string value) => new(TextMatchKind.Exact, value);

    public static TextMatch Prefix(string value) => new(TextMatchKind.Prefix, value);

    public static TextMatch Suffix(string value) => new(TextMatchKind.Suffix, value);
}

/// <inheritdoc cref="TextMatch"/>
public enum TextMatchKind
{
    Exact,
    Prefix,
    Suffix,
    Present,
}

/// <summary>Whom a policy applies to.</summary>
public enum PolicyScope
{
    /// <summary>Every workload of the mesh.</summary>
    Global,

    /// <summary>Every workload of the policy's namespace.</summary>
    Namespace,

    /// <summary>Only workloads that name the policy.</summary>
    WorkloadSelector,
}

/// <summary>What a policy does to the connections and requests it matches.</summary>
public enum PolicyAction
{
    Allow,
    Deny,

    /// <summary>Asks an external authorizer about requests. Where there is none to ask, or no request, what matches is denied.</summary>
    Custom,
}
