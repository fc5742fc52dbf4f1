using System.Collections.Immutable;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Mesh.Api.Patterns;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Explain;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: what a route says of a request is what its client and its application see. Method: a client of .NET, two versions of an
/// application, and routes between them.
/// </summary>
public sealed class RoutedRequestTests
{
    [LabFact]
    public async Task A_request_is_rewritten_and_its_fields_are_changed_both_ways()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context =>
        {
            context.Response.Headers["x-secret"] = "inside";
            return context.Response.WriteAsync(
                $"{context.Request.Headers["x-added"]} {context.Request.Headers["x-removed"]} {context.Request.Headers["x-request-id"]}");
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(service, new Route("shop/rewrite", [PathOf("/old")], To(service) with
        {
            Rewrite = PathRewrite.MatchedPart("/new"),
            Authority = "other.shop",
        })
        {
            RequestHeaders = new HeaderOperations([new HeaderName("x-removed")], [], [new HeaderField("x-added", "here")]),
            ResponseHeaders = new HeaderOperations([new HeaderName("x-secret")], [new HeaderField("x-version", "7")], []),
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/old/page?q=1");
        request.Headers.Add("x-removed", "gone");
        using HttpResponseMessage answered = await lab.Http(service).SendAsync(request);
        string[] seen = (await answered.Content.ReadAsStringAsync()).Split(' ');
        Assert.Equal("here", seen[0]);
        Assert.Equal("", seen[1]);
        Assert.True(Guid.TryParse(seen[2], CultureInfo.InvariantCulture, out _));
        Assert.Equal(["7"], answered.Headers.GetValues("x-version"));
        Assert.False(answered.Headers.Contains("x-secret"));
        Assert.True(answered.Headers.Contains("x-envoy-upstream-service-time"));
        Assert.Equal(["GET /new/page?q=1 other.shop"], app.Requests);
    }

    [LabFact]
    public async Task Fields_are_put_together_of_what_is_known_of_each_message()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context =>
        {
            context.Response.Headers["x-version"] = "v1";
            return context.Response.WriteAsync(string.Join('\n', ((string[])["x-all", "x-some", "x-none", "x-kept", "x-began", "x-peer"])
                .Select(name => $"{name}={context.Request.Headers[name]}")));
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(service, new Route("shop/facts", [], To(service))
        {
            RequestHeaders = new HeaderOperations(
                [],
                [
                    Composed("x-all", OfRequest(":method"), Text(" "), OfRequest(":path"), Text(" "), Fact(ValueOperator.Protocol)),
                    Composed("x-some", OfRequest("x-missing") with { Alternative = new HeaderName("x-user"), BytesMax = 3 }),
                    Composed("x-none", OfRequest("x-missing"), Fact(ValueOperator.ResponseCode)),
                    Composed("x-kept", OfRequest("x-missing")),
                    Composed("x-began", Fact(ValueOperator.StartTime)),
                    Composed("x-peer", Fact(ValueOperator.ClientAddressWithoutPort), Text("|"), Fact(ValueOperator.DialledAddress)),
                ],
                []),
            ResponseHeaders = new HeaderOperations(
                [],
                [Composed("x-told", Fact(ValueOperator.ResponseCode), Text("/"), new ValuePart(ValueOperator.ResponseField) { Field = new("x-version") })],
                [Composed("x-route", Fact(ValueOperator.RouteName)), Composed("x-upstream", Fact(ValueOperator.UpstreamAddress))]),
        });
        using var request = new HttpRequestMessage(HttpMethod.Get, "/page?q=1");
        request.Headers.Add("x-user", "jason");
        request.Headers.Add("x-kept", "mine");
        using HttpResponseMessage answered = await lab.Http(service).SendAsync(request);
        Dictionary<string, string> seen = (await answered.Content.ReadAsStringAsync()).Split('\n')
            .Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        Assert.Equal("GET /page?q=1 HTTP/1.1", seen["x-all"]);
        Assert.Equal("jas", seen["x-some"]);
        Assert.Equal("", seen["x-none"]);
        Assert.Equal("mine", seen["x-kept"]);
        Assert.Matches("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$", seen["x-began"]);
        Assert.Equal($"{lab.Client.Address}|{service.Address}:80", seen["x-peer"]);
        Assert.Equal(["200/v1"], answered.Headers.GetValues("x-told"));
        Assert.Equal(["shop/facts"], answered.Headers.GetValues("x-route"));
        Assert.Equal([$"{pod.Address}:{HttpLab.AppPort}"], answered.Headers.GetValues("x-upstream"));
    }

    private static HeaderField Composed(string name, params ValuePart[] parts) => new(name, "composed") { Parts = [.. parts] };

    private static ValuePart Text(string text) => new(ValueOperator.Text) { Text = Encoding.ASCII.GetBytes(text) };

    private static ValuePart OfRequest(string name) => new(ValueOperator.RequestField) { Field = new HeaderName(name) };

    private static ValuePart Fact(ValueOperator what) => new(what);

    [LabFact]
    public async Task What_an_expression_matches_of_a_path_is_rewritten_and_a_destination_has_an_authority_of_its_own()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("here"));
        HttpService service = lab.AddService("server", (pod, []));
        Assert.True(PatternSubstitution.TryCompile("^/clients/([0-9]+)(.*)$", @"\2/of/\1", out PatternSubstitution? substitution, out _));
        lab.Route(service, new Route("shop/expression", [], new ForwardAction(new WeightedDestinations(
            [new WeightedDestination(service.Service.Key, 80, "", 1) { Authority = "own.shop" }]))
        {
            Rewrite = PathRewrite.Matches(substitution),
            Authority = "route.shop",
        }));
        Assert.Equal("here", await lab.Http(service).GetStringAsync("/clients/7/cart?q=/clients/8"));
        Assert.Equal(["GET /cart/of/7?q=/clients/8 own.shop"], app.Requests);
    }

