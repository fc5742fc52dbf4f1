using System.Collections.Immutable;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Mesh.Api.Policies;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Authorizer = Mesh.Node.Model.Policies.Authorizers.Authorizer;
using RateLimit = Mesh.Node.Model.Policies.Limits.RateLimit;
using TokenRule = Mesh.Node.Model.Policies.Tokens.TokenRule;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Config.Resources;

/// <summary>
/// Policies from the wire. What this node does not understand never makes a policy looser: an unknown condition is taken strictly and
/// remarked; a malformed one is refused, with a strict reading to fall back on where no good one is in force, if any reading of it is
/// strict enough.
/// </summary>
internal static class PolicyCompiler
{
    /// <summary>Stands for a clause or rule that says more than is known here: under DENY it holds always, under ALLOW never.</summary>
    private static readonly AuthorizationClause s_strictestClause = new([new AuthorizationMatch { HasUnsupported = true }]);

    /// <inheritdoc cref="s_strictestClause"/>
    private static readonly AuthorizationRule s_strictestRule = new([s_strictestClause]);

    public static CompiledResource<AuthorizationPolicy> Compile(Wire.Authorization wire)
    {
        if (wire.Name.Length == 0 || wire.Namespace.Length == 0)
        {
            return CompiledResource<AuthorizationPolicy>.Refused("it has no name or no namespace");
        }

        var findings = new Findings();
        Wire.Authorization known = UnknownFields.Without(wire, Wire.Authorization.Parser);
        bool hasUnknown = findings.Unknown(wire, known, "the policy");
        (bool isCustom,
            string provider,
            Authorizer? authorizer,
            ImmutableArray<TokenRule> tokenRules,
            ImmutableArray<RateLimit> rateLimits,
            bool hasUnsupported) =
            ReadExtensions(wire.Extensions, findings);
        var policy = new AuthorizationPolicy(wire.Namespace, wire.Name)
        {
            Scope = ReadScope(wire.Scope, findings),
            Action = isCustom ? PolicyAction.Custom : ReadAction(wire.Action, findings),
            Provider = provider,
            Authorizer = authorizer,
            Rules = hasUnknown ? [s_strictestRule] : [.. wire.Rules.Zip(known.Rules, (rule, asKnown) => ReadRule(rule, asKnown, findings))],
            TokenRules = tokenRules,
            RateLimits = rateLimits,
            IsDryRun = wire.DryRun,
            HasUnsupported = hasUnsupported || hasUnknown,
        };
        return findings.Refusal is string refusal
            ? CompiledResource<AuthorizationPolicy>.Refused(refusal, findings.IsUnreadable ? null : policy)
            : CompiledResource<AuthorizationPolicy>.WithRemark(policy, findings.Remark);
    }

    private static AuthorizationRule ReadRule(Wire.Rule wire, Wire.Rule known, Findings findings) => findings.Unknown(wire, known, "a rule")
        ? s_strictestRule
        : new([.. wire.Clauses.Zip(known.Clauses, (clause, asKnown) => ReadClause(clause, asKnown, findings))]);

    private static AuthorizationClause ReadClause(Wire.Clause wire, Wire.Clause known, Findings findings) =>
        findings.Unknown(wire, known, "a clause")
            ? s_strictestClause
            : new([.. wire.Matches.Zip(known.Matches, (match, asKnown) => ReadMatch(match, asKnown, findings))]);

