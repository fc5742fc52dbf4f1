using System.Net;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Control.Model.Canonical;
using Wire = Mesh.Api.Security;

namespace Mesh.Control.Serving.Xds;

/// <summary>Policies of the model as <c>istio.security.Authorization</c> resources. Pure.</summary>
internal static class AuthorizationCompiler
{
    public static ServedResource Compile(AuthorizationPolicy policy)
    {
        var message = new Wire.Authorization
        {
            Name = policy.Name,
            Namespace = policy.Namespace,
            Scope = policy.Scope switch
            {
                PolicyScope.Mesh => Wire.Scope.Global,
                PolicyScope.Namespace => Wire.Scope.Namespace,
                _ => Wire.Scope.WorkloadSelector,
            },
            Action = policy.Action == PolicyAction.Deny ? Wire.Action.Deny : Wire.Action.Allow,
            DryRun = policy.IsDryRun,
        };
        message.Rules.AddRange(policy.Rules.Select(WireOf));
        return ServedResource.Of(TypeUrls.Authorization, policy.FullName, message);
    }

    private static Wire.Rule WireOf(PolicyRule rule)
    {
        var wire = new Wire.Rule();
        foreach (PolicyClause clause in rule.Clauses)
        {
            var wireClause = new Wire.Clause();
            wireClause.Matches.AddRange(clause.Matches.Select(WireOf));
            wire.Clauses.Add(wireClause);
        }

        return wire;
    }

    private static Wire.Match WireOf(PolicyMatch match)
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

    private static Wire.StringMatch WireOf(TextMatch match) => match.Kind switch
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