    [LabFact]
    public async Task The_proxy_answers_by_itself_where_a_route_says_so_or_none_is_found()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(
            service,
            new Route("shop/moved", [PathOf("/moved")], new RedirectAction { Status = 308, Host = "elsewhere" }),
            new Route("shop/fixed", [PathOf("/fixed")], new DirectResponseAction(418, [.. "tea"u8])));
        HttpClient http = lab.Http(service);
        using HttpResponseMessage moved = await http.GetAsync("/moved/a?b=c");
        Assert.Equal(308, (int)moved.StatusCode);
        Assert.Equal("http://elsewhere/moved/a?b=c", moved.Headers.Location!.ToString());
        using HttpResponseMessage told = await http.GetAsync("/fixed");
        Assert.Equal(418, (int)told.StatusCode);
        Assert.Equal("tea", await told.Content.ReadAsStringAsync());
        using HttpResponseMessage missing = await http.GetAsync("/none");
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        await lab.Node.WaitForLineAsync("/none", "404", "NR", "route_not_found");
    }

    [LabFact]
    public async Task Requests_are_split_by_weight_and_a_version_without_endpoints_is_skipped()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod first = await lab.Node.AddPodAsync("v1");
        LabPod second = await lab.Node.AddPodAsync("v2");
        await using HttpApp one = await HttpApp.StartAsync(first, HttpLab.AppPort, context => context.Response.WriteAsync("v1"));
        await using HttpApp two = await HttpApp.StartAsync(second, HttpLab.AppPort, context => context.Response.WriteAsync("v2"));
        HttpService service = lab.AddService("server", (first, ["shop/server/v1"]), (second, ["shop/server/v2"]));
        ImmutableArray<TrafficSubset> subsets =
        [
            new("v1", "shop/server/v1", PortPolicies.Default),
            new("v2", "shop/server/v2", PortPolicies.Default),
            new("v3", "shop/server/v3", PortPolicies.Default),
        ];
        lab.Route(service, subsets, new Route("shop/split", [], new ForwardAction(new WeightedDestinations(
        [
            new WeightedDestination(service.Service.Key, 80, "v1", 90),
            new WeightedDestination(service.Service.Key, 80, "v2", 10),
        ]))));
        HttpClient http = lab.Http(service);
        int seconds = 0;
        for (int i = 0; i < 2_000; i++)
        {
            seconds += await http.GetStringAsync("/") == "v2" ? 1 : 0;
        }

        // 2,000 draws at 10 % leave these bounds once in 10¹² runs.
        Assert.InRange(seconds, 113, 300);

        lab.Route(service, subsets, new Route("shop/split", [], new ForwardAction(new WeightedDestinations(
        [
            new WeightedDestination(service.Service.Key, 80, "v3", 90),
            new WeightedDestination(service.Service.Key, 80, "v2", 10),
        ]))));
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal("v2", await http.GetStringAsync("/"));
        }

        lab.Route(service, subsets, new Route("shop/nowhere", [], new ForwardAction(new WeightedDestinations(
            [new WeightedDestination(service.Service.Key, 80, "v3", 1)]))));
        using HttpResponseMessage none = await http.GetAsync("/nowhere");
        Assert.Equal(503, (int)none.StatusCode);
        Assert.Equal("no healthy upstream", await none.Content.ReadAsStringAsync());
        await lab.Node.WaitForLineAsync("/nowhere", "503", "UH", "no_healthy_upstream");
    }

    [LabTheory]
    [InlineData(false, 200)]
    [InlineData(true, 503)]
    public async Task A_version_that_cannot_be_reached_is_skipped_by_the_retry_unless_it_keeps_its_share(bool keepsUnusable, int status)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod dead = await lab.Node.AddPodAsync("v1");
        LabPod live = await lab.Node.AddPodAsync("v2");
        await using HttpApp app = await HttpApp.StartAsync(live, HttpLab.AppPort, context => context.Response.WriteAsync("v2"));
        HttpService service = lab.AddService("server", (dead, ["shop/server/v1"]), (live, ["shop/server/v2"]));
        ImmutableArray<TrafficSubset> subsets =
        [
            new("v1", "shop/server/v1", PortPolicies.Default),
            new("v2", "shop/server/v2", PortPolicies.Default),
        ];
        var shares = new WeightedDestinations(
            [
                new WeightedDestination(service.Service.Key, 80, "v1", 999_999),
                new WeightedDestination(service.Service.Key, 80, "v2", 1),
            ],
            keepsUnusable);
        lab.Route(service, subsets, new Route("shop/split", [], new ForwardAction(shares)));
        HttpClient http = lab.Http(service);
        for (int i = 0; i < 10; i++)
        {
            using HttpResponseMessage answer = await http.GetAsync("/");
            Assert.Equal(status, (int)answer.StatusCode);
        }
    }

    [LabFact]
    public async Task A_backend_that_does_not_exist_has_its_share_answered_500_where_the_route_keeps_shares()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("here"));
        HttpService service = lab.AddService("server", (pod, []));
        var here = new WeightedDestination(service.Service.Key, 80, "", 1);
        var nowhere = new WeightedDestination("", 0, "", 1);
        lab.Route(
            service,
            new Route("shop/split", [PathOf("/split")], new ForwardAction(new WeightedDestinations([here, nowhere], keepsUnusable: true))),
            new Route("shop/skip", [PathOf("/skip")], new ForwardAction(new WeightedDestinations([here, nowhere]))),
            new Route("shop/none", [PathOf("/none")], new ForwardAction(new WeightedDestinations([nowhere], keepsUnusable: true))),
            new Route("shop/lost", [PathOf("/lost")], new ForwardAction(new WeightedDestinations([nowhere]))));
        HttpClient http = lab.Http(service);
        var seen = new SortedSet<int>();
        for (int i = 0; i < 200; i++)
        {
            using HttpResponseMessage split = await http.GetAsync("/split");
            seen.Add((int)split.StatusCode);
            Assert.Equal("here", await http.GetStringAsync("/skip"));
        }

        // 200 draws of two leave one of them out once in 10⁶⁰ runs.
        Assert.Equal([200, 500], seen);
        foreach ((string path, int status) in new[] { ("/none", 500), ("/lost", 503) })
        {
            using HttpResponseMessage answer = await http.GetAsync(path);
            Assert.Equal(status, (int)answer.StatusCode);
            var question = new ExplainQuestion { From = "shop/client", Host = "server", Port = 80, Authority = "server", Path = path };
            Assert.Equal(status, lab.Node.Proxy.Explainer.Explain(question).Answer!.Status);
        }

        await lab.Node.WaitForLineAsync("/none", "500", "NC", "cluster_not_found");
    }

    [LabFact]
    public async Task A_path_that_its_route_makes_too_long_is_refused_and_its_connection_goes_on()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("here"));
        HttpService service = lab.AddService("server", (pod, []));
        string all = string.Concat(Enumerable.Repeat(@"\0", PatternSubstitution.ReferencesMax));
        Assert.True(PatternSubstitution.TryCompile(".*", all, out PatternSubstitution? substitution, out _));
        PathRewrite rewrite = PathRewrite.Matches(substitution);
        lab.Route(
            service,
            new Route("shop/moved", [PathOf("/moved")], new RedirectAction { Path = rewrite }),
            new Route("shop/grown", [], To(service) with { Rewrite = rewrite }));
        using Socket socket = await lab.ConnectAsync(service);
        string text = new('a', 8_000);
        string requests = string.Concat(new[] { $"/{text}", $"/moved/{text}", "/b" }.Select(path =>
            $"GET {path} HTTP/1.1\r\nhost: server\r\n{(path == "/b" ? "connection: close\r\n" : "")}\r\n"));
        await socket.SendAsync(Encoding.ASCII.GetBytes(requests));
        string answers = await HttpLab.ReadToEndAsync(socket);
        Assert.Equal(
            ["HTTP/1.1 414", "HTTP/1.1 414", "HTTP/1.1 200"],
            Regex.Matches(answers, "HTTP/1.1 [0-9]{3}").Select(status => status.Value));
        string sent = string.Concat(Enumerable.Repeat("/b", PatternSubstitution.ReferencesMax));
        Assert.Equal([$"GET {sent} server"], app.Requests);
        await lab.Node.WaitForLineAsync("414", "DPE", "path_rewrite_too_long");
        foreach (string path in new[] { $"/{text}", $"/moved/{text}" })
        {
            var question = new ExplainQuestion { From = "shop/client", Host = "server", Port = 80, Authority = "server", Path = path };
            Assert.Equal(414, lab.Node.Proxy.Explainer.Explain(question).Answer!.Status);
        }
    }

    [LabFact]
    public async Task An_endpoint_that_cannot_be_reached_costs_no_request()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod dead = await lab.Node.AddPodAsync("dead");
        LabPod live = await lab.Node.AddPodAsync("live");
        await using HttpApp app = await HttpApp.StartAsync(live, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (dead, []), (live, []));
        lab.Route(service, new Route("shop/all", [], To(service) with { Retries = RetryPolicy.Default with { Retries = 5 } }));
        HttpClient http = lab.Http(service);
        for (int i = 0; i < 50; i++)
        {
            Assert.Equal("ok", await http.GetStringAsync($"/{i}"));
            using HttpResponseMessage posted = await http.PostAsync("/", new StringContent("content"));
            Assert.Equal("ok", await posted.Content.ReadAsStringAsync());
        }
    }

    [LabFact]
    public async Task A_request_is_tried_again_as_its_route_says_and_no_more()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        int come = 0;
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context =>
        {
            context.Response.StatusCode = Interlocked.Increment(ref come) % 3 == 0 ? 200 : 503;
            return context.Response.WriteAsync("answer");
        });
        HttpService service = lab.AddService("server", (pod, []));
        var onError = new RetryPolicy { Conditions = RetryConditions.ServerError, BackoffBase = TimeSpan.FromMilliseconds(1) };
        lab.Route(
            service,
            new Route("shop/two", [PathOf("/two")], To(service) with { Retries = onError with { Retries = 2 } }),
            new Route("shop/one", [PathOf("/one")], To(service) with { Retries = onError with { Retries = 1 } }),
            new Route("shop/none", [], To(service) with { Retries = RetryPolicy.Never }));
        HttpClient http = lab.Http(service);
        using HttpResponseMessage third = await http.GetAsync("/two");
        Assert.Equal(HttpStatusCode.OK, third.StatusCode);
        using HttpResponseMessage second = await http.GetAsync("/one");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, second.StatusCode);
        Assert.Equal("answer", await second.Content.ReadAsStringAsync());
        await lab.Node.WaitForLineAsync("/one", "503", "URX", "via_upstream");
        Assert.Equal(5, Volatile.Read(ref come));
        Interlocked.Exchange(ref come, 0);
        using HttpResponseMessage first = await http.GetAsync("/");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, first.StatusCode);
        Assert.Equal(1, Volatile.Read(ref come));
    }

    [LabFact]
    public async Task An_answer_that_does_not_come_in_time_is_given_up()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int come = 0;
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            if (context.Request.Path == "/whole" || Interlocked.Increment(ref come) == 1)
            {
                await release.Task;
            }

            await context.Response.WriteAsync("late");
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(
            service,
            new Route("shop/tries", [PathOf("/tries")], To(service) with
            {
                Retries = new RetryPolicy
                {
                    Retries = 5,
                    Conditions = RetryConditions.ServerError,
                    AttemptTimeout = TimeSpan.FromSeconds(2),
                },
            }),
            new Route("shop/whole", [], To(service) with { Timeout = TimeSpan.FromMilliseconds(100), Retries = RetryPolicy.Never }));
        HttpClient http = lab.Http(service);

        // The first attempt is too late, a later one is answered.
        Assert.Equal("late", await http.GetStringAsync("/tries"));
        using HttpResponseMessage late = await http.GetAsync("/whole");
        Assert.Equal(HttpStatusCode.GatewayTimeout, late.StatusCode);
        await lab.Node.WaitForLineAsync("/whole", "504", "UT", "response_timeout");
        release.SetResult();
    }

    [LabFact]
    public async Task Faults_are_made_where_a_route_asks_for_them()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(
            service,
            new Route("shop/abort", [PathOf("/abort")], To(service) with { Fault = new FaultPolicy(null, new FaultAbort(555, null, Share.All)) }),
            new Route("shop/delay", [], To(service) with
            {
                Fault = new FaultPolicy(new FaultDelay(TimeSpan.FromMilliseconds(300), Share.All), null),
            }));
        HttpClient http = lab.Http(service);
        using HttpResponseMessage aborted = await http.GetAsync("/abort");
        Assert.Equal(555, (int)aborted.StatusCode);
        long startedMs = Environment.TickCount64;
        Assert.Equal("ok", await http.GetStringAsync("/delay"));
        // The loop counts from the start of its turn, which may lie before the request.
        Assert.True(Environment.TickCount64 - startedMs >= 250, "A delay is as long as it says.");
        await lab.Node.WaitForLineAsync("/delay", "200", " DI ");
        await lab.Node.WaitForLineAsync("/abort", "555", "FI", "fault_filter_abort");
        Assert.Equal(["GET /delay server"], app.Requests);
    }

    [LabTheory]
    [InlineData(SameNodeMode.Direct)]
    [InlineData(SameNodeMode.Network)]
    public async Task What_policy_does_not_admit_is_answered_403(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (pod, []));
        HttpClient http = lab.Http(service);
        Assert.Equal("ok", await http.GetStringAsync("/before"));
        lab.Node.Configure(mesh => mesh.SetPolicy(new Model.Policies.AuthorizationPolicy("shop", "nobody")
        {
            Action = Model.Policies.PolicyAction.Allow,
            Scope = Model.Policies.PolicyScope.Namespace,
        }));
        using HttpResponseMessage denied = await http.GetAsync("/after");
        Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
        Assert.Equal("RBAC: access denied", await denied.Content.ReadAsStringAsync());
        Assert.Equal(["GET /before server"], app.Requests);
    }

    private static RouteMatch PathOf(string prefix) => new() { Path = PathMatch.Prefix(prefix) };

    private static ForwardAction To(HttpService service) =>
        new(new WeightedDestinations([new WeightedDestination(service.Service.Key, 80, "", 1)]));
}
