using System.Collections.Immutable;
using System.Net;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>Goal: a route's rule on scripts of other origins is what a browser is told. Method: what browsers send, by a client of .NET.</summary>
public sealed class CorsTests
{
    private const string AllowOrigin = "access-control-allow-origin";

    [LabTheory]
    [InlineData("https://exact.example")]
    [InlineData("https://begins.example")]
    [InlineData("https://a7.example")]
    public async Task A_preflight_of_an_allowed_origin_is_answered_by_the_proxy(string origin)
    {
        await using Scene scene = await Scene.StartAsync(Policy());
        using HttpResponseMessage answer = await scene.SendAsync(Preflight(origin));
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(origin, Value(answer, AllowOrigin));
        Assert.Equal("GET,PUT", Value(answer, "access-control-allow-methods"));
        Assert.Equal("x-one,x-two", Value(answer, "access-control-allow-headers"));
        Assert.Equal("600", Value(answer, "access-control-max-age"));
        Assert.Equal("true", Value(answer, "access-control-allow-credentials"));
        Assert.Equal(0, answer.Content.Headers.ContentLength);
        Assert.Empty(scene.App.Requests);
        await scene.Lab.Node.WaitForLineAsync("OPTIONS", "/cors", " 200 ", "cors_response");
    }

    [LabTheory]
    [InlineData("https://exact.example.evil")]
    [InlineData("https://other.example")]
    [InlineData("https://xa7.example")]
    [InlineData("null")]
    public async Task A_preflight_of_another_origin_goes_on_unless_the_rule_ends_it(string origin)
    {
        await using Scene scene = await Scene.StartAsync(Policy());
        using HttpResponseMessage passed = await scene.SendAsync(Preflight(origin));
        Assert.Equal(HttpStatusCode.Accepted, passed.StatusCode);
        Assert.Equal("the application's", Value(passed, AllowOrigin));
        Assert.Single(scene.App.Requests);

        scene.Apply(Policy(forwardsUnmatched: false));
        using HttpResponseMessage ended = await scene.SendAsync(Preflight(origin));
        Assert.Equal(HttpStatusCode.OK, ended.StatusCode);
        Assert.Null(Value(ended, AllowOrigin));
        Assert.Null(Value(ended, "access-control-allow-methods"));
        Assert.Single(scene.App.Requests);
    }

    [LabFact]
    public async Task What_the_application_says_of_origins_is_replaced_where_the_origin_is_allowed()
    {
        await using Scene scene = await Scene.StartAsync(Policy());
        using HttpResponseMessage allowed = await scene.SendAsync(From(HttpMethod.Get, "https://exact.example"));
        Assert.Equal(HttpStatusCode.Accepted, allowed.StatusCode);
        Assert.Equal("https://exact.example", Value(allowed, AllowOrigin));
        Assert.Equal("true", Value(allowed, "access-control-allow-credentials"));
        Assert.Equal("x-seen", Value(allowed, "access-control-expose-headers"));

        using HttpResponseMessage other = await scene.SendAsync(From(HttpMethod.Get, "https://other.example"));
        Assert.Equal("the application's", Value(other, AllowOrigin));
        using var without = new HttpRequestMessage(HttpMethod.Get, "/cors");
        using HttpResponseMessage same = await scene.SendAsync(without);
        Assert.Equal("the application's", Value(same, AllowOrigin));

        // Options alone are no preflight, and two origins are none.
        using HttpResponseMessage options = await scene.SendAsync(From(HttpMethod.Options, "https://exact.example"));
        Assert.Equal(HttpStatusCode.Accepted, options.StatusCode);
        using HttpRequestMessage twice = Preflight("https://exact.example");
        twice.Headers.TryAddWithoutValidation("Origin", "https://begins.example");
        using HttpResponseMessage ambiguous = await scene.SendAsync(twice);
        Assert.Equal(HttpStatusCode.Accepted, ambiguous.StatusCode);
    }

    [LabFact]
    public async Task A_star_allows_every_origin_and_with_credentials_what_was_asked_for()
    {
        var everything = new CorsPolicy([ValueMatch.Exact("*")], ["*"], ["*"], []) { AllowsCredentials = true };
        await using Scene scene = await Scene.StartAsync(everything);
        using HttpRequestMessage preflight = Preflight("https://any.example");
        preflight.Headers.Add("access-control-request-headers", "x-one, x-nine");
        using HttpResponseMessage answer = await scene.SendAsync(preflight);
        Assert.Equal("https://any.example", Value(answer, AllowOrigin));
        Assert.Equal("PUT", Value(answer, "access-control-allow-methods"));
        Assert.Equal("x-one, x-nine", Value(answer, "access-control-allow-headers"));
        Assert.Null(Value(answer, "access-control-max-age"));
    }

    private static CorsPolicy Policy(bool forwardsUnmatched = true)
    {
        Assert.True(RoutePattern.TryCompile("https://a[0-9]\\.example", out RoutePattern? pattern, out _));
        return new CorsPolicy(
            [ValueMatch.Exact("https://exact.example"), ValueMatch.Prefix("https://begins."), ValueMatch.Pattern(pattern)],
            ["GET", "PUT"],
            ["x-one", "x-two"],
            ["x-seen"])
        {
            MaxAge = TimeSpan.FromMinutes(10),
            AllowsCredentials = true,
            ForwardsUnmatchedPreflights = forwardsUnmatched,
        };
    }

    private static HttpRequestMessage From(HttpMethod method, string origin)
    {
        var request = new HttpRequestMessage(method, "/cors");
        request.Headers.TryAddWithoutValidation("Origin", origin);
        return request;
    }

    private static HttpRequestMessage Preflight(string origin)
    {
        HttpRequestMessage request = From(HttpMethod.Options, origin);
        request.Headers.Add("access-control-request-method", "PUT");
        return request;
    }

    private static string? Value(HttpResponseMessage answer, string name) =>
        answer.Headers.TryGetValues(name, out IEnumerable<string>? values) ? Assert.Single(values) : null;

    /// <summary>An application that speaks of origins itself, behind a route that does.</summary>
    private sealed class Scene(HttpLab lab, HttpApp app, HttpService service) : IAsyncDisposable
    {
        public HttpLab Lab => lab;

        public HttpApp App => app;

        public static async Task<Scene> StartAsync(CorsPolicy policy)
        {
            HttpLab lab = await HttpLab.StartAsync();
            LabPod pod = await lab.Node.AddPodAsync("server");
            HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context =>
            {
                context.Response.StatusCode = StatusCodes.Status202Accepted;
                context.Response.Headers[AllowOrigin] = "the application's";
                return context.Response.WriteAsync("ok");
            });
            var scene = new Scene(lab, app, lab.AddService("server", (pod, [])));
            scene.Apply(policy);
            return scene;
        }

        public void Apply(CorsPolicy policy)
        {
            ImmutableArray<WeightedDestination> all = [new WeightedDestination(service.Service.Key, 80, "", 1)];
            lab.Route(service, new Route("shop/cors", [], new ForwardAction(new WeightedDestinations(all))) { Cors = policy });
        }

        public Task<HttpResponseMessage> SendAsync(HttpRequestMessage request) => lab.Http(service).SendAsync(request);

        public async ValueTask DisposeAsync()
        {
            await app.DisposeAsync();
            await lab.DisposeAsync();
        }
    }
}
