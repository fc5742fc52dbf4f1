using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Tests.Policies.Requests;
using Mesh.Node.Model.Tests.Routing;

namespace Mesh.Node.Model.Tests.Policies;

/// <summary>
/// Policies and connections from one small vocabulary, so that they meet often, but not so often that every connection meets a DENY:
/// the more rules, the more words, and the more each rule asks for.
/// </summary>
internal sealed class RandomPolicies
{
    private static readonly string[] s_namespaces = ["default", "shop", "shopping", "bank"];
    private static readonly string[] s_oddAffixes = ["", "cluster.local/", "cluster.local/ns/sh", "cluster", "sh", "op", "t"];

    private readonly Random _random;
    private readonly string[] _accounts;
    private readonly string[] _addresses;
    private readonly ushort[] _ports;
    private readonly bool _isTight;

    public RandomPolicies(int seed, int words = 6)
    {
        _random = new Random(seed);
        _accounts = [.. Enumerable.Range(0, words).Select(word => string.Create(CultureInfo.InvariantCulture, $"account-{word}"))];
        _addresses = [.. Enumerable.Range(0, words).SelectMany(word => new[] { $"10.{word % 3}.{word % 7}.{word}", $"fd00:{word % 5}::{word}" })];
        _ports = [.. Enumerable.Range(8_000, words).Select(port => (ushort)port)];
        _isTight = words > 6;
    }

    /// <summary>Some matches ask something of requests, and some policies an authorizer.</summary>
    public bool WithRequests { get; init; }

    public List<AuthorizationPolicy> Policies(int count, int rulesMax) =>
        [.. Enumerable.Range(0, count).Select(index => Policy($"policy-{_random.Next(1_000)}-{index}", rulesMax))];

    public ConnectionFacts Facts() =>
        new(OneIn(5) ? null : Peer(), IPAddress.Parse(One(_addresses)), IPAddress.Parse(One(_addresses)), One(_ports), "")
        {
            ServerName = !WithRequests || OneIn(2) ? null : OneIn(2) ? "" : OneIn(2) ? "a.example" : "c.example",
        };

    /// <summary>A request, and who asks.</summary>
    public (TextRequest Request, RequestOrigin Origin) Request() => new RandomRequests(_random).Request();

    public T One<T>(IReadOnlyList<T> values) => values[_random.Next(values.Count)];

    public bool OneIn(int chances) => _random.Next(chances) == 0;

    private SpiffeId Peer() => Some.Identity(One(s_namespaces), One(_accounts), OneIn(6) ? "other.example" : "cluster.local");

    private AuthorizationPolicy Policy(string name, int rulesMax) => new(One(s_namespaces[..2]), name)
    {
        Action = OneIn(_isTight ? 9 : 2) ? PolicyAction.Allow : WithRequests && OneIn(8) ? PolicyAction.Custom : PolicyAction.Deny,
        Scope = (PolicyScope)_random.Next(3),
        IsDryRun = OneIn(8),
        HasUnsupported = OneIn(15),
        Rules = [.. Enumerable.Range(0, _random.Next(0, rulesMax + 1)).Select(_ => Rule())],
    };

    private AuthorizationRule Rule() => OneIn(2_000) ? new([]) : new([.. Several(3, Clause)]);

    private AuthorizationClause Clause() => OneIn(_isTight ? 500 : 20) ? new([]) : new([.. Several(3, Match)]);

    private AuthorizationMatch Match()
    {
        if (OneIn(20))
        {
            return new AuthorizationMatch();
        }

        AuthorizationMatch match = _isTight ? NarrowMatch() : new AuthorizationMatch();
        match = match with { HasUnsupported = OneIn(100) };
        for (int field = 0; field <= _random.Next(3); field++)
        {
            match = WithField(match);
        }

        return WithRequests && OneIn(2) ? match with { Request = new RandomRequests(_random).Conditions() } : match;
    }

    private AuthorizationMatch NarrowMatch() => _random.Next(4) switch
    {
        0 => new() { Principals = [TextMatch.Exact(Peer().Principal.ToString())] },
        1 => new() { ServiceAccounts = [Account()] },
        2 => new() { SourceAddresses = [IpPrefix.Parse(One(_addresses))] },
        _ => new() { DestinationPorts = [One(_ports)] },
    };

    private AuthorizationMatch WithField(AuthorizationMatch match) => _random.Next(WithRequests ? 16 : 12) switch
    {
        12 => match with { TrustDomains = Values(TrustDomainText) },
        13 => match with { NotTrustDomains = Values(TrustDomainText) },
        14 => match with { ServerNames = Values(ServerNameText) },
        15 => match with { NotServerNames = Values(ServerNameText) },
        0 => match with { Principals = Values(Principal) },
        1 => match with { NotPrincipals = Values(Principal) },
        2 => match with { Namespaces = Values(Namespace) },
        3 => match with { NotNamespaces = Values(Namespace) },
        4 => match with { ServiceAccounts = Values(Account) },
        5 => match with { NotServiceAccounts = Values(Account) },
        6 => match with { SourceAddresses = Values(Block) },
        7 => match with { NotSourceAddresses = Values(Block) },
        8 => match with { DestinationAddresses = Values(Block) },
        9 => match with { NotDestinationAddresses = Values(Block) },
        10 => match with { DestinationPorts = Values(() => One(_ports)) },
        _ => match with { NotDestinationPorts = Values(() => One(_ports)) },
    };

    private TextMatch Principal() => Text(Peer().Principal.ToString());

    private TextMatch Namespace() => Text(One(s_namespaces));

    private TextMatch TrustDomainText() => Text(OneIn(3) ? "other.example" : "cluster.local");

    private TextMatch ServerNameText() => Text(OneIn(3) ? "a.example" : "b.example");

    private TextMatch Text(string whole) => _random.Next(9) switch
    {
        0 => TextMatch.Prefix(OneIn(5) ? One(s_oddAffixes) : whole[.._random.Next(whole.Length + 1)]),
        1 => TextMatch.Suffix(OneIn(5) ? One(s_oddAffixes) : whole[_random.Next(whole.Length + 1)..]),
        2 when OneIn(3) => TextMatch.Present,
        _ => TextMatch.Exact(whole),
    };

    private ServiceAccountName Account() => new(One(s_namespaces), One(_accounts));

    private IpPrefix Block()
    {
        IpValue address = IpValue.From(IPAddress.Parse(One(_addresses)));
        int lengthBits = OneIn(3) ? _random.Next(address.WidthBits + 1) : address.WidthBits - _random.Next(4);
        return IpPrefix.TryCreate(address, lengthBits, out IpPrefix block) ? block : throw new InvalidOperationException("A length out of range.");
    }

    private ImmutableArray<T> Values<T>(Func<T> make) => [.. Several(3, make)];

    private T[] Several<T>(int max, Func<T> make) => [.. Enumerable.Range(0, 1 + _random.Next(max)).Select(_ => make())];
}
