using System.Globalization;
using System.Net;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Explain;
using Mesh.Node.Proxy.Tests.Http;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Explain;

/// <summary>
/// Goal: what is explained is what happens. Method: random requests through random routes and policies, each explained and sent, and what
/// the client and the application saw compared with what was said.
/// </summary>
public sealed class RequestExplainerTests
{
    private const int Requests = 10_000;

    public static TheoryData<SameNodeMode, int> Worlds => new() { { SameNodeMode.Direct, 1 }, { SameNodeMode.Network, 2 } };

    [LabTheory]
    [MemberData(nameof(Worlds))]
    public async Task What_is_said_of_a_request_is_what_becomes_of_it(SameNodeMode mode, int seed)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod first = await lab.Node.AddPodAsync("v1");
        LabPod second = await lab.Node.AddPodAsync("v2");
        await using HttpApp one = await HttpApp.StartAsync(first, HttpLab.AppPort, context => AnswerAsync("v1", context));
        await using HttpApp two = await HttpApp.StartAsync(second, HttpLab.AppPort, context => AnswerAsync("v2", context));
        HttpService service = lab.AddService("server", (first, ["shop/server/v1"]), (second, ["shop/server/v2"]));
        var random = new Random(seed);
        lab.Route(
            service,
            [
                new TrafficSubset("v1", "shop/server/v1", PortPolicies.Default),
                new TrafficSubset("v2", "shop/server/v2", PortPolicies.Default),
                new TrafficSubset("v3", "shop/server/v3", PortPolicies.Default),
            ],
            [.. Enumerable.Range(0, 24).Select(index => RandomRoute(random, service, index))]);
        lab.Node.Configure(mesh =>
        {
            mesh.SetPolicy(RandomPolicy(random, "deny", PolicyAction.Deny));
            mesh.SetPolicy(RandomPolicy(random, "allow", PolicyAction.Allow));
        });
        HttpClient http = lab.Http(service);
        var kinds = new HashSet<string>();
        for (int i = 0; i < Requests / Worlds.Count; i++)
        {
            ExplainQuestion question = RandomQuestion(random);
            Explanation said = lab.Node.Proxy.Explainer.Explain(question);
            kinds.Add(await CompareAsync(http, said));
        }

