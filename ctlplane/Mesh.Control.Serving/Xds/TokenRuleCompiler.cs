using System.Collections.Immutable;
using Google.Protobuf;
using Mesh.Api.Policies;
using Mesh.Control.Model.Keys;
using Canonical = Mesh.Control.Model.Canonical;

namespace Mesh.Control.Serving.Xds;

/// <summary>Token rules of the model as proxies read them. Pure.</summary>
internal static class TokenRuleCompiler
{
    public static RequestAuthentication WireOf(ImmutableArray<Canonical.TokenRule> rules, IKeyReader? keys)
    {
        var wire = new RequestAuthentication();
        wire.Rules.AddRange(rules.Select(rule => WireOf(rule, keys)));
        return wire;
    }

    private static TokenRule WireOf(Canonical.TokenRule rule, IKeyReader? keys)
    {
        var wire = new TokenRule { Issuer = rule.Issuer, PayloadHeader = rule.PayloadHeader, ForwardsToken = rule.ForwardsToken };
        wire.Audiences.AddRange(rule.Audiences);
        wire.Keys.AddRange((rule.KeyLocation is { } location ? keys?.KeysAt(location) ?? [] : rule.Keys).Select(WireOf));
        wire.Headers.AddRange(rule.Headers.Select(header => new TokenHeader { Name = header.Name, Prefix = header.Prefix }));
        wire.Parameters.AddRange(rule.Parameters);
        wire.Cookies.AddRange(rule.Cookies);
        wire.ListClaims.AddRange(rule.ListClaims);
        foreach (Canonical.ClaimHeader header in rule.ClaimHeaders)
        {
            var claim = new ClaimHeader { Name = header.Name };
            claim.Path.AddRange(header.Path);
            wire.ClaimHeaders.Add(claim);
        }

        return wire;
    }

    private static TokenKey WireOf(PublicKey key)
    {
        var wire = new TokenKey { Id = key.Id, Algorithm = key.Algorithm };
        ByteString first = ByteString.CopyFrom(key.First.AsSpan());
        ByteString second = ByteString.CopyFrom(key.Second.AsSpan());
        switch (key.Kind)
        {
            case PublicKeyKind.Rsa:
                wire.Rsa = new TokenKey.Types.Rsa { Modulus = first, Exponent = second };
                break;
            case PublicKeyKind.Ed25519:
                wire.Ed25519 = first;
                break;
            default:
                string curve = key.Kind switch
                {
                    PublicKeyKind.P256 => "P-256",
                    PublicKeyKind.P384 => "P-384",
                    _ => "P-521",
                };
                wire.Curve = new TokenKey.Types.Curve { Name = curve, X = first, Y = second };
                break;
        }

        return wire;
    }
}
