using System.Collections.Immutable;
using Mesh.Api.Policies;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads the conditions of a rule (when), each about one attribute by its key.</summary>
/// <param name="values">Of the rule.</param>
/// <param name="action">Of its policy.</param>
internal sealed class PolicyConditionReader(PolicyValues values, PolicyAction action)
{
    private const string HeaderPrefix = "request.headers";
    private const string ClaimPrefix = "request.auth.claims";

    private static readonly string[] s_fields = ["key", "values", "notValues"];

    /// <returns>An empty match where nothing of the condition can be checked.</returns>
    public PolicyMatch Read(FieldReader condition)
    {
        values.RefuseUnknownAndEmpty(condition, s_fields);
        if (!condition.Has("values") && !condition.Has("notValues"))
        {
            values.Refuse(condition, "values", "A condition has values, notValues or both.");
        }

        string? key = condition.RequiredText("key");
        if (key is null)
        {
            values.LeaveOut();
            return new PolicyMatch();
        }

        return ReadOfConnection(condition, key) ?? ReadOfRequest(condition, key);
    }

    /// <summary>A list about the token of a request.</summary>
    public ImmutableArray<TextMatch> TokenTexts(FieldReader fields, string key)
    {
        if (action == PolicyAction.Custom && fields.Has(key))
        {
            values.Refuse(fields, key, "An authorizer is asked before tokens are looked at, so CUSTOM cannot depend on them.");
            return [];
        }

        return values.Texts(fields, key);
    }

    /// <returns>Null for a key that is none of these.</returns>
    private PolicyMatch? ReadOfConnection(FieldReader condition, string key)
    {
        switch (key)
        {
            case "source.ip":
                return new PolicyMatch
                {
                    SourceRanges = values.Ranges(condition, "values"),
                    NotSourceRanges = values.Ranges(condition, "notValues"),
                };
            case "source.namespace":
                return new PolicyMatch
                {
                    Namespaces = values.Texts(condition, "values"),
                    NotNamespaces = values.Texts(condition, "notValues"),
                };
            case "source.principal":
                return new PolicyMatch
                {
                    Principals = values.Values(condition, "values", PolicyValues.ReadPrincipal),
                    NotPrincipals = values.Values(condition, "notValues", PolicyValues.ReadPrincipal),
                };
            case "source.serviceAccount":
                return new PolicyMatch
                {
                    ServiceAccounts = values.ServiceAccounts(condition, "values"),
                    NotServiceAccounts = values.ServiceAccounts(condition, "notValues"),
                };
            case "source.trustDomain":
                return new PolicyMatch
                {
                    TrustDomains = values.Texts(condition, "values"),
                    NotTrustDomains = values.Texts(condition, "notValues"),
                };
            case "destination.ip":
                return new PolicyMatch
                {
                    DestinationRanges = values.Ranges(condition, "values"),
                    NotDestinationRanges = values.Ranges(condition, "notValues"),
                };
            case "destination.port":
                return new PolicyMatch
                {
                    DestinationPorts = values.Ports(condition, "values"),
                    NotDestinationPorts = values.Ports(condition, "notValues"),
                };
            case "connection.sni":
                return new PolicyMatch
                {
                    ServerNames = Lowered(values.Texts(condition, "values")),
                    NotServerNames = Lowered(values.Texts(condition, "notValues")),
                };
            default:
                return null;
        }
    }

    private PolicyMatch ReadOfRequest(FieldReader condition, string key)
    {
        switch (key)
        {
            case "remote.ip":
                return Of(new RequestMatch
                {
                    RemoteRanges = values.Ranges(condition, "values"),
                    NotRemoteRanges = values.Ranges(condition, "notValues"),
                });
            case "request.auth.principal":
                return Of(new RequestMatch
                {
                    Principals = TokenTexts(condition, "values"),
                    NotPrincipals = TokenTexts(condition, "notValues"),
                });
            case "request.auth.audiences":
                return Of(new RequestMatch
                {
                    Audiences = TokenTexts(condition, "values"),
                    NotAudiences = TokenTexts(condition, "notValues"),
                });
            case "request.auth.presenter":
                return Of(new RequestMatch
                {
                    Presenters = TokenTexts(condition, "values"),
                    NotPresenters = TokenTexts(condition, "notValues"),
                });
            case { } when BracketedNames(key, HeaderPrefix) is [string header]:
                return ReadHeader(condition, header.ToLowerInvariant());
            case { } when BracketedNames(key, ClaimPrefix) is { IsEmpty: false } claim:
                ImmutableArray<TextMatch> claimed = TokenTexts(condition, "values");
                ImmutableArray<TextMatch> notClaimed = TokenTexts(condition, "notValues");
                return claimed.IsEmpty && notClaimed.IsEmpty
                    ? new PolicyMatch()
                    : Of(new RequestMatch { Claims = [new PolicyClaim(claim, claimed, notClaimed)] });
            case { } when key.StartsWith("experimental.envoy.filters.", StringComparison.Ordinal):
                values.LeaveOut(condition, "key", $"{key} is an attribute of Envoy's filters, of which there are none here.");
                return new PolicyMatch();
            default:
                values.Refuse(condition, "key", $"'{key}' is not an attribute.", "See AuthorizationPolicy's list of condition keys.");
                return new PolicyMatch();
        }
    }

    private PolicyMatch ReadHeader(FieldReader condition, string name)
    {
        if (!RequestFields.IsVisible(name))
        {
            values.LeaveOut(condition, "key", $"The field {name} is not among those policy can look at.");
            return new PolicyMatch();
        }

        ImmutableArray<TextMatch> texts = values.Texts(condition, "values");
        ImmutableArray<TextMatch> notTexts = values.Texts(condition, "notValues");
        return texts.IsEmpty && notTexts.IsEmpty
            ? new PolicyMatch()
            : Of(new RequestMatch { Headers = [new PolicyHeader(name, texts, notTexts)] });
    }

    private static PolicyMatch Of(RequestMatch request) => request.IsEmpty ? new PolicyMatch() : new PolicyMatch { Request = request };

    /// <summary>The names in brackets after a prefix: <c>prefix[a][b]</c>; none where the key is not of that form.</summary>
    private static ImmutableArray<string> BracketedNames(string key, string prefix)
    {
        if (!key.StartsWith($"{prefix}[", StringComparison.Ordinal) || key[^1] != ']')
        {
            return [];
        }

        string[] names = key[(prefix.Length + 1)..^1].Split("][");
        return names.Any(name => name.Length == 0 || name.AsSpan().ContainsAny('[', ']')) ? [] : [.. names];
    }

    private static ImmutableArray<TextMatch> Lowered(ImmutableArray<TextMatch> texts) =>
        [.. texts.Select(text => text with { Text = text.Text.ToLowerInvariant() })];
}
