using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Mesh.Api.Policies;
using Mesh.Node.Model.Policies;
using Mesh.Node.Proxy.Config.Resources;
using Xunit;
using Tokens = Mesh.Node.Model.Policies.Tokens;
using Wire = Mesh.Api.Security;

namespace Mesh.Node.Proxy.Tests.Config;

/// <summary>Goal: token rules are taken whole or refused by name, and what is refused lets nobody in.</summary>
public sealed class TokenRulesCompilerTests
{
    [Fact]
    public void Every_field_arrives()
    {
        Tokens.TokenRule rule = Assert.Single(Compile(Rule(wire =>
        {
            wire.Audiences.Add("a");
            wire.Headers.Add(new TokenHeader { Name = "X-Token", Prefix = "jwt " });
            wire.Parameters.Add("q");
            wire.Cookies.Add("c");
            wire.PayloadHeader = "X-Payload";
            wire.ClaimHeaders.Add(new ClaimHeader { Name = "X-Sub", Path = { "a", "b" } });
            wire.ForwardsToken = true;
            wire.ListClaims.Add("l");
            wire.Keys.Add(new TokenKey { Id = "k", Algorithm = "EdDSA", Ed25519 = ByteString.CopyFrom(new byte[32]) });
        })).Value!.TokenRules);
        Assert.Equal("i", rule.Issuer);
        Assert.Equal(["a"], rule.Audiences);
        Assert.Equal(("x-token", "jwt ", false), (rule.Fields[0].Name.Text, rule.Fields[0].Prefix.Text, rule.Fields[0].IgnoresCase));
        Assert.Equal("q", Assert.Single(rule.Parameters).Text);
        Assert.Equal("c", Assert.Single(rule.Cookies).Text);
        Assert.Equal("x-payload", rule.PayloadField!.Text);
        Assert.Equal("x-sub", rule.ClaimFields[0].Name.Text);
        Assert.Equal(["a", "b"], rule.ClaimFields[0].Path);
        Assert.True(rule.ForwardsToken);
        Assert.Equal(["l"], rule.ListClaims);
        Assert.True(Assert.Single(rule.Keys).IsFor("k", Tokens.TokenAlgorithm.EdDSA));
        Assert.False(rule.Keys[0].IsFor("other", Tokens.TokenAlgorithm.EdDSA));
    }

    [Fact]
    public void Without_a_place_tokens_are_where_everybody_has_them()
    {
        Tokens.TokenRule rule = Assert.Single(Compile(Rule(_ => { })).Value!.TokenRules);
        Assert.Same(Tokens.TokenRule.DefaultField, Assert.Single(rule.Fields));
        Assert.Same(Tokens.TokenRule.DefaultParameter, Assert.Single(rule.Parameters));
        Assert.Empty(rule.Cookies);
        Assert.Empty(rule.Keys);
    }

    [Fact]
    public void What_cannot_be_read_is_refused_by_name_with_the_whole_policy()
    {
        Refused("rules[0].parameters[0]: it is empty", wire => wire.Parameters.Add(""));
        Refused("rules[0].headers[0].name: 'te' is no field of requests", wire => wire.Headers.Add(new TokenHeader { Name = "te" }));
        Refused("rules[0].headers[0].name: ':path' is no field", wire => wire.Headers.Add(new TokenHeader { Name = ":path" }));
        Refused("rules[0].payload_header: 'host' is no field that may be written", wire => wire.PayloadHeader = "host");
        Refused("rules[0].claim_headers[0].name", wire => wire.ClaimHeaders.Add(new ClaimHeader { Name = "a b", Path = { "x" } }));
        Refused("rules[0].claim_headers[0].path", wire => wire.ClaimHeaders.Add(new ClaimHeader { Name = "a" }));
        Refused("rules[0].keys[0]: it is no public key", wire => wire.Keys.Add(new TokenKey()));
        Refused("rules[0].keys[0]: it is no public key", wire => wire.Keys.Add(new TokenKey { Ed25519 = ByteString.CopyFromUtf8("short") }));
        Refused("rules[0].keys[0].algorithm: 'HS256'", wire => wire.Keys.Add(new TokenKey { Algorithm = "HS256" }));
        Assert.Contains("0 rules", Compile(new RequestAuthentication()).Refusal, StringComparison.Ordinal);

        // A field of tomorrow.
        var newer = RequestAuthentication.Parser.ParseFrom([.. Rule(_ => { }).ToByteArray(), 0xF8, 0x07, 0x01]);
        Assert.Contains("fields that are not known", Compile(newer).Refusal, StringComparison.Ordinal);
        Wire.Authorization other = Policy(new RequestAuthentication());
        other.Extensions[0].Config = Any.Pack(new Duration());
        Assert.Contains("its content is a", PolicyCompiler.Compile(other).Refusal, StringComparison.Ordinal);
    }

    private static void Refused(string expected, Action<TokenRule> change)
    {
        CompiledResource<AuthorizationPolicy> compiled = Compile(Rule(change));
        Assert.Contains(expected, compiled.Refusal, StringComparison.Ordinal);

        // There is no reading of it: whoever applies it denies all it might select.
        Assert.Null(compiled.Value);
    }

    private static RequestAuthentication Rule(Action<TokenRule> change)
    {
        var rule = new TokenRule { Issuer = "i" };
        change(rule);
        return new RequestAuthentication { Rules = { rule } };
    }

    private static CompiledResource<AuthorizationPolicy> Compile(RequestAuthentication wire) => PolicyCompiler.Compile(Policy(wire));

    private static Wire.Authorization Policy(RequestAuthentication wire) => new()
    {
        Name = "p",
        Namespace = "n",
        Action = Wire.Action.Deny,
        Extensions = { new Wire.Extension { Name = "mesh-node.io/request-authentication", Config = Any.Pack(wire) } },
    };
}
