using System.Net;
using System.Net.Http.Headers;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Policies.Tokens;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Tests.Authentication;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: a request's token is judged once, where its application is, whichever way it came, and policies know what it says. Method: a
/// client of .NET and an application that tells which fields it got.
/// </summary>
public sealed class TokenRequestTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_bad_token_is_answered_and_a_good_one_is_what_policies_ask_for(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync(
            $"<{context.Request.Headers["x-sub"]}|{context.Request.Headers.Authorization}|{context.Request.QueryString}>"));
        HttpService service = lab.AddService("server", (pod, []));
        HttpClient http = lab.Http(service);
        lab.Node.Configure(mesh => mesh.SetPolicy(Tokens(new TokenRule
        {
            Issuer = TestIssuer.Issuer,
            Audiences = ["shop"],
            Keys = [TestIssuer.Rsa()],
            Fields = [TokenRule.DefaultField],
            Parameters = [TokenRule.DefaultParameter],
            ClaimFields = [new ClaimField(new HeaderName("x-sub"), ["sub"])],
        })));
        string good = TestIssuer.Sign(TestIssuer.Claims(("aud", "shop"), ("role", "admin")));
        Assert.Equal("<||>", await TextAsync(http, "/open", null));
        Assert.Equal("<alice||>", await TextAsync(http, "/open", good));
        Assert.Equal("<alice||?a=1>", await TextAsync(http, $"/open?a=1&access_token={good}", null));

        using (HttpResponseMessage refused = await AskAsync(http, "/secret?x=1", TestIssuer.Sign(TestIssuer.Claims(("exp", 1)))))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
            Assert.Equal("Jwt is expired", await refused.Content.ReadAsStringAsync());
            Assert.Equal(
                "Bearer realm=\"http://server/secret\", error=\"invalid_token\"", Assert.Single(refused.Headers.GetValues("www-authenticate")));
        }

        await lab.Node.WaitForLineAsync("/secret", "401", "UAEX", "jwt_authn_access_denied{Jwt_is_expired}");
        using (HttpResponseMessage refused = await AskAsync(http, "/secret", TestIssuer.Sign(TestIssuer.Claims(("aud", "x")))))
        {
            Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
            Assert.Equal("Audiences in Jwt are not allowed", await refused.Content.ReadAsStringAsync());
        }

        lab.Node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "admins")
        {
            Action = PolicyAction.Allow,
            Scope = PolicyScope.Namespace,
            Rules = [new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch
            {
                Request = new RequestConditions
                {
                    Principals = [TextMatch.Prefix("https://issuer.example/")],
                    Audiences = [TextMatch.Exact("shop")],
                    Claims = [new ClaimCondition(["role"], [TextMatch.Exact("admin")], [])],
                },
            }])])],
        }));
        Assert.Equal("<alice||>", await TextAsync(http, "/guarded", good));
        foreach (string? token in (string?[])[null, TestIssuer.Sign(TestIssuer.Claims(("aud", "shop"), ("role", "guest")))])
        {
            using HttpResponseMessage denied = await AskAsync(http, "/guarded", token);
            Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
            Assert.Equal("RBAC: access denied", await denied.Content.ReadAsStringAsync());
        }

        // Nothing of a token is in the log, whatever became of it.
        Assert.DoesNotContain(good.Split('.')[2], lab.Node.Log, StringComparison.Ordinal);
        Assert.Equal(4, app.Requests.Count);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_change_of_rules_is_in_force_at_the_next_request_and_ends_what_only_a_gone_issuer_allowed(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            await context.Response.WriteAsync("begun");
            if (context.Request.Path == "/long")
            {
                context.RequestAborted.Register(() => gone.TrySetResult());
                await context.Response.Body.FlushAsync();
                await gone.Task;
            }
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Node.Configure(mesh =>
        {
            mesh.SetPolicy(Tokens(TestIssuer.Rule(TestIssuer.Rsa())));
            mesh.SetPolicy(new AuthorizationPolicy("shop", "known")
            {
                Action = PolicyAction.Allow,
                Scope = PolicyScope.Namespace,
                Rules = [new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch
                {
                    Request = new RequestConditions { Principals = [TextMatch.Present] },
                }])])],
            });
        });
        HttpClient http = lab.Http(service);
        string good = TestIssuer.Sign(TestIssuer.Claims());
        using var request = new HttpRequestMessage(HttpMethod.Get, "/long");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", good);
        using HttpResponseMessage begun = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        Assert.Equal(HttpStatusCode.OK, begun.StatusCode);

        // New keys of the same issuer: what is under way goes on, what comes is verified by them.
        lab.Node.Configure(mesh => mesh.SetPolicy(Tokens(TestIssuer.Rule())));
        using (HttpResponseMessage refused = await AskAsync(http, "/short", good))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        }

        Assert.False(gone.Task.IsCompleted);
        lab.Node.Configure(mesh => mesh.RemovePolicy("shop/tokens"));
        await gone.Task.WaitAsync(LabNode.Patience);
    }

    private static AuthorizationPolicy Tokens(params TokenRule[] rules) => new("shop", "tokens")
    {
        Action = PolicyAction.Deny,
        Scope = PolicyScope.Namespace,
        TokenRules = [.. rules],
    };

    private static async Task<HttpResponseMessage> AskAsync(HttpClient http, string path, string? token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Add("x-sub", "root");
        return await http.SendAsync(request);
    }

    private static async Task<string> TextAsync(HttpClient http, string path, string? token)
    {
        using HttpResponseMessage answer = await AskAsync(http, path, token);
        return await answer.Content.ReadAsStringAsync();
    }
}
