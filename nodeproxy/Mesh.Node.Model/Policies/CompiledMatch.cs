using System.Collections.Immutable;
using Mesh.Api.Identity;
using Mesh.Api.Policies;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;

namespace Mesh.Node.Model.Policies;

/// <summary>One match ready to be asked. A field that is null is no condition. Immutable; any thread.</summary>
internal sealed class CompiledMatch
{
    private readonly TextSet? _namespaces;
    private readonly TextSet? _notNamespaces;
    private readonly TextSet? _principals;
    private readonly TextSet? _notPrincipals;
    private readonly HashSet<ServiceAccountName>? _serviceAccounts;
    private readonly HashSet<ServiceAccountName>? _notServiceAccounts;
    private readonly PrefixSet? _sources;
    private readonly PrefixSet? _notSources;
    private readonly PrefixSet? _destinations;
    private readonly PrefixSet? _notDestinations;
    private readonly ushort[]? _ports;
    private readonly ushort[]? _notPorts;
    private readonly TextSet? _trustDomains;
    private readonly TextSet? _notTrustDomains;
    private readonly TextSet? _serverNames;
    private readonly TextSet? _notServerNames;
    private readonly CompiledRequest? _request;

    /// <param name="match">What it asks.</param>
    /// <param name="action">Of the policy: what makes it stricter differs.</param>
    public CompiledMatch(AuthorizationMatch match, PolicyAction action)
    {
        _namespaces = TextSet.Create(match.Namespaces);
        _notNamespaces = TextSet.Create(match.NotNamespaces);
        _principals = TextSet.Create(match.Principals);
        _notPrincipals = TextSet.Create(match.NotPrincipals);
        _serviceAccounts = Accounts(match.ServiceAccounts);
        _notServiceAccounts = Accounts(match.NotServiceAccounts);
        _sources = Prefixes(match.SourceAddresses);
        _notSources = Prefixes(match.NotSourceAddresses);
        _destinations = Prefixes(match.DestinationAddresses);
        _notDestinations = Prefixes(match.NotDestinationAddresses);
        _ports = Ports(match.DestinationPorts);
        _notPorts = Ports(match.NotDestinationPorts);
        _trustDomains = TextSet.Create(match.TrustDomains);
        _notTrustDomains = TextSet.Create(match.NotTrustDomains);
        _serverNames = TextSet.Create(match.ServerNames);
        _notServerNames = TextSet.Create(match.NotServerNames);
        _request = match.Request is { IsEmpty: false } request ? new CompiledRequest(request, action) : null;
    }

    /// <summary>Something is asked that only what goes through the connection can say.</summary>
    public bool AsksRequests => _request is not null || _serverNames is not null || _notServerNames is not null;

    /// <summary>
    /// False for a match that can hold for nothing: one without any field, and one with an unknown condition under ALLOW. Such matches are
    /// never compiled.
    /// </summary>
    public static bool CanHold(AuthorizationMatch match, PolicyAction action) =>
        IsUnsupported(match) ? action != PolicyAction.Allow : HasField(match);

    /// <summary>What the connection alone says. No allocation.</summary>
    public MatchAnswer Ask(in ConnectionFacts facts)
    {
        if (!ConnectionHolds(in facts))
        {
            return MatchAnswer.No;
        }

        bool isNameAwaited = facts.ServerName is null && (_serverNames is not null || _notServerNames is not null);
        if (!isNameAwaited && !ServerNameHolds(facts.ServerName))
        {
            return MatchAnswer.No;
        }

        return isNameAwaited || _request is not null ? MatchAnswer.Depends : MatchAnswer.Yes;
    }

    /// <summary>True when every field holds. No allocation.</summary>
    public bool Holds<TRequest>(in ConnectionFacts facts, in RequestOrigin origin, scoped ref readonly TRequest request)
        where TRequest : IRequestFacts, allows ref struct =>
        ConnectionHolds(in facts) && ServerNameHolds(facts.ServerName) && (_request is null || _request.Holds(in origin, in request));

