using System.Collections.Concurrent;
using System.Net;
using Mesh.Node.Model.Retries;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Tests.Paths;
using Mesh.Testing;
using Microsoft.AspNetCore.Http;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http;

/// <summary>
/// Goal: a destination has no more under way than its limits say, whichever it is, and what is beyond is answered 503 with UO while what is
/// under way goes on. Method: an application that answers only when it is told to.
/// </summary>
public sealed class CircuitRequestTests
{
    public static TheoryData<SameNodeMode> Ways => [SameNodeMode.Direct, SameNodeMode.Network];

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_beyond_the_limit_are_answered_503_and_the_next_is_served_when_one_has_ended(SameNodeMode mode)
    {
        await using Scene scene = await Scene.StartAsync(mode, new ConnectionLimits { MaxRequests = 2 });
        Task<HttpStatusCode> first = scene.AskAsync("/held");
        Task<HttpStatusCode> second = scene.AskAsync("/held");
        await scene.ArrivedAsync(2);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await scene.AskAsync("/beyond"));
        await scene.Lab.Node.WaitForLineAsync("/beyond", "503", "UO", "upstream_reset_before_response_started{overflow}");
        Assert.Equal((2, true, 1L), scene.Circuit(CircuitLimit.Requests));

        scene.Release();
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await first, await second));
        Assert.Equal(HttpStatusCode.OK, await scene.AskAsync("/after"));
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Requests_share_the_connections_there_may_be_and_those_beyond_who_may_wait_are_answered_503(SameNodeMode mode)
    {
        await using Scene scene = await Scene.StartAsync(mode, new ConnectionLimits { MaxConnections = 1, MaxPendingRequests = 1 });
        Task<HttpStatusCode> first = scene.AskAsync("/held");
        await scene.ArrivedAsync(1);
        Task<HttpStatusCode> waiting = scene.AskAsync("/waiting");
        await Eventually.TrueAsync(() => scene.Circuit(CircuitLimit.PendingRequests).Count == 1, LabNode.Patience, "A second waiting request");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, await scene.AskAsync("/beyond"));
        await scene.Lab.Node.WaitForLineAsync("/beyond", "503", "UO", "upstream_reset_before_response_started{overflow}");
        Assert.Equal((1, true, 1L), scene.Circuit(CircuitLimit.PendingRequests));
        Assert.Equal((1, true), (scene.Circuit(CircuitLimit.Connections).Count, scene.Circuit(CircuitLimit.Connections).IsOpen));

        scene.Release();
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (await first, await waiting));
        Assert.Single(scene.Ports.Distinct());
    }

    [LabTheory]
    [MemberData(nameof(Ways))]
    public async Task Retries_beyond_the_limit_are_not_made_and_the_answer_there_was_is_passed_on_with_the_flag(SameNodeMode mode)
    {
        await using Scene scene = await Scene.StartAsync(mode, new ConnectionLimits { MaxRetries = 0 });
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await scene.AskAsync("/failing"));
        await scene.Lab.Node.WaitForLineAsync("/failing", "503", "UO", "via_upstream");
        Assert.Single(scene.Ports);
        Assert.Equal(1L, scene.Circuit(CircuitLimit.Retries).Overflows);
    }

    /// <summary>A service whose application holds what it is asked, and its client.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ConcurrentQueue<int> _ports = new();
        private HttpApp _app = null!;
        private HttpClient _http = null!;

        private Scene(HttpLab lab) => Lab = lab;

        public HttpLab Lab { get; }

        /// <summary>The port each request came from.</summary>
        public IReadOnlyCollection<int> Ports => _ports;

        public static async Task<Scene> StartAsync(SameNodeMode mode, ConnectionLimits limits)
        {
            var scene = new Scene(await HttpLab.StartAsync(mode));
            LabPod pod = await scene.Lab.Node.AddPodAsync("server");
            scene._app = await HttpApp.StartAsync(pod, HttpLab.AppPort, scene.AnswerAsync);
            HttpService service = scene.Lab.AddService("server", (pod, []));
            scene.Lab.Carry(service, limits, new Route("shop/again", [], new ForwardAction(
                new WeightedDestinations([new WeightedDestination(service.Service.Key, 80, "", 1)]))
            {
                Retries = new RetryPolicy { Retries = 3, Conditions = RetryConditions.ServerError },
            }));
            scene._http = scene.Lab.Http(service);
            return scene;
        }

        public async Task<HttpStatusCode> AskAsync(string path)
        {
            using HttpResponseMessage response = await _http.GetAsync(path, TestContext.Current.CancellationToken);
            return response.StatusCode;
        }

        /// <summary>Waits until so many requests are with the application.</summary>
        public Task ArrivedAsync(int count) => Eventually.TrueAsync(() => _ports.Count == count, LabNode.Patience, $"{count} requests");

        public void Release() => _released.TrySetResult();

        public (int Count, bool IsOpen, long Overflows) Circuit(CircuitLimit limit)
        {
            CircuitStatus status = ((IDestinationLister)Lab.Node.Proxy).List()
                .SelectMany(destination => destination.Circuit)
                .Single(circuit => circuit.Limit == limit);
            return (status.Count, status.IsOpen, status.OverflowsTotal);
        }

        public async ValueTask DisposeAsync()
        {
            Release();
            await _app.DisposeAsync();
            await Lab.DisposeAsync();
        }

        private async Task AnswerAsync(HttpContext context)
        {
            _ports.Enqueue(context.Connection.RemotePort);
            if (context.Request.Path == "/failing")
            {
                context.Response.StatusCode = 503;
                return;
            }

            await _released.Task;
        }
    }
}
