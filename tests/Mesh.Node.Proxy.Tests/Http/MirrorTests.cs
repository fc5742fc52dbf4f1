using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Routing;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: copies of requests reach mirrors whole, and whatever mirrors do is nothing to the requests. Method: an application, and a second one
/// that is mirrored to.
/// </summary>
public sealed class MirrorTests
{
    [LabTheory]
    [InlineData(SameNodeMode.Direct)]
    [InlineData(SameNodeMode.Network)]
    public async Task Every_mirror_gets_head_and_content_as_they_are_sent(SameNodeMode mode)
    {
        await using Scene scene = await Scene.StartAsync(mode, (context, _) => context.Response.WriteAsync("thrown away"));
        scene.Route(action => action with
        {
            Rewrite = PathRewrite.Whole("/new"),
            Mirrors = [scene.MirrorOf(Share.All), scene.MirrorOf(Share.All)],
        });
        string content = string.Concat(Enumerable.Range(0, 10_000).Select(i => $"line {i}\n"));
        using HttpResponseMessage answer = await scene.Http.PostAsync("/old?q=1", new StringContent(content));
        Assert.Equal("main", await answer.Content.ReadAsStringAsync());
        await scene.WaitForAsync(seen: 2);
        Assert.All(scene.Seen, seen => Assert.Equal($"POST /new?q=1 server {content}", seen));
        Assert.Equal("main", await scene.Http.GetStringAsync("/again"));
        await scene.WaitForAsync(seen: 4);
        Assert.All(scene.Seen.Skip(2), seen => Assert.Equal("GET /new server ", seen));
    }

    [LabFact]
    public async Task A_share_of_requests_is_copied()
    {
        await using Scene scene = await Scene.StartAsync(SameNodeMode.Direct, (context, _) => context.Response.WriteAsync("ok"));
        scene.Route(action => action with { Mirrors = [scene.MirrorOf(new Share(250_000))] });
        const int Requests = 1_000;
        for (int i = 0; i < Requests; i++)
        {
            Assert.Equal("main", await scene.Http.GetStringAsync("/"));
        }

        // Every copy that was begun arrives; 1,000 draws at 25 % leave these bounds once in 10¹² runs.
        int seen = await scene.SettleAsync();
        Assert.InRange(seen, 158, 350);
    }

    [LabFact]
    public async Task A_mirror_that_is_gone_slow_or_denied_is_nothing_to_the_request()
    {
        var never = new TaskCompletionSource();
        await using Scene scene = await Scene.StartAsync(SameNodeMode.Direct, (_, _) => never.Task);
        var gone = new WeightedDestination("shop/none.shop.svc.cluster.local", 80, "", 1);
        scene.Route(action => action with { Mirrors = [scene.MirrorOf(Share.All), new Mirror(gone, Share.All)] });
        for (int i = 0; i < 20; i++)
        {
            using HttpResponseMessage answer = await scene.Http.PostAsync("/", new StringContent("content"));
            Assert.Equal("main", await answer.Content.ReadAsStringAsync());
        }

        await scene.WaitForAsync(seen: 20);
        await scene.Lab.Node.WaitForLineAsync("NC", "cluster_not_found");
        scene.DenyMirror();
        Assert.Equal("main", await scene.Http.GetStringAsync("/denied"));
        await scene.Lab.Node.WaitForLineAsync("/denied", "403", "rbac_access_denied");
        Assert.Equal(20, scene.Seen.Count);
        never.SetResult();
    }

    [LabFact]
    public async Task A_mirror_that_falls_behind_is_given_up_and_the_content_goes_on()
    {
        var never = new TaskCompletionSource();
        await using Scene scene = await Scene.StartAsync(
            SameNodeMode.Network, (_, _) => never.Task, new ProxyOptions { HttpMirrorBytesMax = 100_000 }, readsContent: false);
        scene.Route(action => action with { Mirrors = [scene.MirrorOf(Share.All)] });

        // More than all buffers on the way to somebody who reads nothing.
        byte[] content = new byte[32 * 1024 * 1024];
        using HttpResponseMessage answer = await scene.Http.PostAsync("/much", new ByteArrayContent(content));
        Assert.Equal("main", await answer.Content.ReadAsStringAsync());
        await scene.Lab.Node.WaitForLineAsync("/much", "UO", "mirror_behind");
        never.SetResult();
    }

