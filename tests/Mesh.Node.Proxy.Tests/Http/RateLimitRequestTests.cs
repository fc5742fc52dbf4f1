using System.Net;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Limits;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: an application gets no more requests than its limits say, whichever way they come and on whatever loop, and who comes beyond is
/// told so. Method: allowances that fill once an hour, so that nothing depends on the clock.
/// </summary>
public sealed class RateLimitRequestTests
{
    private static readonly TimeSpan s_hour = TimeSpan.FromHours(1);

    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_beyond_a_limit_are_answered_429_and_reach_no_application(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("served"));
        HttpService service = lab.AddService("server", (pod, []));
        HttpClient http = lab.Http(service);
        lab.Node.Configure(mesh => mesh.SetPolicy(Limits(
            Limit(Path("/checkout"), burst: 2), Limit(Path("/checkout"), burst: 100), Limit(Path("/other"), burst: 1))));

        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/checkout/a"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/checkout/b"));
        using (HttpResponseMessage refused = await http.GetAsync("/checkout/limited", TestContext.Current.CancellationToken))
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.Equal("true", Assert.Single(refused.Headers.GetValues("x-envoy-ratelimited")));
            Assert.Equal("local_rate_limited", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }

        await lab.Node.WaitForLineAsync("/checkout/limited", "429", "RL", "local_rate_limited");

        // Others have an allowance of their own, and what counts towards nothing needs none.
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/other"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(http, "/other"));
        for (int i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/free"));
        }

        Assert.Equal(8, app.Requests.Count);
        Assert.Equal(
            [(0, 2L, 1L), (1, 2L, 0L), (2, 1L, 1L)],
            lab.Node.Proxy.RateLimits.List().Select(limit => (limit.Index, limit.Passed, limit.Refused)));

        // A new rate begins anew, at the next request of the connection that is there.
        lab.Node.Configure(mesh => mesh.SetPolicy(Limits(Limit(Path("/checkout"), burst: 1))));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/checkout/c"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(http, "/checkout/d"));
        lab.Node.Configure(mesh => mesh.RemovePolicy("shop/limits"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/checkout/e"));
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_hundred_connections_at_once_get_together_what_the_limit_says(SameNodeMode mode)
    {
        const int Burst = 40;
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("served"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Limits(Limit(All, Burst))));

        HttpStatusCode[] answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => StatusAsync(lab.Http(service), "/")));

        Assert.Equal(Burst, answers.Count(answer => answer == HttpStatusCode.OK));
        Assert.Equal(100 - Burst, answers.Count(answer => answer == HttpStatusCode.TooManyRequests));
        Assert.Equal(Burst, app.Requests.Count);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task What_policy_denies_uses_nothing_up_and_a_limit_is_not_asked_again(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("served"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(service, new Route("shop/again", [], new ForwardAction(
            new WeightedDestinations([new WeightedDestination(service.Service.Key, 80, "", 1)]))
        {
            Retries = new RetryPolicy { Retries = 2, Conditions = RetryConditions.StatusCodes, StatusCodes = [429] },
        }));
        lab.Node.Configure(mesh =>
        {
            mesh.SetPolicy(Limits(Limit(All, burst: 1)));
            mesh.SetPolicy(new AuthorizationPolicy("shop", "no-admin")
            {
                Action = PolicyAction.Deny,
                Scope = PolicyScope.Namespace,
                Rules = [Path("/admin")],
            });
        });
        HttpClient http = lab.Http(service);

        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(http, "/admin"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(http, "/"));
        Assert.Equal(HttpStatusCode.TooManyRequests, await StatusAsync(http, "/"));

        // One refusal for one request: the route's retries do not count what a limit refused.
        Assert.Equal(
            (1L, 1L), lab.Node.Proxy.RateLimits.List().Select(limit => (limit.Passed, limit.Refused)).Single());
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Each_identity_has_an_allowance_of_its_own_where_the_limit_says_so(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        LabPod other = await lab.Node.AddPodAsync("other");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("served"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Limits(Limit(All, burst: 2) with { IsByClient = true })));
        HttpClient first = lab.Http(service);
        HttpClient second = lab.Http(service, other);

        // On a connection each, taking turns.
        foreach (HttpStatusCode expected in (HttpStatusCode[])
            [HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.TooManyRequests, HttpStatusCode.TooManyRequests])
        {
            Assert.Equal(expected, await StatusAsync(first, "/"));
            Assert.Equal(expected, await StatusAsync(second, "/"));
        }

        Assert.Equal(4, app.Requests.Count);
        Assert.Equal(2, Assert.Single(lab.Node.Proxy.RateLimits.List()).Clients);
    }

    private static AuthorizationRule All { get; } = new([]);

    private static AuthorizationRule Path(string prefix) => new([new AuthorizationClause([new AuthorizationMatch
    {
        Request = new RequestConditions { Paths = [TextMatch.Prefix(prefix)] },
    }])]);

    private static RateLimit Limit(AuthorizationRule match, int burst) => new(match, 1, s_hour, burst, IsByClient: false);

    private static AuthorizationPolicy Limits(params RateLimit[] limits) => new("shop", "limits")
    {
        Action = PolicyAction.Deny,
        Scope = PolicyScope.Namespace,
        RateLimits = [.. limits],
    };

    private static async Task<HttpStatusCode> StatusAsync(HttpClient http, string path)
    {
        using HttpResponseMessage response = await http.GetAsync(path, TestContext.Current.CancellationToken);
        return response.StatusCode;
    }
}
