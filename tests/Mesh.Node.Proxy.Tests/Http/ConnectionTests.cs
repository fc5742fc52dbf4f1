using System.Net.Sockets;
using System.Net.WebSockets;
using System.Text;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: connections of HTTP/1 are kept, shared and ended as RFC 9112 asks, on both sides of the proxy. Method: bytes a test writes itself
/// against a server of .NET, and servers it plays.
/// </summary>
public sealed class ConnectionTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    /// <summary>What two servers could understand differently.</summary>
    public static TheoryData<string, int> Ambiguous => new()
    {
        { "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400 },
        { "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501 },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 6\r\n\r\nhello", 400 },
        { "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", 400 },
        { "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", 400 },
        { "GET / HTTP/1.1\nHost: a\n\n", 400 },
        { "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400 },
        { "GET / HTTP/1.1\r\n\r\n", 400 },
        { "GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505 },
        { "\x16\x03\x01\x00\x05hello\r\n\r\n", 400 },
    };

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_of_one_client_after_another_use_one_connection_to_the_application(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, context => context.Response.WriteAsync($"from {context.Connection.Id} {context.Connection.RemoteIpAddress}"));
        HttpService service = lab.AddService("server", (pod, []));

        var seen = new HashSet<string>();
        for (int i = 0; i < 20; i++)
        {
            using Socket connection = await lab.ConnectAsync(service);
            string answer = await AskAsync(connection, "GET / HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n");
            seen.Add(answer.Split("\r\n").Single(line => line.StartsWith("from ", StringComparison.Ordinal)));
        }

        // As many as there are loops at most, and the application sees the client's own address.
        Assert.InRange(seen.Count, 1, 2);
        Assert.All(seen, line => Assert.EndsWith(lab.Client.Address.ToString(), line, StringComparison.Ordinal));
    }

    [LabFact]
    public async Task Pipelined_requests_are_answered_in_their_order()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, async context =>
            {
                await Task.Delay(TimeSpan.FromMilliseconds(context.Request.Path == "/1" ? 100 : 0), TimeProvider.System);
                await context.Response.WriteAsync($"answer {context.Request.Path}");
            });
        HttpService service = lab.AddService("server", (pod, []));
        using Socket connection = await lab.ConnectAsync(service);
        string answers = await AskAsync(
            connection,
            "GET /1 HTTP/1.1\r\nHost: s\r\n\r\nPOST /2 HTTP/1.1\r\nHost: s\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nHost: s\r\nConnection: close\r\n\r\n");
        int first = answers.IndexOf("answer /1", StringComparison.Ordinal);
        int second = answers.IndexOf("answer /2", StringComparison.Ordinal);
        int third = answers.IndexOf("answer /3", StringComparison.Ordinal);
        Assert.True(first > 0 && second > first && third > second, answers);
    }

    [LabTheory]
    [MemberData(nameof(Ambiguous))]
    public async Task What_is_ambiguous_is_answered_and_closed_and_never_passed_on(string request, int status)
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context => context.Response.WriteAsync("seen"));
        HttpService service = lab.AddService("server", (pod, []));
        using Socket connection = await lab.ConnectAsync(service);
        string answer = await AskAsync(connection, request);
        Assert.StartsWith($"HTTP/1.1 {status} ", answer, StringComparison.Ordinal);
        Assert.Contains("connection: close", answer, StringComparison.Ordinal);
        Assert.Equal(1, answer.Split("HTTP/1.1").Length - 1);
        await lab.Node.WaitForLineAsync("path=Outbound", "close_reason=HttpRequestRefused");
        Assert.Empty(app.Requests);
    }

    [LabFact]
    public async Task A_head_that_does_not_come_to_its_end_is_answered_and_closed()
    {
        await using HttpLab lab = await HttpLab.StartAsync(options: new ProxyOptions { HttpHeadTimeoutMs = 200 });
        LabPod pod = await lab.Node.AddPodAsync("server");
        HttpService service = lab.AddService("server", (pod, []));
        using Socket connection = await lab.ConnectAsync(service);
        string answer = await AskAsync(connection, "GET / HTTP/1.1\r\nHost: s\r\nX-Slow: ");
        Assert.StartsWith("HTTP/1.1 408 ", answer, StringComparison.Ordinal);
        await lab.Node.WaitForLineAsync($"close_reason={CloseReason.HttpHeadTimeout}");
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_connection_becomes_a_web_socket(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, EchoMessagesAsync, configure: web => web.UseWebSockets());
        HttpService service = lab.AddService("server", (pod, []));
        using var limit = new CancellationTokenSource(LabNode.Patience);
        using var socket = new ClientWebSocket();
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            ConnectCallback = async (_, _) => new NetworkStream(await lab.ConnectAsync(service), ownsSocket: true),
        });
        await socket.ConnectAsync(new Uri("ws://server/chat"), invoker, limit.Token);
        byte[] large = new byte[300_000];
        Random.Shared.NextBytes(large);
        foreach (byte[] message in (byte[][])[[1, 2, 3], large])
        {
            await socket.SendAsync(message, WebSocketMessageType.Binary, endOfMessage: true, limit.Token);
            var received = new MemoryStream();
            byte[] part = new byte[65_536];
            WebSocketReceiveResult result;
            do
            {
                result = await socket.ReceiveAsync(part, limit.Token);
                received.Write(part, 0, result.Count);
            }
            while (!result.EndOfMessage);

            Assert.Equal(message, received.ToArray());
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", limit.Token);
        await lab.Node.WaitForLineAsync("path=Outbound", $"close_reason={CloseReason.Completed}");
    }

    [LabFact]
    public async Task An_upgrade_to_another_http_is_not_passed_on()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, context => context.Response.WriteAsync($"upgrade <{context.Request.Headers.Upgrade}>"));
        HttpService service = lab.AddService("server", (pod, []));
        using Socket connection = await lab.ConnectAsync(service);
        string answer = await AskAsync(
            connection,
            "GET / HTTP/1.1\r\nHost: s\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 200 ", answer, StringComparison.Ordinal);
        Assert.Contains("upgrade <>", answer, StringComparison.Ordinal);
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task A_response_that_breaks_off_is_never_taken_for_a_whole_one(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        var partRead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, async context =>
            {
                context.Response.ContentLength = 100;
                await context.Response.WriteAsync("part");
                await context.Response.Body.FlushAsync();
                await partRead.Task;
                context.Abort();
            });
        HttpService service = lab.AddService("server", (pod, []));
        using Socket connection = await lab.ConnectAsync(service);
        await connection.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: s\r\n\r\n"));
        for (string answer = ""; !answer.EndsWith("part", StringComparison.Ordinal);)
        {
            answer += await LabPod.ReadAsync(connection, 1);
        }

        partRead.SetResult();
        Assert.Equal("<reset>", await HttpLab.ReadToEndAsync(connection));
        await lab.Node.WaitForLineAsync("path=Outbound", $"close_reason={CloseReason.HttpResponseCut}");
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task An_application_hears_that_its_client_has_gone(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        var gone = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var come = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using HttpApp app = await HttpApp.StartAsync(
            pod, HttpLab.AppPort, async context =>
            {
                context.RequestAborted.Register(() => gone.TrySetResult());
                come.TrySetResult();
                await gone.Task;
            });
        HttpService service = lab.AddService("server", (pod, []));
        using (Socket connection = await lab.ConnectAsync(service))
        {
            await connection.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: s\r\n\r\n"));
            await come.Task.WaitAsync(LabNode.Patience);
            connection.LingerState = new LingerOption(enable: true, seconds: 0);
        }

        await gone.Task.WaitAsync(LabNode.Patience);
        await lab.Node.WaitForLineAsync("path=Outbound", $"close_reason={CloseReason.ClientReset}");
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task An_answer_that_does_not_wait_for_the_content_is_delivered(SameNodeMode mode)
    {
        await using HttpLab lab = await HttpLab.StartAsync(mode);
        LabPod pod = await lab.Node.AddPodAsync("server");
        await using HttpApp app = await HttpApp.StartAsync(pod, HttpLab.AppPort, context =>
        {
            context.Response.StatusCode = 413;
            context.Response.Headers.Connection = "close";
            return context.Response.WriteAsync("too much");
        });
        HttpService service = lab.AddService("server", (pod, []));
        using Socket connection = await lab.ConnectAsync(service);
        await connection.SendAsync(Encoding.ASCII.GetBytes("POST / HTTP/1.1\r\nHost: s\r\nContent-Length: 1000000000\r\n\r\nsome"));
        string answer = await HttpLab.ReadToEndAsync(connection);
        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("too much", answer, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task A_connection_that_its_server_has_closed_costs_no_request()
    {
        await using HttpLab lab = await HttpLab.StartAsync();
        LabPod pod = await lab.Node.AddPodAsync("server");

        // It says that it keeps the connection, and closes it.
        Socket listener = pod.Listen(HttpLab.AppPort);
        int connections = 0;
        Task serving = ServeOnceEachAsync(listener, () => Interlocked.Increment(ref connections));
        HttpService service = lab.AddService("server", (pod, []));
        using HttpClient http = lab.Http(service);
        for (int i = 0; i < 200; i++)
        {
            Assert.Equal("ok", await http.GetStringAsync($"/{i}"));
        }

        Assert.InRange(Volatile.Read(ref connections), 200, 400);
        Assert.False(serving.IsFaulted);
    }

    private static async Task<string> AskAsync(Socket connection, string request)
    {
        await connection.SendAsync(Encoding.Latin1.GetBytes(request));
        return await HttpLab.ReadToEndAsync(connection);
    }

    private static async Task EchoMessagesAsync(HttpContext context)
    {
        using WebSocket socket = await context.WebSockets.AcceptWebSocketAsync();
        byte[] part = new byte[16_384];
        while (true)
        {
            WebSocketReceiveResult result = await socket.ReceiveAsync(part, context.RequestAborted);
            if (result.MessageType == WebSocketMessageType.Close)
            {
                await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "done", context.RequestAborted);
                return;
            }

            await socket.SendAsync(part.AsMemory(0, result.Count), result.MessageType, result.EndOfMessage, context.RequestAborted);
        }
    }

    private static async Task ServeOnceEachAsync(Socket listener, Action onConnection)
    {
        try
        {
            while (true)
            {
                using Socket connection = await listener.AcceptAsync();
                onConnection();
                byte[] request = new byte[4_096];
                if (await connection.ReceiveAsync(request) > 0)
                {
                    await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"u8.ToArray());
                }

                connection.Shutdown(SocketShutdown.Send);
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // The pod is gone.
        }
    }
}