    private static AuthorizationMatch ReadMatch(Wire.Match wire, Wire.Match known, Findings findings)
    {
        // A field the match has beside the known ones is one more condition, as all its fields are.
        bool hasUnsupported = findings.Unknown(wire, known, "a match");
        bool isWholeKnown = !UnknownFields.AreIn(wire, known);
        AuthorizationMatch match = ReadConditions(wire.Extensions, findings);
        hasUnsupported |= match.HasUnsupported;
        match = match with
        {
            Namespaces = Values(wire.Namespaces, known.Namespaces, ReadText, "namespaces"),
            NotNamespaces = Values(wire.NotNamespaces, known.NotNamespaces, ReadText, "not_namespaces"),
            Principals = Values(wire.Principals, known.Principals, ReadText, "principals"),
            NotPrincipals = Values(wire.NotPrincipals, known.NotPrincipals, ReadText, "not_principals"),
            ServiceAccounts = Values(wire.ServiceAccounts, known.ServiceAccounts, ReadAccount, "service_accounts"),
            NotServiceAccounts = Values(wire.NotServiceAccounts, known.NotServiceAccounts, ReadAccount, "not_service_accounts"),
            SourceAddresses = Values(wire.SourceIps, known.SourceIps, ReadBlock, "source_ips"),
            NotSourceAddresses = Values(wire.NotSourceIps, known.NotSourceIps, ReadBlock, "not_source_ips"),
            DestinationAddresses = Values(wire.DestinationIps, known.DestinationIps, ReadBlock, "destination_ips"),
            NotDestinationAddresses = Values(wire.NotDestinationIps, known.NotDestinationIps, ReadBlock, "not_destination_ips"),
            DestinationPorts = Values(wire.DestinationPorts, known.DestinationPorts, ReadPort, "destination_ports"),
            NotDestinationPorts = Values(wire.NotDestinationPorts, known.NotDestinationPorts, ReadPort, "not_destination_ports"),
        };
        return match with { HasUnsupported = hasUnsupported };

        // A field with a value nobody can read, or that says more than is known here, is left out whole and the match marked: under DENY it
        // then holds for more, under ALLOW for nothing. Leaving out the value alone would let DENY hold for less.
        ImmutableArray<TValue> Values<TWire, TValue>(
            RepeatedField<TWire> field, RepeatedField<TWire> asKnown, Func<TWire, (bool IsReadable, TValue Value)> read, string name)
        {
            if (field.Count == 0)
            {
                return [];
            }

            ImmutableArray<TValue>.Builder values = ImmutableArray.CreateBuilder<TValue>(field.Count);
            for (int index = 0; index < field.Count; index++)
            {
                if (!isWholeKnown && field[index] is IMessage message && findings.Unknown(message, (IMessage)asKnown[index]!, name))
                {
                    hasUnsupported = true;
                    return [];
                }

                (bool isReadable, TValue value) = read(field[index]);
                if (!isReadable)
                {
                    findings.Refuse($"{name}: {field[index]} cannot be understood");
                    hasUnsupported = true;
                    return [];
                }

                values.Add(value);
            }

            return values.MoveToImmutable();
        }
    }

    /// <summary>The further fields of a match. What cannot be read leaves all of them out and marks the match.</summary>
    private static AuthorizationMatch ReadConditions(RepeatedField<Wire.Extension> extensions, Findings findings)
    {
        var match = new AuthorizationMatch();
        bool isRead = false;
        foreach (Wire.Extension extension in extensions)
        {
            if (extension.Name != PolicyExtensions.Conditions)
            {
                findings.Unsupported(extension);
                match = match with { HasUnsupported = true };
                continue;
            }

            CompiledResource<AuthorizationMatch> conditions = isRead
                ? CompiledResource<AuthorizationMatch>.Refused("they stand there twice")
                : ConditionsCompiler.Compile(extension.Config);
            isRead = true;
            if (conditions.IsRefused)
            {
                findings.Refuse($"{extension.Name}: {conditions.Refusal}");
                return new AuthorizationMatch { HasUnsupported = true };
            }

            findings.Note(conditions.Remark);
            match = conditions.Value with { HasUnsupported = conditions.Value.HasUnsupported || match.HasUnsupported };
        }

        return match;
    }

    /// <summary>What a policy says of itself in extensions.</summary>
    private static (bool IsCustom,
        string Provider,
        Authorizer? Authorizer,
        ImmutableArray<TokenRule> TokenRules,
        ImmutableArray<RateLimit> RateLimits,
        bool HasUnsupported) ReadExtensions(RepeatedField<Wire.Extension> extensions, Findings findings)
    {
        bool isCustom = false;
        Authorizer? authorizer = null;
        ImmutableArray<TokenRule> tokenRules = [];
        ImmutableArray<RateLimit> rateLimits = [];
        string provider = "";
        bool hasUnsupported = false;
        foreach (Wire.Extension extension in extensions)
        {
            if (extension.Name == PolicyExtensions.RequestAuthentication)
            {
                tokenRules = ReadTokenRules(extension, findings);
                continue;
            }

            if (extension.Name == PolicyExtensions.RateLimits)
            {
                rateLimits = ReadRateLimits(extension, findings);
                continue;
            }

            if (extension.Name != PolicyExtensions.Custom)
            {
                findings.Unsupported(extension);
                hasUnsupported = true;
                continue;
            }

            // Whoever was to be asked denies as long as nobody is: nothing unread in it could make the policy stricter.
            isCustom = true;
            try
            {
                (provider, authorizer) = AuthorizerCompiler.Compile(extension.Config);
            }
            catch (ResourceRefusedException exception)
            {
                findings.Refuse($"{extension.Name}: {exception.Message}");
            }
        }

        return (isCustom, provider, authorizer, tokenRules, rateLimits, hasUnsupported);
    }

