using System.Collections.Immutable;
using System.Text;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Keys;
using RequestFields = Mesh.Api.Policies.RequestFields;

namespace Mesh.Control.Dialects.Istio;

/// <summary>Reads one of the <c>jwtRules</c> of a RequestAuthentication (reference B.8).</summary>
internal static class TokenRuleReader
{
    private const int UriCharsMax = 2_048;
    private const int PlaceCountMax = 32;
    private const string WritableHint = "Letters, digits, - and _ only, and no header of the protocol's own.";

    private static readonly TimeSpan s_timeoutDefault = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_timeoutMax = TimeSpan.FromMinutes(1);

    private static readonly string[] s_fields =
    [
        "audiences", "forwardOriginalToken", "fromCookies", "fromHeaders", "fromParams", "issuer", "jwks", "jwksUri", "jwks_uri",
        "outputClaimToHeaders", "outputPayloadToHeader", "spaceDelimitedClaims", "timeout",
    ];

    private static readonly string[] s_headerFields = ["name", "prefix"];
    private static readonly string[] s_claimFields = ["claim", "header"];

    /// <summary>Every token is refused where tokens usually are.</summary>
    public static TokenRule AcceptsNothing { get; } = new() { Issuer = string.Empty };

    public static TokenRule Read(FieldReader rule)
    {
        foreach (string unknown in rule.UnknownKeys(s_fields))
        {
            rule.Error(unknown, "A JWT rule has no such field.", "Check the spelling.");
        }

        foreach (string empty in rule.NullKeys())
        {
            rule.Error(empty, "The field has no value.", "Give it one or leave it out.");
        }

        string issuer = rule.Text("issuer") ?? string.Empty;
        (ImmutableArray<PublicKey> keys, KeyLocation? location) = ReadKeys(rule, issuer);
        ImmutableArray<TokenHeader> headers = ReadHeaders(rule);
        ImmutableArray<string> parameters = ReadNames(rule, "fromParams", "parameter");
        ImmutableArray<string> cookies = ReadNames(rule, "fromCookies", "cookie");
        if (headers.Length + parameters.Length + cookies.Length > PlaceCountMax)
        {
            rule.Error("fromHeaders", $"A rule has at most {PlaceCountMax} headers, parameters and cookies together.");
        }

        return new TokenRule
        {
            Issuer = issuer,
            Audiences = ReadNames(rule, "audiences", "audience"),
            Keys = keys,
            KeyLocation = location,
            Headers = headers,
            Parameters = parameters,
            Cookies = cookies,
            PayloadHeader = ReadPayloadHeader(rule),
            ClaimHeaders = ReadClaimHeaders(rule),
            ForwardsToken = rule.Flag("forwardOriginalToken") ?? false,
            ListClaims = ReadNames(rule, "spaceDelimitedClaims", "claim"),
        };
    }

    private static (ImmutableArray<PublicKey> Keys, KeyLocation? Location) ReadKeys(FieldReader rule, string issuer)
    {
        TimeSpan timeout = rule.Duration("timeout") ?? s_timeoutDefault;
        if (timeout > s_timeoutMax)
        {
            rule.Warning("timeout", $"Keys are waited for {s_timeoutMax.TotalSeconds:0} s at most.");
            timeout = s_timeoutMax;
        }

        string uriField = rule.Has("jwks_uri") ? "jwks_uri" : "jwksUri";
        string uri = rule.Text(uriField) ?? string.Empty;
        if (issuer.Length == 0 && uri.Length == 0)
        {
            rule.Error("issuer", "A rule has an issuer or a jwksUri.");
        }

        if (rule.Text("jwks") is { Length: > 0 } written)
        {
            if (uri.Length > 0)
            {
                rule.Error("jwks", "Keys are written in jwks or fetched from jwksUri, not both.");
            }

            return (ReadWrittenKeys(rule, written), null);
        }

        if (uri.Length > 0)
        {
            if (!IsFetchable(uri))
            {
                rule.Error(
                    uriField,
                    "Keys cannot be fetched from there.",
                    $"Write an http or https URL of at most {UriCharsMax} characters, without a user.");
            }

            return ([], new KeyLocation(uri, IsDiscovered: false, timeout));
        }

        if (issuer.Length > 0 && IsFetchable(issuer))
        {
            return ([], new KeyLocation(issuer, IsDiscovered: true, timeout));
        }

        if (issuer.Length > 0)
        {
            rule.Warning(
                "issuer", $"'{issuer}' does not say where its keys are, so none of its tokens is accepted.", "Add jwks or jwksUri.");
        }

        return ([], null);
    }

