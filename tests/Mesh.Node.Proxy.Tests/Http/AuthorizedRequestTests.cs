using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Api.Authorization;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Authorizers;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;
using Authorizer = Mesh.Node.Model.Policies.Authorizers.Authorizer;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: what a CUSTOM rule matches is decided by the service it names, once a request, where the application is, and nothing passes that
/// was not asked about. Method: authorizers on a server the proxy's author did not write, over HTTP and over gRPC.
/// </summary>
public sealed class AuthorizedRequestTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task An_authorizer_decides_about_what_the_rule_matches_and_nothing_else(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync(
            $"<{context.Request.Headers["x-user"]}|{context.Request.Headers["x-secret"]}>"));
        LabPod ask = await lab.Node.AddPodAsync("ask");
        await using HttpApp authorizer = await HttpApp.StartAsync(ask, HttpLab.AppPort, AnswerAsync);
        HttpService service = lab.AddService("server", (pod, []));
        HttpService asked = lab.AddService("ask", (ask, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Custom(Http(asked) with
        {
            PathPrefix = "/check",
            RequestFields = new FieldNames([TextMatch.Prefix("x-")]),
            AddedFields = [new HeaderField("x-from", "mesh")],
            UpstreamFields = new FieldNames([TextMatch.Exact("x-user")]),
            AllowedAnswerFields = new FieldNames([TextMatch.Exact("x-told")]),
            DeniedAnswerFields = new FieldNames([TextMatch.Exact("x-why")]),
        })));
        HttpClient http = lab.Http(service);

        Assert.Equal("<|>", await http.GetStringAsync("/open"));
        Assert.Empty(authorizer.Requests);

        using (HttpResponseMessage allowed = await SendAsync(http, "/guarded/1?q=1", ("x-token", "good"), ("x-user", "forged")))
        {
            Assert.Equal("<alice|>", await allowed.Content.ReadAsStringAsync());
            Assert.Equal("yes", Assert.Single(allowed.Headers.GetValues("x-told")));
        }

        using (HttpResponseMessage denied = await SendAsync(http, "/guarded/2", ("x-token", "bad")))
        {
            Assert.Equal(HttpStatusCode.Unauthorized, denied.StatusCode);
            Assert.Equal("no token of yours", await denied.Content.ReadAsStringAsync());
            Assert.Equal(("because", false), (Assert.Single(denied.Headers.GetValues("x-why")), denied.Headers.Contains("x-hidden")));
        }

        await lab.Node.WaitForLineAsync("/guarded/2", "401", "UAEX", "ext_authz_denied");
        Assert.Equal(["GET /check/guarded/1?q=1 server", "GET /check/guarded/2 server"], authorizer.Requests);
        Assert.Equal(2, app.Requests.Count);
        Assert.Equal((1L, 1L), (Checks(lab, CheckResult.Allowed), Checks(lab, CheckResult.Denied)));

        static Task AnswerAsync(HttpContext context)
        {
            HttpResponse answer = context.Response;
            if (context.Request.Headers["x-token"] == "good" && context.Request.Headers["x-from"] == "mesh")
            {
                answer.Headers["x-user"] = "alice";
                answer.Headers["x-secret"] = "not for the application";
                answer.Headers["x-told"] = "yes";
                return Task.CompletedTask;
            }

            answer.StatusCode = 401;
            answer.Headers["x-why"] = "because";
            answer.Headers["x-hidden"] = "1";
            return answer.WriteAsync("no token of yours");
        }
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task An_authorizer_over_gRPC_is_told_who_asks_for_what_and_changes_what_the_application_reads(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync(
                $"{context.Request.Headers["x-user"]}|{context.Request.Headers["x-gone"]}|{await reader.ReadToEndAsync()}");
        });
        CheckRequest? seen = null;
        LabPod ask = await lab.Node.AddPodAsync("ask");
        await using HttpApp authorizer = await HttpApp.StartAsync(
            ask,
            HttpLab.AppPort,
            context => GrpcAuthorizer.AnswerAsync(context, asked =>
            {
                seen = asked;
                return asked.Attributes.Request.Http.Path == "/guarded/no"
                    ? new CheckResponse
                    {
                        Status = new Api.Rpc.Status { Code = 7 },
                        DeniedResponse = new DeniedHttpResponse
                        {
                            Status = new HttpStatus { Code = 418 },
                            Headers = { Option("x-why", "because"), Option("content-length", "7"), Option("x-split", "a\r\nb: c") },
                            Body = "not today",
                        },
                    }
                    : new CheckResponse
                    {
                        OkResponse = new OkHttpResponse
                        {
                            Headers = { Option("x-user", "alice") },
                            HeadersToRemove = { "x-gone" },
                            ResponseHeadersToAdd = { Option("x-told", "yes") },
                        },
                    };
            }),
            HttpProtocols.Http2);
        HttpService service = lab.AddService("server", (pod, []));
        HttpService asked = lab.AddService("ask", PortProtocol.Grpc, (ask, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Custom(Http(asked) with
        {
            Protocol = AuthorizerProtocol.Grpc,
            Content = new CheckedContent(4, MayBePartial: true, IsRaw: false),
        })));
        HttpClient http = lab.Http(service);
        using (var request = new HttpRequestMessage(HttpMethod.Post, "/guarded/yes?q=1") { Content = new StringContent("content") })
        {
            request.Headers.Add("x-gone", "1");
            using HttpResponseMessage allowed = await http.SendAsync(request);
            Assert.Equal("alice||content", await allowed.Content.ReadAsStringAsync());
            Assert.Equal("yes", Assert.Single(allowed.Headers.GetValues("x-told")));
        }

        AttributeContext attributes = seen!.Attributes;
        Assert.Equal(
            ("spiffe://cluster.local/ns/shop/sa/client", "spiffe://cluster.local/ns/shop/sa/server"),
            (attributes.Source.Principal, attributes.Destination.Principal));
        Assert.Equal((uint)HttpLab.AppPort, attributes.Destination.Address.SocketAddress.PortValue);
        AttributeContext.Types.HttpRequest told = attributes.Request.Http;
        Assert.Equal(("POST", "/guarded/yes?q=1", "server", 7), (told.Method, told.Path, told.Host, told.Size));
        Assert.Equal(("cont", "true"), (told.Body, told.Headers["x-envoy-auth-partial-body"]));

        using HttpResponseMessage denied = await http.GetAsync("/guarded/no");
        Assert.Equal(418, (int)denied.StatusCode);
        Assert.Equal("not today", await denied.Content.ReadAsStringAsync());
        Assert.Equal(("because", false), (Assert.Single(denied.Headers.GetValues("x-why")), denied.Headers.Contains("x-split")));
        Assert.Single(app.Requests);

        static HeaderValueOption Option(string name, string value) => new() { Header = new HeaderValue { Key = name, Value = value } };
    }

    [LabTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_does_not_answer_for_a_request_lets_it_pass_only_where_that_is_said(bool failsOpen)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        LabPod ask = await lab.Node.AddPodAsync("ask");
        await using HttpApp authorizer = await HttpApp.StartAsync(
            ask,
            HttpLab.AppPort,
            async context =>
            {
                if (context.Request.Path == "/guarded/late")
                {
                    var given = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    context.RequestAborted.Register(() => given.TrySetResult());
                    await given.Task;
                    return;
                }

                context.Response.StatusCode = 500;
            });
        HttpService service = lab.AddService("server", (pod, []));
        HttpService asked = lab.AddService("ask", (ask, []));
        HttpClient http = lab.Http(service);
        Authorizer broken = Http(asked) with { FailsOpen = failsOpen, StatusOnFailure = 599, Timeout = TimeSpan.FromSeconds(1) };
        foreach (Authorizer failing in (Authorizer[])
            [broken, broken with { ServiceKey = "shop/nobody.shop.svc.cluster.local" }, broken with { Port = 81 }])
        {
            lab.Node.Configure(mesh => mesh.SetPolicy(Custom(failing)));
            foreach (string path in (string[])["/guarded/late", "/guarded/broken"])
            {
                using HttpResponseMessage answered = await http.GetAsync(path);
                Assert.Equal(failsOpen ? 200 : 599, (int)answered.StatusCode);
            }
        }

        Assert.Equal(failsOpen ? 6 : 0, app.Requests.Count);
        Assert.Equal(6, Checks(lab, failsOpen ? CheckResult.FailedOpen : CheckResult.Failed));
        if (!failsOpen)
        {
            await lab.Node.WaitForLineAsync("/guarded/late", "599", "UAEX", "ext_authz_error");
        }
    }

    [LabFact]
    public async Task A_policy_whose_authorizer_is_not_known_denies_what_it_matches()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Custom(null)));
        HttpClient http = lab.Http(service);
        Assert.Equal("ok", await http.GetStringAsync("/open"));
        using HttpResponseMessage denied = await http.GetAsync("/guarded");
        Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
        Assert.Equal("RBAC: access denied", await denied.Content.ReadAsStringAsync());
    }

    [LabFact]
    public async Task An_authorizer_comes_before_denials_and_cannot_allow_what_they_deny()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        LabPod ask = await lab.Node.AddPodAsync("ask");
        await using HttpApp authorizer = await HttpApp.StartAsync(
            ask, HttpLab.AppPort, context => Task.CompletedTask);
        HttpService service = lab.AddService("server", (pod, []));
        HttpService asked = lab.AddService("ask", (ask, []));
        lab.Node.Configure(mesh =>
        {
            mesh.SetPolicy(Custom(Http(asked)));
            mesh.SetPolicy(Policy("never", PolicyAction.Deny, "/guarded/never"));
        });
        HttpClient http = lab.Http(service);
        Assert.Equal("ok", await http.GetStringAsync("/guarded/1"));
        using HttpResponseMessage denied = await http.GetAsync("/guarded/never");
        Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
        Assert.Equal(2, authorizer.Requests.Count);
        Assert.Single(app.Requests);

        // Bytes that are not read cannot be asked about.
        try
        {
            using Socket bytes = await lab.Client.ConnectAsync(pod.Address, HttpLab.AppPort);
            await bytes.SendAsync("SSH-2.0-x\r\n"u8.ToArray());
            await HttpLab.ReadToEndAsync(bytes);
        }
        catch (SocketException)
        {
            // Denied before it could say anything.
        }

        await lab.Node.WaitForLineAsync("PolicyDenied", "denied by shop/ask[0]");
    }

    [LabFact]
    public async Task Content_that_may_not_be_told_in_part_is_refused_when_it_is_too_large()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            using var reader = new StreamReader(context.Request.Body);
            await context.Response.WriteAsync((await reader.ReadToEndAsync()).Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
        });
        string? told = null;
        LabPod ask = await lab.Node.AddPodAsync("ask");
        await using HttpApp authorizer = await HttpApp.StartAsync(
            ask,
            HttpLab.AppPort,
            async context =>
            {
                using var reader = new StreamReader(context.Request.Body);
                told = await reader.ReadToEndAsync();
            });
        HttpService service = lab.AddService("server", (pod, []));
        HttpService asked = lab.AddService("ask", (ask, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(
            Custom(Http(asked) with { Content = new CheckedContent(100_000, MayBePartial: false, IsRaw: false) })));
        HttpClient http = lab.Http(service);
        using (var chunked = new HttpRequestMessage(HttpMethod.Post, "/guarded/1") { Content = new StringContent(new string('x', 100_000)) })
        {
            chunked.Headers.TransferEncodingChunked = true;
            chunked.Headers.ExpectContinue = true;
            using HttpResponseMessage allowed = await http.SendAsync(chunked);
            Assert.Equal("100000", await allowed.Content.ReadAsStringAsync());
            Assert.Equal(new string('x', 100_000), told);
        }

        foreach (bool isChunked in (bool[])[false, true])
        {
            using var large = new HttpRequestMessage(HttpMethod.Post, "/guarded/2") { Content = new StringContent(new string('x', 100_001)) };
            large.Headers.TransferEncodingChunked = isChunked;
            using HttpResponseMessage refused = await http.SendAsync(large);
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, refused.StatusCode);
        }

        await lab.Node.WaitForLineAsync("/guarded/2", "413", "request_payload_too_large");
        Assert.Single(app.Requests);
        Assert.Single(authorizer.Requests);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_client_that_leaves_while_an_authorizer_thinks_takes_its_question_with_it(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("ok"));
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        LabPod ask = await lab.Node.AddPodAsync("ask");
        await using HttpApp authorizer = await HttpApp.StartAsync(
            ask,
            HttpLab.AppPort,
            async context =>
            {
                context.RequestAborted.Register(() => gone.TrySetResult());
                begun.TrySetResult();
                await gone.Task;
            });
        HttpService service = lab.AddService("server", (pod, []));
        HttpService asked = lab.AddService("ask", (ask, []));
        lab.Node.Configure(mesh => mesh.SetPolicy(Custom(Http(asked))));
        using (Socket client = await lab.ConnectAsync(service))
        {
            await client.SendAsync(Encoding.ASCII.GetBytes("GET /guarded/1 HTTP/1.1\r\nHost: s\r\n\r\n"));
            await begun.Task.WaitAsync(LabNode.Patience);

            // One that only says that it asks nothing more may still wait for its answer.
            client.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        await gone.Task.WaitAsync(LabNode.Patience);
        Assert.Empty(app.Requests);
    }

    private static long Checks(HttpLab lab, CheckResult result) => lab.Node.ChecksTotal(result);

    private static async Task<HttpResponseMessage> SendAsync(HttpClient http, string path, params (string Name, string Value)[] fields)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        foreach ((string name, string value) in fields)
        {
            request.Headers.Add(name, value);
        }

        return await http.SendAsync(request);
    }

    private static Authorizer Http(HttpService service) => new()
    {
        Name = "asker",
        ServiceKey = service.Service.Key,
        Port = 80,
        Protocol = AuthorizerProtocol.Http,
        Timeout = LabNode.Patience,
    };

    private static AuthorizationPolicy Custom(Authorizer? authorizer) =>
        Policy("ask", PolicyAction.Custom, "/guarded") with { Provider = "asker", Authorizer = authorizer };

    private static AuthorizationPolicy Policy(string name, PolicyAction action, string path) => new("shop", name)
    {
        Scope = PolicyScope.Namespace,
        Action = action,
        Rules =
        [
            new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch
            {
                Principals = [TextMatch.Suffix("/sa/client")],
                Request = new RequestConditions { Paths = [TextMatch.Prefix(path)] },
            }])]),
        ],
    };
}
