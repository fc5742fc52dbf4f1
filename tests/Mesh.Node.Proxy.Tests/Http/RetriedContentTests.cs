using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: a request whose content was sent is sent again, whole, as far as the content is kept. Method: an application that breaks off what
/// comes first.
/// </summary>
public sealed class RetriedContentTests
{
    private static readonly RetryPolicy s_onReset = new()
    {
        Retries = 1,
        Conditions = RetryConditions.Reset,
        BackoffBase = TimeSpan.FromMilliseconds(1),
    };

    [LabTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Content_that_was_sent_is_sent_again(bool isChunked)
    {
        await using Scene scene = await Scene.StartAsync(s_onReset, BreakFirst());
        string text = string.Concat(Enumerable.Range(0, 4_000).Select(i => $"line {i}\n"));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/") { Content = new StringContent(text) };
        request.Headers.TransferEncodingChunked = isChunked;
        using HttpResponseMessage answer = await scene.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(text, await answer.Content.ReadAsStringAsync());
        Assert.Equal(2, scene.Come);
    }

    [LabFact]
    public async Task Content_beyond_what_is_kept_is_not_sent_again()
    {
        await using Scene scene = await Scene.StartAsync(s_onReset, BreakFirst(), new ProxyOptions { HttpReplayBytesMax = 1_000 });
        using HttpResponseMessage kept = await scene.Http.PostAsync("/kept", new ByteArrayContent(new byte[1_000]));
        Assert.Equal(HttpStatusCode.OK, kept.StatusCode);
        Assert.Equal(2, scene.Come);
        scene.Come = 0;
        using HttpResponseMessage lost = await scene.Http.PostAsync("/lost", new ByteArrayContent(new byte[1_001]));
        Assert.Equal(HttpStatusCode.ServiceUnavailable, lost.StatusCode);
        Assert.Equal(1, scene.Come);
        await scene.Lab.Node.WaitForLineAsync("/lost", "503", "UC");
    }

    [LabFact]
    public async Task A_retry_begins_while_the_client_still_sends()
    {
        await using Scene scene = await Scene.StartAsync(s_onReset, async (context, come) =>
        {
            if (come == 1)
            {
                await context.Request.Body.ReadExactlyAsync(new byte[5]);
                context.Abort();
                return;
            }

            await EchoAsync(context);
        });
        using Socket client = await scene.ConnectAsync();
        await SendAsync(client, "POST / HTTP/1.1\r\nhost: server\r\ncontent-length: 10\r\nconnection: close\r\n\r\nfirst");
        await scene.WaitForAsync(come: 2);
        await SendAsync(client, "other");
        string answer = await HttpLab.ReadToEndAsync(client);
        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Contains("firstother", answer, StringComparison.Ordinal);
    }

    [LabFact]
    public async Task A_client_that_waits_to_be_told_is_told_once()
    {
        var onError = s_onReset with { Conditions = RetryConditions.ServerError };
        await using Scene scene = await Scene.StartAsync(onError, async (context, come) =>
        {
            using var body = new StreamReader(context.Request.Body);
            string text = await body.ReadToEndAsync();
            context.Response.StatusCode = come == 1 ? 500 : 200;
            await context.Response.WriteAsync($"<{text}>");
        });
        using Socket client = await scene.ConnectAsync();
        await SendAsync(client, "PUT / HTTP/1.1\r\nhost: server\r\nexpect: 100-continue\r\ncontent-length: 4\r\nconnection: close\r\n\r\n");
        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", await LabPod.ReadAsync(client, "HTTP/1.1 100 Continue\r\n\r\n".Length));
        await SendAsync(client, "text");
        string answer = await HttpLab.ReadToEndAsync(client);
        Assert.StartsWith("HTTP/1.1 200", answer, StringComparison.Ordinal);
        Assert.Contains("<text>", answer, StringComparison.Ordinal);
        Assert.Equal(2, scene.Come);
    }

    [LabFact]
    public async Task Content_that_breaks_off_is_not_sent_again()
    {
        await using Scene scene = await Scene.StartAsync(s_onReset, (context, _) => EchoAsync(context));
        using Socket client = await scene.ConnectAsync();
        await SendAsync(client, "POST / HTTP/1.1\r\nhost: server\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\nz\r\n");
        Assert.StartsWith("HTTP/1.1 400", await HttpLab.ReadToEndAsync(client), StringComparison.Ordinal);
        Assert.InRange(scene.Come, 0, 1);
    }

    private static Func<HttpContext, int, Task> BreakFirst() => async (context, come) =>
    {
        if (come == 1)
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            context.Abort();
            return;
        }

        await EchoAsync(context);
    };

    private static async Task EchoAsync(HttpContext context)
    {
        using var body = new StreamReader(context.Request.Body);
        await context.Response.WriteAsync(await body.ReadToEndAsync());
    }

    private static async Task SendAsync(Socket client, string text) => await client.SendAsync(Encoding.ASCII.GetBytes(text));

    /// <summary>An application that is told which request is the how many-th, behind a route with retries.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private HttpService _service = null!;
        private int _come;
        private HttpApp _app = null!;

        private Scene(HttpLab lab) => Lab = lab;

        public HttpLab Lab { get; }

        public HttpClient Http { get; private set; } = null!;

        /// <summary>Requests that came to the application.</summary>
        public int Come
        {
            get => Volatile.Read(ref _come);
            set => Volatile.Write(ref _come, value);
        }

        public static async Task<Scene> StartAsync(
            RetryPolicy retries, Func<HttpContext, int, Task> answer, ProxyOptions? options = null)
        {
            var scene = new Scene(await HttpLab.StartAsync(options: options));
            LabPod pod = await scene.Lab.Node.AddPodAsync("server");
            scene._app = await HttpApp.StartAsync(
                pod, HttpLab.AppPort, context => answer(context, Interlocked.Increment(ref scene._come)));
            HttpService service = scene._service = scene.Lab.AddService("server", (pod, []));
            var to = new ForwardAction(new WeightedDestinations([new WeightedDestination(service.Service.Key, 80, "", 1)]));
            scene.Lab.Route(service, new Route("shop/all", [], to with { Retries = retries }));
            scene.Http = scene.Lab.Http(service);
            return scene;
        }

        public Task<Socket> ConnectAsync() => Lab.ConnectAsync(_service);

        public async Task WaitForAsync(int come)
        {
            long until = Environment.TickCount64 + (long)LabNode.Patience.TotalMilliseconds;
            while (Come < come)
            {
                Assert.True(Environment.TickCount64 < until, $"{Come} requests came, {come} were to.");
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _app.DisposeAsync();
            await Lab.DisposeAsync();
        }
    }
}
