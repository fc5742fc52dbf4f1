using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: requests of clients that speak HTTP/1.1 reach an application that speaks HTTP/2 whole, and what befalls one of them befalls no
/// other. Method: a destination rule that asks for HTTP/2, a server of .NET, and servers that do what few do.
/// </summary>
public sealed class Http2UpstreamTests
{
    private static readonly ConnectionLimits s_upgrade = new() { Http2Upgrade = Http2Upgrade.Always };

    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_of_many_clients_share_a_connection(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        var all = new CountdownEvent(40);
        await using HttpApp app = await HttpApp.StartAsync(
            pod,
            HttpLab.AppPort,
            async context =>
            {
                // None is answered before all are there.
                all.Signal();
                while (!all.IsSet)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
                }

                await context.Response.WriteAsync($"{context.Request.Protocol} {context.Connection.Id} {context.Request.Host}");
            },
            HttpProtocols.Http2);
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        using HttpClient http = lab.Http(service);
        string[] answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => http.GetStringAsync("/")));
        Assert.All(answers, answer => Assert.StartsWith("HTTP/2 ", answer, StringComparison.Ordinal));
        Assert.All(answers, answer => Assert.EndsWith(" server", answer, StringComparison.Ordinal));

        // One for each loop at most.
        Assert.InRange(answers.Distinct().Count(), 1, lab.Node.Loops.Count);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Content_and_trailers_pass_both_ways(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod,
            HttpLab.AppPort,
            async context =>
            {
                context.Response.DeclareTrailer("x-end");
                await context.Request.Body.CopyToAsync(context.Response.Body, context.RequestAborted);
                string? trailer = context.Request.CheckTrailersAvailable() ? context.Request.GetTrailer("x-sum") : "none";
                context.Response.AppendTrailer("x-end", $"{trailer}/{context.Request.ContentLength}");
            },
            HttpProtocols.Http2);
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        using Socket connection = await lab.ConnectAsync(service);
        string answer = await AskAsync(
            connection,
            "POST / HTTP/1.1\r\nHost: s\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\nConnection: te, close\r\n\r\n"
            + "5\r\nhello\r\n0\r\nx-sum: 5\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.EndsWith("5\r\nhello\r\n0\r\nx-end: 5/\r\n\r\n", answer, StringComparison.Ordinal);

        // Far more than any window, both ways at once, of a length that is known and of one that is not.
        byte[] large = new byte[8 * 1024 * 1024];
        new Random(7).NextBytes(large);
        string content = Encoding.Latin1.GetString(large);
        (string Head, string Content, string Trailer)[] framings =
        [
            ($"Content-Length: {large.Length}", content, $"/{large.Length}"),
            ("Transfer-Encoding: chunked", $"{large.Length:x}\r\n{content}\r\n0\r\n\r\n", "/"),
        ];
        foreach ((string head, string framed, string trailer) in framings)
        {
            using Socket both = await lab.ConnectAsync(service);
            Task<string> reading = HttpLab.ReadToEndAsync(both);
            await both.SendAsync(Encoding.Latin1.GetBytes($"POST / HTTP/1.1\r\nHost: s\r\nConnection: close\r\n{head}\r\n\r\n{framed}"));
            string echoed = await reading;
            int start = echoed.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
            Assert.Equal((content, $"x-end: {trailer}\r\n\r\n"), Unchunk(echoed[start..]));
        }
    }

    [LabFact]
    public async Task Another_connection_is_made_when_one_is_full()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        var at = new ConcurrentDictionary<string, int>();
        int most = 0;
        await using HttpApp app = await HttpApp.StartAsync(
            pod,
            HttpLab.AppPort,
            async context =>
            {
                int now = at.AddOrUpdate(context.Connection.Id, 1, (_, before) => before + 1);
                InterlockedMax(ref most, now);
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System);
                at.AddOrUpdate(context.Connection.Id, 0, (_, before) => before - 1);
                await context.Response.WriteAsync(context.Connection.Id);
            },
            HttpProtocols.Http2);
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade with { MaxConcurrentStreams = 3 });
        using HttpClient http = lab.Http(service);
        await Task.WhenAll(Enumerable.Range(0, 60).Select(_ => http.GetStringAsync("/")));
        Assert.InRange(Volatile.Read(ref most), 1, 3);
        Assert.InRange(at.Count, 2, 60);
    }

    [LabFact]
    public async Task A_connection_carries_as_many_requests_as_it_may()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, context => context.Response.WriteAsync(context.Connection.Id), HttpProtocols.Http2);
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade with { MaxRequestsPerConnection = 4 });
        using HttpClient http = lab.Http(service);
        var carried = new Dictionary<string, int>();
        for (int i = 0; i < 41; i++)
        {
            string id = await http.GetStringAsync("/");
            carried[id] = carried.GetValueOrDefault(id) + 1;
        }

        // One client's connection is on one loop: all but its last are used up.
        Assert.Equal([.. Enumerable.Repeat(4, 10), 1], carried.Values.OrderDescending());
    }

    [LabFact]
    public async Task What_an_upstream_refuses_untouched_is_sent_once_more_whatever_it_is()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        var refused = new ConcurrentDictionary<string, int>();
        ScriptedHttp2.Serve(pod, (server, stream, path) =>
        {
            if (refused.AddOrUpdate(path, 1, (_, before) => before + 1) > 1 && path != "/always")
            {
                server.Answer(stream, $"served {path}");
            }
            else if (path == "/goaway")
            {
                // As a server that closes: what it has not begun is refused with it.
                server.Http2.SendGoAway(Http2ErrorCode.NoError, null);
                server.Http2.ResetStream(stream, Http2ErrorCode.RefusedStream);
            }
            else
            {
                server.Http2.ResetStream(stream, Http2ErrorCode.RefusedStream);
            }
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        lab.Node.Configure(mesh => mesh.SetTraffic(new ServiceTraffic(
            service.Service.Key,
            new TrafficScope(
                new Dictionary<ushort, Model.Routing.RouteTable>
                {
                    [80] = Model.Routing.RouteTable.Compile([new Model.Routing.Route("shop/once", [], Once(service))]),
                },
                new PortPolicies(TrafficPolicy.Default with { Limits = s_upgrade }),
                new Dictionary<string, TrafficSubset>()))));
        using HttpClient http = lab.Http(service);
        using var post = new HttpRequestMessage(HttpMethod.Post, "/post");
        using HttpResponseMessage posted = await http.SendAsync(post);
        Assert.Equal("served /post", await posted.Content.ReadAsStringAsync());
        Assert.Equal("served /goaway", await http.GetStringAsync("/goaway"));
        using HttpResponseMessage never = await http.GetAsync("/always");
        Assert.Equal(503, (int)never.StatusCode);
        await lab.Node.WaitForLineAsync("/always", "503", "UR", "upstream_reset_before_response_started{remote_refused_stream_reset}");
    }

    [LabFact]
    public async Task A_stream_that_is_reset_harms_no_neighbour()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        var slow = new TaskCompletionSource<(ScriptedHttp2 Server, Http2Stream Stream)>(TaskCreationOptions.RunContinuationsAsynchronously);
        var part = new TaskCompletionSource<(ScriptedHttp2 Server, Http2Stream Stream)>(TaskCreationOptions.RunContinuationsAsynchronously);
        ScriptedHttp2.Serve(pod, (server, stream, path) =>
        {
            switch (path)
            {
                case "/reset":
                    server.Http2.ResetStream(stream, Http2ErrorCode.InternalError);
                    break;
                case "/malformed":
                    server.Http2.SendHeaders(
                        stream, ScriptedHttp2.Block((":status", "200"), ("Upper", "case")), endStream: true);
                    break;
                case "/part":
                    server.Begin(stream, ("content-length", "100"));
                    server.Say(stream, "part", isLast: false);
                    part.SetResult((server, stream));
                    break;
                default:
                    server.Begin(stream);
                    server.Say(stream, "slow ", isLast: false);
                    slow.SetResult((server, stream));
                    break;
            }
        });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        using HttpClient http = lab.Http(service);
        Task<string> neighbour = http.GetStringAsync("/neighbour");
        (ScriptedHttp2 server, Http2Stream stream) = await slow.Task.WaitAsync(LabNode.Patience);

        using HttpResponseMessage reset = await http.GetAsync("/reset");
        Assert.Equal(503, (int)reset.StatusCode);
        await lab.Node.WaitForLineAsync("/reset", "503", "UR", "upstream_reset_before_response_started{remote_reset}");
        using HttpResponseMessage malformed = await http.GetAsync("/malformed");
        Assert.Equal(502, (int)malformed.StatusCode);
        await lab.Node.WaitForLineAsync("/malformed", "502", "UPE", "upstream_reset_before_response_started{protocol_error}");

        using Socket cut = await lab.ConnectAsync(service);
        await cut.SendAsync("GET /part HTTP/1.1\r\nHost: s\r\n\r\n"u8.ToArray());
        for (string answer = ""; !answer.EndsWith("part", StringComparison.Ordinal);)
        {
            answer += await LabPod.ReadAsync(cut, 1);
        }

        (ScriptedHttp2 cutter, Http2Stream half) = await part.Task.WaitAsync(LabNode.Patience);
        cutter.Do(() => cutter.Http2.ResetStream(half, Http2ErrorCode.InternalError));
        Assert.Equal("<reset>", await HttpLab.ReadToEndAsync(cut));
        await lab.Node.WaitForLineAsync("/part", "200", "UR", "upstream_reset_after_response_started{remote_reset}");

        server.Do(() => server.Say(stream, "but sure", isLast: true));
        Assert.Equal("slow but sure", await neighbour);
    }

    [LabFact]
    public async Task An_upstream_that_speaks_no_http2_is_told_from_one_that_fails()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("seen"));
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        using HttpClient http = lab.Http(service);
        using HttpResponseMessage answered = await http.GetAsync("/old");
        Assert.Equal(503, (int)answered.StatusCode);
        await lab.Node.WaitForLineAsync("/old", "503", "UF", "the upstream does not speak HTTP/2");
        Assert.Empty(app.Requests);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_WebSocket_passes_as_an_extended_CONNECT(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod,
            HttpLab.AppPort,
            async context =>
            {
                using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
                byte[] said = new byte[100];
                WebSocketReceiveResult got = await socket.ReceiveAsync(said, context.RequestAborted);
                byte[] answer = Encoding.ASCII.GetBytes($"{context.Request.Method} {Encoding.ASCII.GetString(said, 0, got.Count)}");
                await socket.SendAsync(answer, WebSocketMessageType.Text, true, context.RequestAborted);
                await socket.ReceiveAsync(said, context.RequestAborted);
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", context.RequestAborted);
            },
            HttpProtocols.Http2,
            app => app.UseWebSockets());
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        Assert.Equal("CONNECT hello", await TalkAsync(lab, service));
    }

    [LabFact]
    public async Task A_WebSocket_is_asked_for_in_HTTP1_where_the_upstream_knows_no_extended_CONNECT()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        ScriptedHttp2.Serve(
            pod,
            (server, stream, path) => server.Answer(stream, "in HTTP/2"),
            onOther: async (socket, request) =>
            {
                Assert.Contains("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n", request, StringComparison.OrdinalIgnoreCase);
                await socket.SendAsync(
                    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nopen"u8.ToArray());
            });
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        using HttpClient http = lab.Http(service);
        Assert.Equal("in HTTP/2", await http.GetStringAsync("/"));
        using Socket connection = await lab.ConnectAsync(service);
        string answer = await AskAsync(
            connection,
            "GET / HTTP/1.1\r\nHost: s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 101 ", answer, StringComparison.Ordinal);
        Assert.EndsWith("open", answer, StringComparison.Ordinal);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task An_answer_that_does_not_wait_for_the_content_is_delivered(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod,
            HttpLab.AppPort,
            context =>
            {
                context.Response.StatusCode = context.Request.Path == "/large" ? 413 : 200;
                return context.Response.WriteAsync($"{context.Connection.Id}");
            },
            HttpProtocols.Http2);
        HttpService service = lab.AddService("server", (pod, []));
        lab.Carry(service, s_upgrade);
        using Socket connection = await lab.ConnectAsync(service);
        string answer = await AskAsync(connection, "POST /large HTTP/1.1\r\nHost: s\r\nContent-Length: 1000000000\r\n\r\nsome");
        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);

        using HttpClient http = lab.Http(service);
        Assert.NotEmpty(await http.GetStringAsync("/next"));
    }

    private static Model.Routing.ForwardAction Once(HttpService service) => new(new Model.Routing.WeightedDestinations(
        [new Model.Routing.WeightedDestination(service.Service.Key, 80, "", 1)]))
    {
        Retries = Model.Retries.RetryPolicy.Never,
    };

    private static (string Content, string Trailers) Unchunk(string text)
    {
        var content = new StringBuilder();
        int at = 0;
        while (true)
        {
            int end = text.IndexOf("\r\n", at, StringComparison.Ordinal);
            int length = int.Parse(text.AsSpan(at, end - at), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
            at = end + 2;
            if (length == 0)
            {
                return (content.ToString(), text[at..]);
            }

            content.Append(text, at, length);
            at += length + 2;
        }
    }

    private static async Task<string> AskAsync(Socket connection, string request)
    {
        await connection.SendAsync(Encoding.Latin1.GetBytes(request));
        return await HttpLab.ReadToEndAsync(connection);
    }

    private static async Task<string> TalkAsync(HttpLab lab, HttpService service)
    {
        using var limit = new CancellationTokenSource(LabNode.Patience);
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, _) => new NetworkStream(await lab.ConnectAsync(service), ownsSocket: true),
        };
        using var invoker = new HttpMessageInvoker(handler);
        using var socket = new ClientWebSocket();
        await socket.ConnectAsync(new Uri("ws://server/talk"), invoker, limit.Token);
        await socket.SendAsync("hello"u8.ToArray(), WebSocketMessageType.Text, true, limit.Token);
        byte[] said = new byte[100];
        WebSocketReceiveResult got = await socket.ReceiveAsync(said, limit.Token);
        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", limit.Token);
        return Encoding.ASCII.GetString(said, 0, got.Count);
    }

    private static void InterlockedMax(ref int target, int value)
    {
        int seen = Volatile.Read(ref target);
        while (value > seen)
        {
            int before = Interlocked.CompareExchange(ref target, value, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }
}
