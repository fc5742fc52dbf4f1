using System.Collections.Immutable;
using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;

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

    public CompiledMatch(AuthorizationMatch match)
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
    }

    /// <summary>
    /// False for a match that can hold for nothing: one without any field, and one with an unknown condition under ALLOW. Such matches are
    /// never compiled.
    /// </summary>
    public static bool CanHold(AuthorizationMatch match, PolicyAction action) =>
        match.HasUnsupported ? action == PolicyAction.Deny : HasField(match);

    /// <summary>True when every field holds. No allocation.</summary>
    public bool Holds(in ConnectionFacts facts) =>
        PortsHold(facts.DestinationPort) && AddressesHold(facts.Source, facts.Destination) && IdentityHolds(facts.Peer);

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
            return _principals is null && _namespaces is null && _serviceAccounts is null;
        }

        if ((_principals is not null && !_principals.Matches(peer.Principal))
            || (_notPrincipals is not null && _notPrincipals.Matches(peer.Principal))
            || (_namespaces is not null && !_namespaces.Matches(peer.Namespace))
            || (_notNamespaces is not null && _notNamespaces.Matches(peer.Namespace)))
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
        || !match.DestinationPorts.IsEmpty || !match.NotDestinationPorts.IsEmpty;

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