    [LabFact]
    public async Task A_copy_of_what_breaks_off_breaks_off_too()
    {
        await using Scene scene = await Scene.StartAsync(SameNodeMode.Direct, (context, _) => context.Response.WriteAsync("ok"));
        scene.Route(action => action with { Mirrors = [scene.MirrorOf(Share.All)] });
        using (Socket client = await scene.ConnectAsync())
        {
            await client.SendAsync(Encoding.ASCII.GetBytes("POST /half HTTP/1.1\r\nhost: server\r\ncontent-length: 10\r\n\r\nfirst"));
            await scene.WaitForBeginAsync();
        }

        await scene.Lab.Node.WaitForLineAsync("/half", " 0 ", "DC");
        Assert.Empty(scene.Seen);
    }

    /// <summary>A service with an application, and another one that is mirrored to.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly ConcurrentQueue<string> _seen = new();
        private readonly TaskCompletionSource _begun = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private HttpApp _app = null!;
        private HttpApp _mirror = null!;
        private LabPod _mirrorPod = null!;
        private HttpService _service = null!;
        private HttpService _mirrored = null!;

        private Scene(HttpLab lab) => Lab = lab;

        public HttpLab Lab { get; }

        public HttpClient Http { get; private set; } = null!;

        /// <summary>What came to the mirror whole: method, target, host and content.</summary>
        public IReadOnlyCollection<string> Seen => _seen;

        public static async Task<Scene> StartAsync(
            SameNodeMode mode, Func<HttpContext, string, Task> answer, ProxyOptions? options = null, bool readsContent = true)
        {
            var scene = new Scene(await HttpLab.StartAsync(mode, options));
            LabPod main = await scene.Lab.Node.AddPodAsync("main");
            LabPod mirror = scene._mirrorPod = await scene.Lab.Node.AddPodAsync("mirror");
            scene._app = await HttpApp.StartAsync(main, HttpLab.AppPort, async context =>
            {
                await context.Request.Body.CopyToAsync(Stream.Null);
                await context.Response.WriteAsync("main");
            });
            scene._mirror = await HttpApp.StartAsync(mirror, HttpLab.AppPort, async context =>
            {
                scene._begun.TrySetResult();
                using var reader = new StreamReader(context.Request.Body);
                string content = readsContent ? await reader.ReadToEndAsync() : "";
                HttpRequest request = context.Request;
                scene._seen.Enqueue($"{request.Method} {request.Path}{request.QueryString} {request.Host} {content}");
                await answer(context, content);
            });
            scene._service = scene.Lab.AddService("server", (main, []));
            scene._mirrored = scene.Lab.AddService("mirrored", (mirror, []));
            scene.Http = scene.Lab.Http(scene._service);
            return scene;
        }

        public Mirror MirrorOf(Share share) => new(new WeightedDestination(_mirrored.Service.Key, 80, "", 1), share);

        public void Route(Func<ForwardAction, ForwardAction> change)
        {
            ImmutableArray<WeightedDestination> all = [new WeightedDestination(_service.Service.Key, 80, "", 1)];
            Lab.Route(_service, new Route("shop/mirrored", [], change(new ForwardAction(new WeightedDestinations(all)))));
        }

        /// <summary>Nobody may ask the mirror any more.</summary>
        public void DenyMirror() => Lab.Node.Configure(mesh =>
        {
            mesh.SetPolicy(new AuthorizationPolicy("shop", "no-mirror")
            {
                Action = PolicyAction.Deny,
                Scope = PolicyScope.WorkloadSelector,
                Rules = [new AuthorizationRule([])],
            });
            mesh.SetWorkload(Lab.Node.Current.FindWorkload(_mirrorPod.Workload.Uid)! with { AuthorizationPolicies = ["shop/no-mirror"] });
        });

        public Task<Socket> ConnectAsync() => Lab.ConnectAsync(_service);

        public Task WaitForBeginAsync() => _begun.Task.WaitAsync(LabNode.Patience, TimeProvider.System);

        public async Task WaitForAsync(int seen)
        {
            long until = Environment.TickCount64 + (long)LabNode.Patience.TotalMilliseconds;
            while (_seen.Count < seen)
            {
                Assert.True(Environment.TickCount64 < until, $"{_seen.Count} copies came, {seen} were to.");
                await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
            }
        }

        /// <summary>Waits until all copies that were begun have come, and says how many.</summary>
        public async Task<int> SettleAsync()
        {
            await WaitForAsync((int)Lab.Node.MirrorsTotal);
            return _seen.Count;
        }

        public async ValueTask DisposeAsync()
        {
            await _app.DisposeAsync();
            await _mirror.DisposeAsync();
            await Lab.DisposeAsync();
        }
    }
}
