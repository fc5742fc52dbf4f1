using System.Collections.Immutable;
using System.Security.Cryptography;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Tests.Authentication;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Matrix;

/// <summary>
/// Goal: what Istio documents of RequestAuthentication holds for real requests, every kind of token in every place under rules that look in
/// each place. Method: a table of what each kind is worth where it is looked for; where it is not, there is no token.
/// </summary>
public sealed class TokenMatrixTests
{
    private const string OtherIssuer = "https://second.example";

    private static readonly RSA s_strangersKey = RSA.Create(2048);

    /// <summary>A token of each kind, and the status it is worth.</summary>
    private static readonly (string Kind, Func<string> Token, int Status)[] s_kinds =
    [
        ("good", () => TestIssuer.Sign(TestIssuer.Claims(("aud", "shop"))), 200),
        ("of the other issuer", () => OfOther("ES256", "ec"), 200),
        ("expired", () => TestIssuer.Sign(TestIssuer.Claims(("aud", "shop"), ("exp", 1))), 401),
        ("not yet valid", () => TestIssuer.Sign(TestIssuer.Claims(("aud", "shop"), ("nbf", 9_999_999_999))), 401),
        ("signed by a stranger", () => TestIssuer.Sign(TestIssuer.Claims(("aud", "shop")), rsa: s_strangersKey), 401),
        ("of an unknown issuer", () => TestIssuer.Sign(TestIssuer.Claims(("aud", "shop"), ("iss", "https://else.example"))), 401),
        ("of the other issuer by this one's key", () => OfOther("RS256", "rsa"), 401),
        ("for another audience", () => TestIssuer.Sign(TestIssuer.Claims(("aud", "else"))), 403),
        ("unsigned", () => TestIssuer.Sign(TestIssuer.Claims(("aud", "shop")), "none"), 401),
        ("malformed", () => "no.token", 401),
    ];

    private static readonly string[] s_places = ["authorization", "access_token", "x-jwt", "token", "session"];

    private static readonly (string Name, TokenRule Rule, string[] Looked)[] s_rules =
    [
        ("default", Rule([TokenRule.DefaultField], [TokenRule.DefaultParameter], []), ["authorization", "access_token"]),
        ("fromHeaders", Rule([new TokenField(new HeaderName("x-jwt"), new ByteText("Jwt "))], [], []), ["x-jwt"]),
        ("fromParams", Rule([], [new ByteText("token")], []), ["token"]),
        ("fromCookies", Rule([], [], [new ByteText("session")]), ["session"]),
    ];

    [LabTheory]
    [InlineData(SameNodeMode.Direct)]
    [InlineData(SameNodeMode.Network)]
    public async Task A_token_is_worth_what_it_says_where_it_is_looked_for_and_nothing_elsewhere(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod server = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            server, HttpLab.AppPort, context => context.Response.WriteAsync($"<{context.Request.Headers["x-sub"]}>"));
        HttpClient http = lab.Http(lab.AddService("server", (server, [])));
        foreach ((string name, TokenRule rule, string[] looked) in s_rules)
        {
            lab.Node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "tokens")
            {
                Action = PolicyAction.Deny,
                Scope = PolicyScope.Namespace,
                TokenRules = [rule, Other(rule)],
            }));
            Assert.Equal((200, "<>"), await AskAsync(http, "", ""));
            foreach (string place in s_places)
            {
                foreach ((string kind, Func<string> token, int status) in s_kinds)
                {
                    bool isLooked = looked.Contains(place);
                    (int got, string text) = await AskAsync(http, place, token());
                    string where = $"{kind} in {place} under {name}: {got} {text}";
                    Assert.True(got == (isLooked ? status : 200), where);
                    Assert.True(got != 200 || text == (isLooked ? "<alice>" : "<>"), where);
                }
            }
        }
    }

    private static TokenRule Rule(ImmutableArray<TokenField> fields, ImmutableArray<ByteText> parameters, ImmutableArray<ByteText> cookies)
    {
        return new TokenRule
        {
            Issuer = TestIssuer.Issuer,
            Audiences = ["shop"],
            Keys = [TestIssuer.Rsa()],
            Fields = fields,
            Parameters = parameters,
            Cookies = cookies,
            ClaimFields = [new ClaimField(new HeaderName("x-sub"), ["sub"])],
        };
    }

    private static TokenRule Other(TokenRule rule) => new()
    {
        Issuer = OtherIssuer,
        Keys = [TestIssuer.Curve("P-256", "ec")],
        Fields = rule.Fields,
        Parameters = rule.Parameters,
        Cookies = rule.Cookies,
        ClaimFields = rule.ClaimFields,
    };

    private static string OfOther(string algorithm, string key) =>
        TestIssuer.Sign(TestIssuer.Claims(("iss", OtherIssuer)), algorithm, key);

    private static async Task<(int Status, string Text)> AskAsync(HttpClient http, string place, string token)
    {
        string path = place is "access_token" or "token" ? $"/?{place}={token}" : "/";
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        (string Name, string Value) field = place switch
        {
            "authorization" => ("authorization", $"Bearer {token}"),
            "x-jwt" => ("x-jwt", $"Jwt {token}"),
            "session" => ("cookie", $"a=b; session={token}"),
            _ => ("x-nothing", "-"),
        };
        request.Headers.TryAddWithoutValidation(field.Name, field.Value);
        using HttpResponseMessage answer = await http.SendAsync(request, TestContext.Current.CancellationToken);
        return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }
}