        // Every kind of decision was among them.
        Assert.Superset(new HashSet<string> { "404", "308", "418", "v1", "v2", "denied" }, kinds);
    }

    [LabFact]
    public async Task A_question_that_cannot_be_answered_is_told_what_of_it_is_wrong()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        lab.AddService("server", (pod, []));
        var good = new ExplainQuestion { From = "shop/client", Host = "server", Port = 80, Authority = "server" };
        Assert.Equal("shop", lab.Node.Proxy.Explainer.Explain(good).Service!.Namespace);
        Assert.Contains("shop/nobody", Refusal(good with { From = "shop/nobody" }), StringComparison.Ordinal);
        Assert.Contains("'elsewhere'", Refusal(good with { Host = "elsewhere" }), StringComparison.Ordinal);
        Assert.Contains("10.1.2.3", Refusal(good with { Host = "10.1.2.3" }), StringComparison.Ordinal);
        Assert.Contains("target", Refusal(good with { Path = "no slash" }), StringComparison.OrdinalIgnoreCase);
        Assert.Contains("header", Refusal(good with { Headers = [KeyValuePair.Create("x", "1\r\ny: 2")] }), StringComparison.Ordinal);

        string Refusal(ExplainQuestion question) =>
            Assert.Throws<FormatException>(() => lab.Node.Proxy.Explainer.Explain(question)).Message;
    }

    /// <summary>Sends what was explained; the kind of what became of it.</summary>
    private static async Task<string> CompareAsync(HttpClient http, Explanation said)
    {
        ExplainQuestion question = said.Question;
        using var request = new HttpRequestMessage(
            new HttpMethod(question.Method),
            new Uri(
                $"http://{question.Authority}{question.Path}",
                new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        foreach ((string name, string value) in question.Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using HttpResponseMessage answered = await http.SendAsync(request);
        string content = await answered.Content.ReadAsStringAsync();
        string what = $"{question.Method} {question.Authority}{question.Path} {string.Join(", ", question.Headers)}";
        if (said.Answer is ExplainedAnswer answer)
        {
            Assert.True(answer.Status == (int)answered.StatusCode, $"{what}: {answer}, and it was {answered.StatusCode} {content}");
            return answer.Status.ToString(CultureInfo.InvariantCulture);
        }

        // All endpoints of the service have the same policies.
        ExplainedDestination[] possible = [.. said.Destinations.Where(destination => destination.Share > 0)];
        PolicyDecision decision = possible[0].Endpoints[0].Decision!.Value;
        if (!decision.IsAllowed)
        {
            Assert.True(answered.StatusCode == HttpStatusCode.Forbidden, $"{what}: {decision}, and it was {answered.StatusCode} {content}");
            return "denied";
        }

        Assert.True(answered.StatusCode == HttpStatusCode.OK, $"{what}: {said.Route?.Name}, and it was {answered.StatusCode} {content}");
        string version = content.Split(' ')[0];
        SentRequest sent = possible[0].Sent;
        Assert.Contains(version, possible.SelectMany(destination => destination.Endpoints).Select(endpoint => endpoint.Workload.Name));
        Assert.True(
            content == $"{version} {sent.Method} {sent.Authority} {sent.Path} {Field(sent, "x-route")}",
            $"{what}: {sent}, and it was {content}");
        return version;
    }

    private static string Field(SentRequest sent, string name) =>
        sent.Headers.FirstOrDefault(field => field.StartsWith($"{name}: ", StringComparison.Ordinal))?[(name.Length + 2)..] ?? "";

    private static Task AnswerAsync(string version, HttpContext context)
    {
        string target = context.Features.Get<Microsoft.AspNetCore.Http.Features.IHttpRequestFeature>()!.RawTarget;
        return context.Response.WriteAsync(
            $"{version} {context.Request.Method} {context.Request.Host} {target} {context.Request.Headers["x-route"]}");
    }

    private static ExplainQuestion RandomQuestion(Random random)
    {
        var headers = new List<KeyValuePair<string, string>>();
        for (int i = random.Next(3); i > 0; i--)
        {
            headers.Add(KeyValuePair.Create(One(random, "x-user", "x-beta"), One(random, "jason", "ann", "1")));
        }

        return new ExplainQuestion
        {
            From = "shop/client",
            Host = "server",
            Port = 80,
            Method = One(random, "GET", "GET", "PUT", "DELETE"),
            Path = $"{RandomPath(random)}{One(random, "", "", "?a=1", "?a=2&b", "?%61=1")}",
            Authority = One(random, "server", "other.shop", "server.shop.svc.cluster.local"),
            Headers = headers,
        };
    }

    private static string RandomPath(Random random) => string.Concat(
        Enumerable.Range(0, 1 + random.Next(4)).Select(_ => One(random, "/a", "/b", "/ab", "/%61", "/a%2Fb", "/.", "/..", "//", "/A")));

    private static Route RandomRoute(Random random, HttpService service, int index)
    {
        RouteMatch[] matches = [.. Enumerable.Range(0, 1 + random.Next(2)).Select(_ => RandomMatch(random))];
        string name = string.Create(CultureInfo.InvariantCulture, $"shop/route-{index}");
        RouteAction action = random.Next(8) switch
        {
            0 => new RedirectAction { Status = 308, Host = "elsewhere" },
            1 => new DirectResponseAction(418, [.. "tea"u8]),
            2 => new ForwardAction(Destinations(service, ("v3", 60), ("v2", 40))) { Rewrite = PathRewrite.MatchedPart("/new/") },
            3 => new ForwardAction(Destinations(service, ("v1", 1))) { Authority = "rewritten.shop" },
            4 => new ForwardAction(Destinations(service, ("v2", 1))) { Rewrite = PathRewrite.Whole("/whole") },
            _ => new ForwardAction(Destinations(service, ("v1", 90), ("v2", 10))),
        };
        return new Route(name, [.. matches], action)
        {
            RequestHeaders = new HeaderOperations([new HeaderName("x-beta")], [new HeaderField("x-route", name)], []),
        };
    }

    private static RouteMatch RandomMatch(Random random) => new()
    {
        Path = random.Next(4) switch
        {
            0 => PathMatch.Exact(One(random, "/a", "/b", "/ab/a")),
            1 => PathMatch.Prefix(One(random, "/a", "/b/", "/ab")),
            2 => PathMatch.Segments(One(random, "/a", "/b", "/a/b")),
            _ => null,
        },
        Method = random.Next(3) == 0 ? ValueMatch.Exact(One(random, "GET", "PUT")) : null,
        Authority = random.Next(4) == 0 ? ValueMatch.Exact("other.shop") : null,
        Headers = random.Next(2) == 0
            ? [new HeaderMatch(One(random, "x-user", "x-beta"), ValueMatch.Exact(One(random, "jason", "ann")), random.Next(3) == 0)]
            : [],
        Query = random.Next(4) == 0 ? [new QueryMatch("a", ValueMatch.Exact("1"))] : [new QueryMatch("b", ValueMatch.Present)],
    };

    private static AuthorizationPolicy RandomPolicy(Random random, string name, PolicyAction action) => new("shop", name)
    {
        Action = action,
        Scope = PolicyScope.Namespace,
        Rules =
        [
            new AuthorizationRule(
            [
                new AuthorizationClause(
                [
                    new AuthorizationMatch
                    {
                        Request = action == PolicyAction.Deny
                            ? new RequestConditions { Paths = [TextMatch.Prefix(One(random, "/a/b", "/b/a"))] }
                            : new RequestConditions { Methods = [TextMatch.Exact("GET"), TextMatch.Exact("PUT")] },
                    },
                ]),
            ]),
        ],
    };

    private static WeightedDestinations Destinations(HttpService service, params (string Subset, uint Weight)[] destinations) =>
        new([.. destinations.Select(each => new WeightedDestination(service.Service.Key, 80, each.Subset, each.Weight))]);

    private static string One(Random random, params string[] of) => of[random.Next(of.Length)];
}
