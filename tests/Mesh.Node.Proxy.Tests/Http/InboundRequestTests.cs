using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: an application gets the requests its policies admit, as they were judged, and learns from the proxy alone who asks. Method: a
/// client that says anything, on the same node and over the network.
/// </summary>
public sealed class InboundRequestTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Each_request_of_a_connection_is_judged_for_itself_in_the_form_the_application_sees(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Allow("readers", new RequestConditions
        {
            Methods = [TextMatch.Exact("GET")],
            Paths = [TextMatch.Prefix("/public")],
        })));
        HttpClient http = lab.Http(service);
        Assert.Equal("ok", await http.GetStringAsync("/public/1"));
        using (HttpResponseMessage posted = await http.PostAsync("/public/2", new StringContent("content")))
        {
            Assert.Equal(HttpStatusCode.Forbidden, posted.StatusCode);
            Assert.Equal("RBAC: access denied", await posted.Content.ReadAsStringAsync());
        }

        Assert.Equal("ok", await http.GetStringAsync("/public/3"));
        foreach (string escape in (string[])["/public/../secret", "/public/%2e%2e/secret", "/public\\..\\secret", "/secret"])
        {
            using Socket connection = await lab.ConnectAsync(service);
            await connection.SendAsync(Encoding.ASCII.GetBytes($"GET {escape} HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n"));
            string answer = await HttpLab.ReadToEndAsync(connection);
            Assert.True(answer.StartsWith("HTTP/1.1 403 ", StringComparison.Ordinal) || answer.StartsWith("HTTP/1.1 400 ", StringComparison.Ordinal), answer);
        }

        Assert.Equal(["GET /public/1 server", "GET /public/3 server"], app.Requests);
        await lab.Node.WaitForLineAsync("POST", "/public/2", "403", "rbac_access_denied_matched_policy[none]");
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_change_of_policy_ends_a_request_that_is_under_way(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            if (context.Request.Path == "/short")
            {
                await context.Response.WriteAsync("ok");
                return;
            }

            context.RequestAborted.Register(() => gone.TrySetResult());
            await context.Response.WriteAsync("begun");
            await context.Response.Body.FlushAsync();
            await gone.Task;
        });
        HttpService service = lab.AddService("server", (pod, []));
        using Socket connection = await lab.ConnectAsync(service);
        await connection.SendAsync("GET /long HTTP/1.1\r\nHost: s\r\n\r\n"u8.ToArray());
        for (string answer = ""; !answer.Contains("begun", StringComparison.Ordinal);)
        {
            answer += await LabPod.ReadAsync(connection, 1);
        }

        // What is kept of connections is let go when a service changes; what is under way on them is judged all the same.
        lab.Node.Configure(mesh => mesh.SetService(service.Service with { SubjectAltNames = [pod.Workload.Identity] }));
        lab.Node.Configure(mesh => mesh.SetPolicy(Allow("short", new RequestConditions { Paths = [TextMatch.Exact("/short")] })));
        Assert.EndsWith("<reset>", await HttpLab.ReadToEndAsync(connection), StringComparison.Ordinal);
        await gone.Task.WaitAsync(LabNode.Patience);
        Assert.Equal("ok", await lab.Http(service).GetStringAsync("/short"));
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task An_application_learns_from_the_proxy_alone_who_asks(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, context => context.Response.WriteAsync(string.Join('|', context.Request.Headers["x-forwarded-client-cert"]!)));
        HttpService service = lab.AddService("server", (pod, []));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Add("x-forwarded-client-cert", "URI=spiffe://cluster.local/ns/shop/sa/admin");
        using HttpResponseMessage answered = await lab.Http(service).SendAsync(request);
        Assert.Equal(
            "By=spiffe://cluster.local/ns/shop/sa/server;URI=spiffe://cluster.local/ns/shop/sa/client",
            await answered.Content.ReadAsStringAsync());
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_path_that_a_route_has_rewritten_is_judged_as_the_application_will_read_it(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Route(service, new Route(
            "shop/rewrite",
            [new RouteMatch { Path = PathMatch.Prefix("/old") }],
            new ForwardAction(new WeightedDestinations([new WeightedDestination(service.Service.Key, 80, "", 1)]))
            {
                Rewrite = PathRewrite.MatchedPart("/new/"),
            }));
        lab.Node.Configure(mesh => mesh.SetPolicy(Deny("secret", new RequestConditions { Paths = [TextMatch.Exact("/secret")] })));
        HttpClient http = lab.Http(service);
        Assert.Equal("ok", await http.GetStringAsync("/old/open"));

        // What is left of the match and what takes its place make dots that neither had.
        using HttpResponseMessage answered = await http.GetAsync("/old../secret");
        Assert.Equal(HttpStatusCode.Forbidden, answered.StatusCode);
        Assert.Single(app.Requests);
    }

    [LabFact]
    public async Task A_client_without_an_identity_is_nobody_whatever_it_says()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync(
            $"<{context.Request.Headers["x-forwarded-client-cert"]}{context.Request.Headers["x-envoy-retry-on"]}>"));
        lab.AddService("server", (pod, []));
        const string Request =
            "GET /open HTTP/1.1\r\nHost: s\r\nX-Forwarded-Client-Cert: URI=spiffe://cluster.local/ns/shop/sa/admin\r\nX-Envoy-Retry-On: 5xx\r\nConnection: close\r\n\r\n";
        Assert.Contains("<>", await AskPlainlyAsync(lab, pod, Request), StringComparison.Ordinal);

        lab.Node.Configure(mesh => mesh.SetPolicy(Allow("open", new RequestConditions { Paths = [TextMatch.Exact("/open")] })));
        Assert.StartsWith("HTTP/1.1 200 ", await AskPlainlyAsync(lab, pod, Request), StringComparison.Ordinal);
        string denied = await AskPlainlyAsync(lab, pod, Request.Replace("/open", "/closed", StringComparison.Ordinal));
        Assert.StartsWith("HTTP/1.1 403 ", denied, StringComparison.Ordinal);
        await lab.Node.WaitForLineAsync("path=InboundPlaintext", "close_reason=Completed");

        lab.Node.BeStrict();
        Assert.Equal("<reset>", await AskPlainlyAsync(lab, pod, Request));
        await lab.Node.WaitForLineAsync("path=InboundPlaintext", "close_reason=PolicyDenied");
    }

    [LabFact]
    public async Task A_client_none_of_whose_requests_could_be_admitted_is_refused_before_it_says_anything()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        lab.AddService("server", (pod, []));
        lab.Node.BeStrict();
        Assert.Equal("<reset>", await AskPlainlyAsync(lab, pod, ""));
        await lab.Node.WaitForLineAsync("path=InboundPlaintext", "close_reason=PolicyDenied");
    }

    [LabTheory]
    [InlineData(HttpProtocols.Http1)]
    [InlineData(HttpProtocols.Http2)]
    public async Task An_application_is_spoken_to_as_its_client_speaks_whatever_its_port_declares(HttpProtocols protocol)
    {
        await using HttpLab lab = await HttpLab.StartAsync(SameNodeMode.Network);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, context => context.Response.WriteAsync(context.Request.Protocol), protocol);
        bool isHttp2 = protocol == HttpProtocols.Http2;
        HttpService service = lab.AddService("server", isHttp2 ? PortProtocol.Http : PortProtocol.Http2, (pod, []));
        lab.Carry(service, new ConnectionLimits { UsesClientProtocol = true });
        HttpClient http = isHttp2 ? lab.Http2(service) : lab.Http(service);
        Assert.Equal(isHttp2 ? "HTTP/2" : "HTTP/1.1", await http.GetStringAsync("/"));
    }

    [LabFact]
    public async Task Clients_that_say_nothing_count_as_waiting()
    {
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { PodPendingConnectsMax = 1 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (pod, []));
        using Socket silent = await lab.ConnectAsync(service);
        await Eventually.TrueAsync(() => lab.Node.OpenedTotal(ConnectionPath.Outbound) == 1, LabNode.Patience);
        Assert.Equal("<reset>", await AskAsync(() => lab.ConnectAsync(service), ""));
        await lab.Node.WaitForLineAsync("path=Outbound", "close_reason=PendingConnectLimit");

        await silent.SendAsync("GET / HTTP/1.1\r\nHost: s\r\n\r\n"u8.ToArray());
        for (string answer = ""; !answer.Contains("ok", StringComparison.Ordinal);)
        {
            answer += await LabPod.ReadAsync(silent, 1);
        }

        Assert.Equal("ok", await lab.Http(service).GetStringAsync("/"));
    }

    private static Task<string> AskPlainlyAsync(HttpLab lab, LabPod pod, string request) =>
        AskAsync(() => LabPod.ConnectAsync(lab.Node.Host.Network, pod.Address, HttpLab.AppPort), request);

    private static async Task<string> AskAsync(Func<Task<Socket>> connect, string request)
    {
        try
        {
            using Socket connection = await connect();
            await connection.SendAsync(Encoding.ASCII.GetBytes(request));
            return await HttpLab.ReadToEndAsync(connection);
        }
        catch (SocketException)
        {
            // Reset before all was said, or before the connect was seen to have succeeded.
            return "<reset>";
        }
    }

    private static AuthorizationPolicy Deny(string name, RequestConditions conditions) =>
        Allow(name, conditions) with { Action = PolicyAction.Deny };

    private static AuthorizationPolicy Allow(string name, RequestConditions conditions) => new("shop", name)
    {
        Action = PolicyAction.Allow,
        Scope = PolicyScope.Namespace,
        Rules = [new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch { Request = conditions }])])],
    };
}
