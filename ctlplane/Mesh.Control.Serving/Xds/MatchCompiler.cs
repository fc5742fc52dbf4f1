using System.Collections.Immutable;
using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Control.Model.Canonical;
using Wire = Mesh.Api.Security;

namespace Mesh.Control.Serving.Xds;

/// <summary>One match of a policy on the wire. Pure.</summary>
internal static class MatchCompiler
{
    /// <summary>All that it asks.</summary>
    public static Wire.Match Whole(PolicyMatch match)
    {
        Wire.Match wire = Plain(match);
        if (!match.IsPlain)
        {
            wire.Extensions.Add(new Wire.Extension { Name = PolicyExtensions.Conditions, Config = Any.Pack(ConditionsOf(match)) });
        }

        return wire;
    }

    /// <summary>What it asks in ambient's own fields.</summary>
    public static Wire.Match Plain(PolicyMatch match)
    {
        var wire = new Wire.Match();
        wire.Namespaces.AddRange(match.Namespaces.Select(WireOf));
        wire.NotNamespaces.AddRange(match.NotNamespaces.Select(WireOf));
        wire.Principals.AddRange(match.Principals.Select(WireOf));
        wire.NotPrincipals.AddRange(match.NotPrincipals.Select(WireOf));
        wire.ServiceAccounts.AddRange(match.ServiceAccounts.Select(WireOf));
        wire.NotServiceAccounts.AddRange(match.NotServiceAccounts.Select(WireOf));
        wire.SourceIps.AddRange(match.SourceRanges.Select(WireOf));
        wire.NotSourceIps.AddRange(match.NotSourceRanges.Select(WireOf));
        wire.DestinationIps.AddRange(match.DestinationRanges.Select(WireOf));
        wire.NotDestinationIps.AddRange(match.NotDestinationRanges.Select(WireOf));
        wire.DestinationPorts.AddRange(match.DestinationPorts.Select(port => (uint)port));
        wire.NotDestinationPorts.AddRange(match.NotDestinationPorts.Select(port => (uint)port));
        return wire;
    }

    private static MatchConditions ConditionsOf(PolicyMatch match)
    {
        var wire = new MatchConditions();
        wire.TrustDomains.AddRange(match.TrustDomains.Select(WireOf));
        wire.NotTrustDomains.AddRange(match.NotTrustDomains.Select(WireOf));
        wire.ServerNames.AddRange(match.ServerNames.Select(WireOf));
        wire.NotServerNames.AddRange(match.NotServerNames.Select(WireOf));
        if (match.Request is not RequestMatch request)
        {
            return wire;
        }

        wire.Methods.AddRange(request.Methods.Select(WireOf));
        wire.NotMethods.AddRange(request.NotMethods.Select(WireOf));
        wire.Hosts.AddRange(request.Hosts.Select(WireOf));
        wire.NotHosts.AddRange(request.NotHosts.Select(WireOf));
        wire.Paths.AddRange(TextsOf(request.Paths));
        wire.NotPaths.AddRange(TextsOf(request.NotPaths));
        wire.PathTemplates.AddRange(TemplatesOf(request.Paths));
        wire.NotPathTemplates.AddRange(TemplatesOf(request.NotPaths));
        wire.RemoteIps.AddRange(request.RemoteRanges.Select(WireOf));
        wire.NotRemoteIps.AddRange(request.NotRemoteRanges.Select(WireOf));
        wire.RequestPrincipals.AddRange(request.Principals.Select(WireOf));
        wire.NotRequestPrincipals.AddRange(request.NotPrincipals.Select(WireOf));
        wire.Audiences.AddRange(request.Audiences.Select(WireOf));
        wire.NotAudiences.AddRange(request.NotAudiences.Select(WireOf));
        wire.Presenters.AddRange(request.Presenters.Select(WireOf));
        wire.NotPresenters.AddRange(request.NotPresenters.Select(WireOf));
        foreach (PolicyHeader header in request.Headers)
        {
            var condition = new HeaderMatch { Name = header.Name };
            condition.Values.AddRange(header.Values.Select(WireOf));
            condition.NotValues.AddRange(header.NotValues.Select(WireOf));
            wire.Headers.Add(condition);
        }

        foreach (PolicyClaim claim in request.Claims)
        {
            var condition = new ClaimMatch();
            condition.Path.AddRange(claim.Path);
            condition.Values.AddRange(claim.Values.Select(WireOf));
            condition.NotValues.AddRange(claim.NotValues.Select(WireOf));
            wire.Claims.Add(condition);
        }

        return wire;
    }

    private static IEnumerable<Wire.StringMatch> TextsOf(ImmutableArray<PathPattern> paths) =>
        paths.Where(path => path.Text is not null).Select(path => WireOf(path.Text!.Value));

    private static IEnumerable<string> TemplatesOf(ImmutableArray<PathPattern> paths) =>
        paths.Where(path => path.Text is null).Select(path => path.Template);

    internal static Wire.StringMatch WireOf(TextMatch match) => match.Kind switch
    {
        TextMatchKind.Exact => new Wire.StringMatch { Exact = match.Text },
        TextMatchKind.Prefix => new Wire.StringMatch { Prefix = match.Text },
        TextMatchKind.Suffix => new Wire.StringMatch { Suffix = match.Text },
        _ => new Wire.StringMatch { Presence = new Empty() },
    };

    private static Wire.ServiceAccountMatch WireOf(ServiceAccountName account) =>
        new() { Namespace = account.Namespace, ServiceAccount = account.Name };

    private static Wire.Address WireOf(IPNetwork range) =>
        new() { Address_ = ByteString.CopyFrom(range.BaseAddress.GetAddressBytes()), Length = (uint)range.PrefixLength };
}
