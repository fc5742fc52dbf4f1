using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Protocols.Tokens;
using Mesh.Node.Proxy.Authentication;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Authentication;

/// <summary>
/// Goal: a rule accepts exactly the tokens its issuer signed, for whom it is and while they last (reference B.8, RFC 7518 §3, RFC 8037).
/// Method: tokens made by .NET, one rule a row; one vector of an RFC where .NET has no class.
/// </summary>
public sealed class TokenVerificationTests
{
    private const double Now = 1_800_000_000;

    [Theory]
    [InlineData("RS256")]
    [InlineData("RS384")]
    [InlineData("RS512")]
    [InlineData("PS256")]
    [InlineData("PS384")]
    [InlineData("PS512")]
    [InlineData("ES256")]
    [InlineData("ES384")]
    [InlineData("ES512")]
    public void Every_algorithm_is_verified_by_the_key_that_fits_it_and_by_no_other(string algorithm)
    {
        string fitting = algorithm switch { "ES256" => "P-256", "ES384" => "P-384", "ES512" => "P-521", _ => "RSA" };
        string token = TestIssuer.Sign(TestIssuer.Claims(), algorithm, keyId: null);
        foreach (string kind in (string[])["RSA", "P-256", "P-384", "P-521"])
        {
            TokenKey key = kind == "RSA" ? TestIssuer.Rsa(id: null) : TestIssuer.Curve(kind);
            Assert.Equal(kind == fitting ? TokenFault.None : TokenFault.KeyMissing, FaultOf(token, TestIssuer.Rule(key)));
        }

        // A byte of the payload changed, and a byte of the signature.
        foreach (int at in (int[])[token.IndexOf('.', StringComparison.Ordinal) + 20, token.LastIndexOf('.') + 20])
        {
            string changed = string.Concat(token.AsSpan(0, at), token[at] == 'A' ? "B" : "A", token.AsSpan(at + 1));
            Assert.NotEqual(TokenFault.None, FaultOf(changed, TestIssuer.Rule(TestIssuer.Rsa(id: null), TestIssuer.Curve("P-256"))));
        }
    }

