using System.Collections.Immutable;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>Goal: a client without a cookie is given one that leads it back. Method: clients of .NET, and three endpoints that say their names.</summary>
public sealed class AffinityCookieTests
{
    [LabFact]
    public async Task A_client_is_led_back_by_the_cookie_it_was_given()
    {
        await using Scene scene = await Scene.StartAsync(new HashPolicy(HashKey.Cookie, "user", "/shop") { CookieTtl = TimeSpan.FromMinutes(2) });
        var endpoints = new HashSet<string>();
        for (int client = 0; client < 40; client++)
        {
            HttpClient http = scene.NewClient();
            (string endpoint, string? given) = await scene.AskAsync(http, cookie: null);
            Assert.NotNull(given);
            Assert.Matches("^user=[0-9a-f]{16}; Max-Age=120; Path=/shop; HttpOnly$", given);
            endpoints.Add(endpoint);

            // On the same connection it is the same, whatever comes at the same time.
            Assert.Equal((endpoint, given), await scene.AskAsync(http, cookie: null));
            string cookie = given[..given.IndexOf(';', StringComparison.Ordinal)];
            for (int i = 0; i < 3; i++)
            {
                Assert.Equal((endpoint, null), await scene.AskAsync(scene.NewClient(), $"other=1; {cookie}"));
            }
        }

        Assert.True(endpoints.Count > 1, "Forty clients went to one of three endpoints.");
    }

    [LabFact]
    public async Task A_cookie_of_the_session_has_no_lifetime_and_none_is_made_where_none_is_asked_for()
    {
        await using Scene scene = await Scene.StartAsync(new HashPolicy(HashKey.Cookie, "user") { CookieTtl = TimeSpan.Zero });
        Assert.Matches("^user=[0-9a-f]{16}; HttpOnly$", (await scene.AskAsync(scene.NewClient(), cookie: null)).Given);
        scene.Apply(new HashPolicy(HashKey.Cookie, "user"));
        Assert.Null((await scene.AskAsync(scene.NewClient(), cookie: null)).Given);
    }

    [LabFact]
    public async Task Cookies_of_the_application_stay()
    {
        await using Scene scene = await Scene.StartAsync(
            new HashPolicy(HashKey.Cookie, "user") { CookieTtl = TimeSpan.Zero }, setsCookie: true);
        using HttpResponseMessage answer = await scene.NewClient().GetAsync("/");
        Assert.Equal(2, answer.Headers.GetValues("set-cookie").Count());
        Assert.Contains("own=1", answer.Headers.GetValues("set-cookie"));
    }

    [LabFact]
    public async Task A_cookie_leads_to_no_destination_that_was_given_up_for_another()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod deaf = await lab.Node.AddPodAsync("deaf");
        LabPod other = await lab.Node.AddPodAsync("other");
        await using HttpApp app = await HttpApp.StartAsync(other, HttpLab.AppPort, context => context.Response.WriteAsync("other"));
        HttpService service = lab.AddService("server", (deaf, ["shop/server/v1"]), (other, ["shop/server/v2"]));
        var hashed = new PortPolicies(new TrafficPolicy
        {
            Balancing = new BalancingPolicy(BalancingAlgorithm.ConsistentHash, new HashPolicy(HashKey.Cookie, "user") { CookieTtl = TimeSpan.Zero }),
        });
        lab.Route(
            service,
            [new("v1", "shop/server/v1", hashed), new("v2", "shop/server/v2", PortPolicies.Default)],
            new Route("shop/split", [], new ForwardAction(new WeightedDestinations(
            [
                new WeightedDestination(service.Service.Key, 80, "v1", 50),
                new WeightedDestination(service.Service.Key, 80, "v2", 50),
            ]))));

        // That not one of them tries the deaf version first happens once in 10¹² runs.
        HttpClient http = lab.Http(service);
        for (int i = 0; i < 40; i++)
        {
            using HttpResponseMessage answer = await http.GetAsync("/");
            Assert.Equal("other", await answer.Content.ReadAsStringAsync());
            Assert.False(answer.Headers.Contains("set-cookie"));
        }
    }

    /// <summary>A service of three endpoints whose requests are hashed.</summary>
    private sealed class Scene(HttpLab lab, HttpService service, List<HttpApp> apps) : IAsyncDisposable
    {
        public static async Task<Scene> StartAsync(HashPolicy policy, bool setsCookie = false)
        {
            HttpLab lab = await HttpLab.StartAsync();
            var apps = new List<HttpApp>();
            var endpoints = new List<(LabPod, string[])>();
            foreach (string name in (string[])["one", "two", "three"])
            {
                LabPod pod = await lab.Node.AddPodAsync(name);
                endpoints.Add((pod, []));
                apps.Add(await HttpApp.StartAsync(pod, HttpLab.AppPort, context =>
                {
                    if (setsCookie)
                    {
                        context.Response.Headers.SetCookie = "own=1";
                    }

                    return context.Response.WriteAsync(name);
                }));
            }

            var scene = new Scene(lab, lab.AddService("server", [.. endpoints]), apps);
            scene.Apply(policy);
            return scene;
        }

        public void Apply(HashPolicy policy) => lab.Node.Configure(mesh => mesh.SetTraffic(new ServiceTraffic(
            service.Service.Key,
            new TrafficScope(
                ImmutableDictionary<ushort, RouteTable>.Empty,
                new PortPolicies(new TrafficPolicy { Balancing = new BalancingPolicy(BalancingAlgorithm.ConsistentHash, policy) }),
                ImmutableDictionary<string, TrafficSubset>.Empty))));

        /// <summary>One with a connection of its own, that keeps no cookies.</summary>
        public HttpClient NewClient() => lab.Http(service);

        public async Task<(string Endpoint, string? Given)> AskAsync(HttpClient http, string? cookie)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/");
            if (cookie is not null)
            {
                request.Headers.Add("cookie", cookie);
            }

            using HttpResponseMessage answer = await http.SendAsync(request);
            string? given = answer.Headers.TryGetValues("set-cookie", out IEnumerable<string>? values) ? Assert.Single(values) : null;
            return (await answer.Content.ReadAsStringAsync(), given);
        }

        public async ValueTask DisposeAsync()
        {
            foreach (HttpApp app in apps)
            {
                await app.DisposeAsync();
            }

            await lab.DisposeAsync();
        }
    }
}