    private bool ConnectionHolds(in ConnectionFacts facts) =>
        PortsHold(facts.DestinationPort) && AddressesHold(facts.Source, facts.Destination) && IdentityHolds(facts.Peer);

    /// <summary>A request that can be read came without TLS of the application's own, and so has no server name.</summary>
    private bool ServerNameHolds(string? name)
    {
        bool isThere = !string.IsNullOrEmpty(name);
        return (_serverNames is null || (isThere && _serverNames.Matches(name)))
            && (_notServerNames is null || !isThere || !_notServerNames.Matches(name));
    }

    private bool PortsHold(ushort port) =>
        (_ports is null || Array.BinarySearch(_ports, port) >= 0)
        && (_notPorts is null || Array.BinarySearch(_notPorts, port) < 0);

    private bool AddressesHold(IpValue source, IpValue destination) =>
        (_sources is null || _sources.Contains(source))
        && (_notSources is null || !_notSources.Contains(source))
        && (_destinations is null || _destinations.Contains(destination))
        && (_notDestinations is null || !_notDestinations.Contains(destination));

    private bool IdentityHolds(SpiffeId? peer)
    {
        if (peer is null)
        {
            // An absent identity satisfies no positive field and every negative one: that is how STRICT denies plaintext.
            return _principals is null && _namespaces is null && _serviceAccounts is null && _trustDomains is null;
        }

        if ((_principals is not null && !_principals.Matches(peer.Principal))
            || (_notPrincipals is not null && _notPrincipals.Matches(peer.Principal))
            || (_namespaces is not null && !_namespaces.Matches(peer.Namespace))
            || (_notNamespaces is not null && _notNamespaces.Matches(peer.Namespace))
            || (_trustDomains is not null && !_trustDomains.Matches(peer.TrustDomain.Name))
            || (_notTrustDomains is not null && _notTrustDomains.Matches(peer.TrustDomain.Name)))
        {
            return false;
        }

        var account = new ServiceAccountName(peer.Namespace, peer.ServiceAccount);
        return (_serviceAccounts is null || _serviceAccounts.Contains(account))
            && (_notServiceAccounts is null || !_notServiceAccounts.Contains(account));
    }

    private static bool HasField(AuthorizationMatch match) =>
        !match.Namespaces.IsEmpty || !match.NotNamespaces.IsEmpty
        || !match.Principals.IsEmpty || !match.NotPrincipals.IsEmpty
        || !match.ServiceAccounts.IsEmpty || !match.NotServiceAccounts.IsEmpty
        || !match.SourceAddresses.IsEmpty || !match.NotSourceAddresses.IsEmpty
        || !match.DestinationAddresses.IsEmpty || !match.NotDestinationAddresses.IsEmpty
        || !match.DestinationPorts.IsEmpty || !match.NotDestinationPorts.IsEmpty
        || !match.TrustDomains.IsEmpty || !match.NotTrustDomains.IsEmpty
        || !match.ServerNames.IsEmpty || !match.NotServerNames.IsEmpty
        || match.Request is { IsEmpty: false };

    private static bool IsUnsupported(AuthorizationMatch match) =>
        match.HasUnsupported || (match.Request is not null && match.Request.Headers.Any(header => !RequestFields.IsVisible(header.Name)));

    private static HashSet<ServiceAccountName>? Accounts(ImmutableArray<ServiceAccountName> accounts) =>
        accounts.IsEmpty ? null : [.. accounts];

    private static PrefixSet? Prefixes(ImmutableArray<IpPrefix> prefixes) => prefixes.IsEmpty ? null : PrefixSet.Create(prefixes.AsSpan());

    private static ushort[]? Ports(ImmutableArray<ushort> ports)
    {
        if (ports.IsEmpty)
        {
            return null;
        }

        ushort[] sorted = [.. ports];
        Array.Sort(sorted);
        return sorted;
    }
}
