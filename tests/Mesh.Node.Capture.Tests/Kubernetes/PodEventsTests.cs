using Mesh.Node.Capture.Agent;
using Mesh.Node.Capture.Kubernetes;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>
/// Goal: what is wrong with pods is said where their owners look, and a namespace that takes no events keeps none from others. Method: an
/// API server in this process, time by hand.
/// </summary>
public sealed class PodEventsTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_namespace_that_refuses_events_is_asked_less_and_less_and_takes_nobody_s_room()
    {
        await using ApiServer server = await StartAsync();
        server.FaultWhile(
            () => true,
            path => path.StartsWith("/api/v1/namespaces/full/", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 403, "Forbidden", "exceeded quota"));
        using ApiFiles files = new();
        using ApiClient api = new(files.OptionsFor(server));
        PodEvents events = new(api, "node-1", NullLogger.Instance, _time);
        PodReport[] refused = [.. Enumerable.Range(0, 30).Select(index => Wrong($"full/{index}"))];

        for (int second = 0; second < 40; second++)
        {
            await events.SayAsync(refused, Cancellation);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        // At 0, 5, 15 and 35 s.
        Assert.Equal(4 * refused.Length, server.Requests.Count(request => request.Contains("/full/", StringComparison.Ordinal)));
        await events.SayAsync([.. refused, Wrong("shop/cart")], Cancellation);
        Assert.Single(Said(server));
    }

    [Fact]
    public async Task Few_things_are_said_a_minute_and_each_once()
    {
        await using ApiServer server = await StartAsync();
        using ApiFiles files = new();
        using ApiClient api = new(files.OptionsFor(server));
        PodEvents events = new(api, "node-1", NullLogger.Instance, _time);
        PodReport[] pods = [.. Enumerable.Range(0, 30).Select(index => Wrong($"shop/{index}"))];
        await events.SayAsync(pods, Cancellation);
        await events.SayAsync(pods, Cancellation);
        Assert.Equal(20, Said(server).Length);

        _time.Advance(TimeSpan.FromMinutes(1));
        await events.SayAsync(pods, Cancellation);
        Assert.Equal(30, Said(server).Distinct().Count());
        _time.Advance(TimeSpan.FromMinutes(1));
        await events.SayAsync(pods, Cancellation);
        Assert.Equal(30, Said(server).Length);
    }

    private static PodReport Wrong(string pod) => new()
    {
        Uid = "uid-" + pod,
        Pod = pod,
        Condition = PodCondition.Wrong,
        Problems = ["no process of it"],
    };

    private static string[] Said(ApiServer server) =>
        [.. server.Of("Event").List().Items.Select(said => said["involvedObject"]!["uid"]!.GetValue<string>())];

    private static async Task<ApiServer> StartAsync()
    {
        ApiServer server = await ApiServer.StartAsync();
        server.Define(new ApiResource(string.Empty, "v1", "events", "Event"));
        return server;
    }
}
