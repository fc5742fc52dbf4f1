using System.Net;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Requests;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Http2;

/// <summary>
/// Goal: requests of clients that speak HTTP/2 are routed, judged and answered as those of HTTP/1 are, by an application that speaks HTTP/1.
/// Method: clients of .NET with prior knowledge, through the proxy to a server of .NET, on one node and across the network.
/// </summary>
public sealed class Http2ClientTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Messages_of_every_shape_come_whole_both_ways(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, AnswerAsync);
        HttpClient http = lab.Http2(lab.AddService("server", (pod, [])));
        byte[] large = new byte[2_000_000];
        Random.Shared.NextBytes(large);
        using (HttpResponseMessage echoed = await http.PostAsync("/echo?x=1", new ByteArrayContent(large)))
        {
            Assert.Equal(HttpVersion.Version20, echoed.Version);
            Assert.Equal(large, await echoed.Content.ReadAsByteArrayAsync());
        }

        using (HttpResponseMessage none = await http.GetAsync("/status/204"))
        {
            Assert.Equal(HttpStatusCode.NoContent, none.StatusCode);
            Assert.Empty(await none.Content.ReadAsByteArrayAsync());
        }

        using (HttpResponseMessage unchanged = await http.GetAsync("/status/304"))
        {
            Assert.Equal(HttpStatusCode.NotModified, unchanged.StatusCode);
        }

        using (HttpRequestMessage request = Request(HttpMethod.Head, "/echo"))
        using (HttpResponseMessage head = await http.SendAsync(request))
        {
            Assert.Equal(HttpStatusCode.OK, head.StatusCode);
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        }

        using (HttpRequestMessage expecting = Request(HttpMethod.Post, "/echo"))
        {
            expecting.Content = new ByteArrayContent(large);
            expecting.Headers.ExpectContinue = true;
            using HttpResponseMessage echoed = await http.SendAsync(expecting);
            Assert.Equal(large.Length, (await echoed.Content.ReadAsByteArrayAsync()).Length);
        }

        Assert.Contains("POST /echo?x=1 server", app.Requests);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Fields_arrive_as_HTTP1_writes_them(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        Task<string> app = AnswerOnceAsync(
            pod,
            "HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nX-End: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "6\r\nanswer\r\n0\r\nx-after: told\r\n\r\n");
        HttpClient http = lab.Http2(lab.AddService("server", (pod, [])));
        using HttpRequestMessage request = Request(HttpMethod.Get, "/path?q");
        request.Headers.Add("cookie", ["a=1", "b=2"]);
        request.Headers.TE.ParseAdd("trailers");
        using HttpResponseMessage answer = await http.SendAsync(request);
        Assert.Equal(HttpVersion.Version20, answer.Version);
        Assert.Equal("answer", await answer.Content.ReadAsStringAsync());
        Assert.Equal("told", answer.TrailingHeaders.GetValues("x-after").Single());
        Assert.Equal(["x-end", "x-envoy-upstream-service-time"], answer.Headers.Select(field => field.Key).Order());
        string[] lines = (await app).Split("\r\n");
        Assert.Equal("GET /path?q HTTP/1.1", lines[0]);
        Assert.Contains("host: server", lines);
        Assert.Equal("cookie: a=1; b=2", Assert.Single(lines, line => line.StartsWith("cookie:", StringComparison.Ordinal)));
        Assert.Contains("te: trailers", lines);
        Assert.Contains("connection: te", lines);
        Assert.DoesNotContain(lines, line => line.StartsWith(':') || line.StartsWith("content-length:", StringComparison.Ordinal));
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_on_one_connection_go_on_beside_one_that_waits_and_one_that_is_not_read(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        var release = new TaskCompletionSource();
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            if (context.Request.Path == "/waits")
            {
                await release.Task;
            }

            byte[] part = new byte[100_000];
            int parts = context.Request.Path == "/large" ? 100 : 1;
            for (int i = 0; i < parts; i++)
            {
                await context.Response.Body.WriteAsync(part);
            }
        });
        HttpClient http = lab.Http2(lab.AddService("server", (pod, [])));
        Task<byte[]> waits = http.GetByteArrayAsync("/waits");
        using HttpResponseMessage unread = await http.GetAsync("/large", HttpCompletionOption.ResponseHeadersRead);
        byte[][] others = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => http.GetByteArrayAsync($"/{i}")));
        Assert.All(others, other => Assert.Equal(100_000, other.Length));
        Assert.False(waits.IsCompleted);
        release.SetResult();
        Assert.Equal(100_000, (await waits).Length);
        Assert.Equal(10_000_000, (await unread.Content.ReadAsByteArrayAsync()).Length);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_WebSocket_of_HTTP2_is_one_of_HTTP1_to_the_application(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, EchoSocketAsync, configure: application => application.UseWebSockets());
        HttpService service = lab.AddService("server", (pod, []));
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, _) => new NetworkStream(await lab.ConnectAsync(service), ownsSocket: true),
        };
        using var invoker = new HttpMessageInvoker(handler);
        using var limit = new CancellationTokenSource(LabNode.Patience);
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        await socket.ConnectAsync(new Uri("ws://server/socket"), invoker, limit.Token);
        byte[] message = new byte[100_000];
        Random.Shared.NextBytes(message);
        await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, limit.Token);
        byte[] answer = new byte[message.Length];
        int bytes = 0;
        while (bytes < answer.Length)
        {
            bytes += (await socket.ReceiveAsync(answer.AsMemory(bytes), limit.Token)).Count;
        }

        Assert.Equal(message, answer);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, limit.Token);
        Assert.Equal(WebSocketState.Closed, socket.State);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_WebSocket_that_is_answered_as_a_request_is_not_taken_for_one_that_stands(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("a page"));
        HttpService service = lab.AddService("server", (pod, []));
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, _) => new NetworkStream(await lab.ConnectAsync(service), ownsSocket: true),
        };
        using var invoker = new HttpMessageInvoker(handler);
        using var limit = new CancellationTokenSource(LabNode.Patience);
        using var socket = new ClientWebSocket();
        socket.Options.HttpVersion = HttpVersion.Version20;
        socket.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        socket.Options.CollectHttpResponseDetails = true;
        await Assert.ThrowsAsync<WebSocketException>(() => socket.ConnectAsync(new Uri("ws://server/page"), invoker, limit.Token));
        Assert.Equal(HttpStatusCode.BadGateway, socket.HttpStatusCode);
        Assert.Single(app.Requests);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Each_request_is_judged_and_an_open_one_again_when_policy_changes(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        var begun = new TaskCompletionSource();
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            if (context.Request.Path == "/stays")
            {
                await context.Response.WriteAsync("begun");
                await context.Response.Body.FlushAsync();
                begun.SetResult();
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted);
            }
        });
        HttpClient http = lab.Http2(lab.AddService("server", (pod, [])));
        Deny(lab, "/secret");
        using (HttpResponseMessage denied = await http.GetAsync("/secret"))
        {
            Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
            Assert.Equal("RBAC: access denied", await denied.Content.ReadAsStringAsync());
        }

        using HttpResponseMessage stays = await http.GetAsync("/stays", HttpCompletionOption.ResponseHeadersRead);
        await begun.Task.WaitAsync(LabNode.Patience);
        Deny(lab, "/stays");
        await Assert.ThrowsAnyAsync<Exception>(() => stays.Content.ReadAsByteArrayAsync());

        // The connection goes on.
        using HttpResponseMessage allowed = await http.GetAsync("/secret");
        Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        Assert.DoesNotContain("GET /secret server", app.Requests.Take(1));
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Who_gives_up_ends_its_request_alone_and_an_upstream_that_breaks_resets_it(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        var aborted = new TaskCompletionSource();
        var begun = new TaskCompletionSource();
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, async context =>
        {
            switch (context.Request.Path)
            {
                case "/waits":
                    context.RequestAborted.Register(aborted.SetResult);
                    begun.SetResult();
                    await aborted.Task;
                    break;
                case "/breaks":
                    await context.Response.WriteAsync("part");
                    await context.Response.Body.FlushAsync();
                    context.Abort();
                    break;
            }
        });
        HttpClient http = lab.Http2(lab.AddService("server", (pod, [])));
        using (var giveUp = new CancellationTokenSource())
        {
            Task<HttpResponseMessage> waits = http.GetAsync("/waits", giveUp.Token);
            await begun.Task.WaitAsync(LabNode.Patience);
            await giveUp.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waits);
            await aborted.Task.WaitAsync(LabNode.Patience);
        }

        await Assert.ThrowsAsync<HttpRequestException>(() => http.GetStringAsync("/breaks"));
        using HttpResponseMessage fine = await http.GetAsync("/");
        Assert.Equal(HttpStatusCode.OK, fine.StatusCode);
    }

    [LabFact]
    public async Task An_answer_that_did_not_need_all_of_a_request_arrives_whole_and_the_connection_goes_on()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context =>
        {
            context.Response.StatusCode = 413;
            return context.Response.WriteAsync("too large");
        });
        HttpClient http = lab.Http2(lab.AddService("server", (pod, [])));
        for (int i = 0; i < 20; i++)
        {
            using HttpResponseMessage answer = await http.PostAsync("/", new ByteArrayContent(new byte[500_000]));
            Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
            Assert.Equal("too large", await answer.Content.ReadAsStringAsync());
        }
    }

    [LabTheory]
    [InlineData(SameNodeMode.Direct, PortProtocol.Http2)]
    [InlineData(SameNodeMode.Network, PortProtocol.Http2)]
    [InlineData(SameNodeMode.Direct, PortProtocol.Grpc)]
    [InlineData(SameNodeMode.Network, PortProtocol.Grpc)]
    public async Task Ports_that_speak_HTTP2_are_asked_so_and_each_request_is_judged(SameNodeMode mode, PortProtocol protocol)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod,
            HttpLab.AppPort,
            async context =>
            {
                context.Response.DeclareTrailer("x-after");
                await context.Request.Body.CopyToAsync(context.Response.Body);
                context.Response.AppendTrailer("x-after", context.Request.Protocol);
            },
            HttpProtocols.Http2);
        HttpClient http = lab.Http2(lab.AddService("server", protocol, (pod, [])));
        Deny(lab, "/secret");
        byte[] large = new byte[500_000];
        Random.Shared.NextBytes(large);
        using (HttpResponseMessage echoed = await http.PostAsync("/echo", new ByteArrayContent(large)))
        {
            Assert.Equal(large, await echoed.Content.ReadAsByteArrayAsync());
            Assert.Equal("HTTP/2", echoed.TrailingHeaders.GetValues("x-after").Single());
        }

        using HttpResponseMessage denied = await http.GetAsync("/secret");
        Assert.Equal(HttpStatusCode.Forbidden, denied.StatusCode);
    }

    private static HttpRequestMessage Request(HttpMethod method, string target) =>
        new(method, target) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

    /// <summary>Plays a server that answers one request; what it was asked.</summary>
    private static async Task<string> AnswerOnceAsync(LabPod pod, string answer)
    {
        using Socket listener = pod.Listen(HttpLab.AppPort);
        using var limit = new CancellationTokenSource(LabNode.Patience);
        var asked = new StringBuilder();
        byte[] part = new byte[16_384];
        using Socket connection = await listener.AcceptAsync(limit.Token);
        while (!asked.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            int bytes = await connection.ReceiveAsync(part, limit.Token);
            Assert.NotEqual(0, bytes);
            asked.Append(Encoding.Latin1.GetString(part, 0, bytes));
        }

        await connection.SendAsync(Encoding.Latin1.GetBytes(answer), limit.Token);
        return asked.ToString();
    }

    private static void Deny(HttpLab lab, string path) =>
        lab.Node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "denied")
        {
            Action = PolicyAction.Deny,
            Scope = PolicyScope.Namespace,
            Rules =
            [
                new AuthorizationRule([new AuthorizationClause(
                    [new AuthorizationMatch { Request = new RequestConditions { Paths = [TextMatch.Exact(path)] } }])]),
            ],
        }));

    private static async Task EchoSocketAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] part = new byte[16_384];
        while (true)
        {
            ValueWebSocketReceiveResult received = await socket.ReceiveAsync(part.AsMemory(), CancellationToken.None);
            if (received.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, CancellationToken.None);
                return;
            }

            await socket.SendAsync(
                part.AsMemory(0, received.Count), received.MessageType, received.EndOfMessage, CancellationToken.None);
        }
    }

    private static async Task AnswerAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        if (path.StartsWith("/status/", StringComparison.Ordinal))
        {
            context.Response.StatusCode = int.Parse(path.AsSpan(8), System.Globalization.CultureInfo.InvariantCulture);
        }
        else
        {
            await context.Request.Body.CopyToAsync(context.Response.Body);
        }
    }
}