    private static ImmutableArray<PublicKey> ReadWrittenKeys(FieldReader rule, string written)
    {
        JsonWebKeySet set = JsonWebKeySet.Parse(Encoding.UTF8.GetBytes(written));
        if (set.Problem is { } problem)
        {
            rule.Error("jwks", $"The keys cannot be read. {problem}", "Write a JSON Web Key Set: {\"keys\": [...]}.");
            return [];
        }

        foreach (string leftOut in set.LeftOut)
        {
            rule.Warning("jwks", leftOut);
        }

        return set.Keys;
    }

    private static bool IsFetchable(string text) =>
        text.Length <= UriCharsMax
        && Uri.TryCreate(text, UriKind.Absolute, out Uri? uri)
        && uri.Scheme is "http" or "https"
        && uri.UserInfo.Length == 0
        && uri.Host.Length > 0;

    private static ImmutableArray<TokenHeader> ReadHeaders(FieldReader rule)
    {
        ImmutableArray<TokenHeader>.Builder headers = ImmutableArray.CreateBuilder<TokenHeader>();
        foreach (FieldReader header in rule.Sections("fromHeaders"))
        {
            foreach (string unknown in header.UnknownKeys(s_headerFields))
            {
                header.Error(unknown, "A place of tokens has a name and a prefix.");
            }

            string name = header.RequiredText("name") ?? string.Empty;
            if (header.Has("name") && (!TrafficFields.IsHeaderName(name) || !RequestFields.IsVisible(name)))
            {
                header.Error("name", $"'{name}' is no header of requests.");
            }

            headers.Add(new TokenHeader(name, header.Text("prefix") ?? string.Empty));
        }

        return headers.ToImmutable();
    }

    private static ImmutableArray<string> ReadNames(FieldReader rule, string key, string what)
    {
        ImmutableArray<string>.Builder names = ImmutableArray.CreateBuilder<string>();
        foreach (TextItem item in rule.Texts(key))
        {
            if (item.Text.Length == 0)
            {
                rule.Diagnostics.Error(item.Path, item.Position, $"The {what} is empty.");
            }

            names.Add(item.Text);
        }

        return names.ToImmutable();
    }

    private static string ReadPayloadHeader(FieldReader rule)
    {
        string name = rule.Text("outputPayloadToHeader") ?? string.Empty;
        if (name.Length > 0 && !RequestFields.IsWritable(name))
        {
            rule.Error("outputPayloadToHeader", $"'{name}' cannot be written.", WritableHint);
        }

        return name;
    }

    private static ImmutableArray<ClaimHeader> ReadClaimHeaders(FieldReader rule)
    {
        ImmutableArray<ClaimHeader>.Builder headers = ImmutableArray.CreateBuilder<ClaimHeader>();
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (FieldReader output in rule.Sections("outputClaimToHeaders"))
        {
            foreach (string unknown in output.UnknownKeys(s_claimFields))
            {
                output.Error(unknown, "Here stand header and claim, and nothing else.");
            }

            string name = output.RequiredText("header") ?? string.Empty;
            string[] path = (output.RequiredText("claim") ?? string.Empty).Split('.');
            if (output.Has("header") && !RequestFields.IsWritable(name))
            {
                output.Error("header", $"'{name}' cannot be written.", WritableHint);
            }

            if (output.Has("claim") && path.Contains(string.Empty))
            {
                output.Error("claim", "A part of the claim's name is empty.");
            }

            if (!names.Add(name))
            {
                output.Error("header", $"'{name}' is given a claim already.");
            }

            headers.Add(new ClaimHeader(name, [.. path]));
        }

        return headers.ToImmutable();
    }
}