    [Fact]
    public void EdDSA_is_verified_as_RFC_8037_has_it()
    {
        // RFC 8037 appendix A.4. Its payload is no object, so the key is asked itself.
        byte[] x = System.Buffers.Text.Base64Url.DecodeFromChars("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        byte[] signature = System.Buffers.Text.Base64Url.DecodeFromChars(
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg");
        byte[] text = Encoding.ASCII.GetBytes("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
        TokenKey key = EdwardsTokenKey.Of(null, null, x)!;
        Assert.True(key.Verify(TokenAlgorithm.EdDSA, text, signature));
        Assert.False(key.Verify(TokenAlgorithm.ES256, text, signature));
        Assert.False(key.Verify(TokenAlgorithm.EdDSA, text, signature[..63]));
        signature[0] ^= 1;
        Assert.False(key.Verify(TokenAlgorithm.EdDSA, text, signature));
        Assert.Null(EdwardsTokenKey.Of(null, null, x.AsSpan(1)));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("None")]
    [InlineData("HS256")]
    [InlineData("HS512")]
    [InlineData("rs256")]
    [InlineData("ES256K")]
    [InlineData("RSA-OAEP")]
    [InlineData("")]
    public void Nothing_but_signatures_of_public_keys_is_accepted(string algorithm)
    {
        string header = new JsonObject { ["alg"] = algorithm }.ToJsonString();
        string signed = TestIssuer.Sign(header, TestIssuer.Claims().ToJsonString(), algorithm.Length < 3 ? "none" : algorithm);
        Assert.Equal(TokenFault.AlgorithmUnsupported, FaultOf(signed, TestIssuer.Rule(TestIssuer.Rsa(id: null))));
    }

    [Fact]
    public void A_key_is_chosen_by_its_identifier_and_its_algorithm()
    {
        using var other = RSA.Create(2048);
        string token = TestIssuer.Sign(TestIssuer.Claims(), keyId: "b");
        TokenKey wrong = TestIssuer.RsaKeyOf(other, "a");
        Assert.Equal(TokenFault.None, FaultOf(token, TestIssuer.Rule(wrong, TestIssuer.Rsa("b"))));
        Assert.Equal(TokenFault.None, FaultOf(token, TestIssuer.Rule(wrong, TestIssuer.Rsa(id: null))));
        Assert.Equal(TokenFault.None, FaultOf(token, TestIssuer.Rule(TestIssuer.RsaKeyOf(other, null), TestIssuer.Rsa("b"))));
        Assert.Equal(TokenFault.KeyMissing, FaultOf(token, TestIssuer.Rule(wrong)));
        Assert.Equal(TokenFault.KeyMissing, FaultOf(token, TestIssuer.Rule()));
        Assert.Equal(TokenFault.KeyMissing, FaultOf(token, TestIssuer.Rule(TestIssuer.Rsa("b", TokenAlgorithm.RS512))));
        Assert.Equal(TokenFault.BadSignature, FaultOf(token, TestIssuer.Rule(TestIssuer.RsaKeyOf(other, "b"))));
        Assert.Equal(
            TokenFault.BadSignature, FaultOf(TestIssuer.Sign(TestIssuer.Claims(), rsa: other), TestIssuer.Rule(TestIssuer.Rsa())));
    }

    [Theory]
    [InlineData("exp", -60.5, TokenFault.Expired)]
    [InlineData("exp", -60, TokenFault.None)]
    [InlineData("exp", 0, TokenFault.None)]
    [InlineData("nbf", 60, TokenFault.None)]
    [InlineData("nbf", 60.5, TokenFault.NotYetValid)]
    [InlineData("nbf", -1, TokenFault.None)]
    public void A_token_lasts_from_nbf_to_exp_with_a_minute_for_the_clocks(string claim, double after, TokenFault expected) =>
        Assert.Equal(expected, FaultOf(TestIssuer.Sign(TestIssuer.Claims((claim, Now + after))), TestIssuer.Rule(TestIssuer.Rsa())));

    [Fact]
    public void A_token_without_an_end_has_none() =>
        Assert.Equal(TokenFault.None, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("exp", null))), TestIssuer.Rule(TestIssuer.Rsa())));

    [Fact]
    public void Issuer_and_audience_are_those_of_the_rule()
    {
        TokenRule rule = TestIssuer.Rule(TestIssuer.Rsa());
        Assert.Equal(TokenFault.UnknownIssuer, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("iss", "https://issuer.example/"))), rule));
        Assert.Equal(TokenFault.UnknownIssuer, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("iss", null))), rule));
        var any = new TokenRule { Keys = rule.Keys };
        Assert.Equal(TokenFault.None, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("iss", "x"))), any));
        Assert.Equal(TokenFault.None, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("aud", "x"))), rule));
        var forTwo = new TokenRule { Issuer = rule.Issuer, Keys = rule.Keys, Audiences = ["shop", "cart"] };
        Assert.Equal(TokenFault.None, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("aud", "cart"))), forTwo));
        Assert.Equal(TokenFault.None, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("aud", new JsonArray("x", "shop")))), forTwo));
        Assert.Equal(TokenFault.AudienceNotAllowed, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("aud", "Cart"))), forTwo));
        Assert.Equal(TokenFault.AudienceNotAllowed, FaultOf(TestIssuer.Sign(TestIssuer.Claims(("aud", new JsonArray()))), forTwo));
        Assert.Equal(TokenFault.AudienceNotAllowed, FaultOf(TestIssuer.Sign(TestIssuer.Claims()), forTwo));
    }

    [Fact]
    public void Claims_are_found_by_name_as_policies_ask_for_them()
    {
        var claims = TestIssuer.Claims(
            ("aud", new JsonArray("a", "b")),
            ("azp", "web"),
            ("scope", "openid  mail"),
            ("words", "one two"),
            ("plain", "one two"),
            ("groups", new JsonArray("x", 7, true, new JsonObject(), null, "y")),
            ("realm_access", new JsonObject { ["roles"] = new JsonArray("admin"), ["scope"] = "a b" }),
            ("admin", true),
            ("level", 1.50));
        var rule = new TokenRule { Issuer = TestIssuer.Issuer, Keys = [TestIssuer.Rsa()], ListClaims = ["words"] };
        VerifiedToken token = Accept(TestIssuer.Sign(claims), rule);
        Assert.Equal("https://issuer.example/alice", token.Principal);
        Assert.Equal("web", token.Presenter);
        Assert.Equal(["a", "b"], token.Audiences.ToArray());
        Assert.Equal(["openid", "mail"], token.ValuesOf(["scope"]).ToArray());
        Assert.Equal(["one", "two"], token.ValuesOf(["words"]).ToArray());
        Assert.Equal(["one two"], token.ValuesOf(["plain"]).ToArray());
        Assert.Equal(["x", "7", "true", "y"], token.ValuesOf(["groups"]).ToArray());
        Assert.Equal(["admin"], token.ValuesOf(["realm_access", "roles"]).ToArray());
        Assert.Equal(["a b"], token.ValuesOf(["realm_access", "scope"]).ToArray());
        Assert.Equal(["true"], token.ValuesOf(["admin"]).ToArray());
        Assert.Equal(["1.5"], token.ValuesOf(["level"]).ToArray());
        Assert.Empty(token.ValuesOf(["realm_access"]).ToArray());
        Assert.Empty(token.ValuesOf(["scope", "openid"]).ToArray());
        Assert.Empty(token.ValuesOf(["nothing"]).ToArray());

        // Without a subject nobody in particular is spoken for.
        Assert.Equal("", Accept(TestIssuer.Sign(TestIssuer.Claims(("sub", null))), rule).Principal);
    }

    [Fact]
    public void A_key_that_is_none_is_refused()
    {
        byte[] short1024 = new byte[128];
        short1024[0] = 0x80;
        short1024[^1] = 1;
        Assert.Null(LibraryTokenKey.OfRsa(null, null, short1024, [1, 0, 1]));
        byte[] even = new byte[256];
        even[0] = 0x80;
        Assert.Null(LibraryTokenKey.OfRsa(null, null, even, [1, 0, 1]));
        even[^1] = 1;
        Assert.Null(LibraryTokenKey.OfRsa(null, null, even, [1]));
        Assert.Null(LibraryTokenKey.OfRsa(null, null, even, []));
        Assert.NotNull(LibraryTokenKey.OfRsa(null, null, even, [3]));
        Assert.Null(LibraryTokenKey.OfCurve(null, null, "P-256", new byte[32], new byte[32]));
        Assert.Null(LibraryTokenKey.OfCurve(null, null, "P-256", new byte[31], new byte[32]));
        Assert.Null(LibraryTokenKey.OfCurve(null, null, "secp256k1", new byte[32], new byte[32]));
    }

    private static TokenFault FaultOf(string token, TokenRule rule)
    {
        VerifiedToken? accepted = TokenVerification.Verify(Encoding.ASCII.GetBytes(token), rule, Now, out TokenFault fault);
        Assert.Equal(fault == TokenFault.None, accepted is not null);
        return fault;
    }

    private static VerifiedToken Accept(string token, TokenRule rule) =>
        TokenVerification.Verify(Encoding.ASCII.GetBytes(token), rule, Now, out _)!;
}