    /// <summary>
    /// Limits that cannot be read limit nothing: they protect from load, and denying all instead would be the greater harm.
    /// </summary>
    private static ImmutableArray<RateLimit> ReadRateLimits(Wire.Extension extension, Findings findings)
    {
        try
        {
            return RateLimitsCompiler.Compile(extension.Config, (rule, known) => ReadRule(rule, known, findings));
        }
        catch (ResourceRefusedException exception)
        {
            findings.Refuse($"{extension.Name}: {exception.Message}");
            return [];
        }
    }

    private static ImmutableArray<TokenRule> ReadTokenRules(Wire.Extension extension, Findings findings)
    {
        try
        {
            return TokenRulesCompiler.Compile(extension.Config);
        }
        catch (ResourceRefusedException exception)
        {
            findings.RefuseWhole($"{extension.Name}: {exception.Message}");
            return [];
        }
    }

    internal static (bool IsReadable, TextMatch Value) ReadText(Wire.StringMatch wire) => wire.MatchTypeCase switch
    {
        Wire.StringMatch.MatchTypeOneofCase.Exact => (true, TextMatch.Exact(wire.Exact)),
        Wire.StringMatch.MatchTypeOneofCase.Prefix => (true, TextMatch.Prefix(wire.Prefix)),
        Wire.StringMatch.MatchTypeOneofCase.Suffix => (true, TextMatch.Suffix(wire.Suffix)),
        Wire.StringMatch.MatchTypeOneofCase.Presence => (true, TextMatch.Present),
        _ => (false, default),
    };

    private static (bool IsReadable, ServiceAccountName Value) ReadAccount(Wire.ServiceAccountMatch wire) =>
        (wire.Namespace.Length > 0 && wire.ServiceAccount.Length > 0, new ServiceAccountName(wire.Namespace, wire.ServiceAccount));

    internal static (bool IsReadable, IpPrefix Value) ReadBlock(Wire.Address wire) =>
        (IpPrefix.TryFromBytes(wire.Address_.Span, wire.Length, out IpPrefix block), block);

    private static (bool IsReadable, ushort Value) ReadPort(uint wire) => (wire <= ushort.MaxValue, (ushort)wire);

    private static PolicyScope ReadScope(Wire.Scope wire, Findings findings)
    {
        switch (wire)
        {
            case Wire.Scope.Global:
                return PolicyScope.Global;
            case Wire.Scope.Namespace:
                return PolicyScope.Namespace;
            case Wire.Scope.WorkloadSelector:
                return PolicyScope.WorkloadSelector;
            default:
                findings.RefuseWhole($"scope: {wire:D} is not known here");
                return PolicyScope.Namespace;
        }
    }

    private static PolicyAction ReadAction(Wire.Action wire, Findings findings)
    {
        switch (wire)
        {
            case Wire.Action.Allow:
                return PolicyAction.Allow;
            case Wire.Action.Deny:
                return PolicyAction.Deny;
            default:
                findings.RefuseWhole($"action: {wire:D} is not known here");
                return PolicyAction.Deny;
        }
    }

    /// <summary>What was found wrong with one policy.</summary>
    private sealed class Findings
    {
        private readonly SortedSet<string> _refusals = new(StringComparer.Ordinal);
        private readonly SortedSet<string> _remarks = new(StringComparer.Ordinal);

        public string? Refusal => _refusals.Count == 0 ? null : string.Join("; ", _refusals);

        /// <summary>True when no reading is strict enough: whom the policy selects or what its rules mean is unknown.</summary>
        public bool IsUnreadable { get; private set; }

        public string? Remark => _remarks.Count == 0 ? null : string.Join("; ", _remarks);

        public void Refuse(string reason) => _refusals.Add(reason);

        public void RefuseWhole(string reason)
        {
            Refuse(reason);
            IsUnreadable = true;
        }

        /// <summary>Notes fields of a message, not of those inside it, that are not known here.</summary>
        public bool Unknown(IMessage message, IMessage known, string place)
        {
            if (!UnknownFields.AreIn(message, known))
            {
                return false;
            }

            string numbers = string.Join(", ", UnknownFields.Of(message, known));
            if (numbers.Length == 0)
            {
                return false;
            }

            _remarks.Add($"{place}: field {numbers} is not known here, so the policy is taken more strictly");
            return true;
        }

        /// <summary>Notes an extension that is not known here.</summary>
        public void Unsupported(Wire.Extension extension) =>
            _remarks.Add($"extensions: '{extension.Name}' is not supported, so the policy is taken more strictly");

        public void Note(string? remark)
        {
            if (remark is not null)
            {
                _remarks.Add(remark);
            }
        }
    }
}
