using System.Text.Json.Nodes;
using Mesh.Node.Capture.Kubernetes;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>
/// Goal: a node says in words whether the mesh works there, beside what others say of it. Method: an API server in this process, time by hand.
/// </summary>
public sealed class NodeConditionTests
{
    private const string Node = """
        apiVersion: v1
        kind: Node
        metadata: {name: node-1}
        status:
          conditions: [{type: Ready, status: "True", reason: KubeletReady}]
        """;

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 30, 12, 0, 0, TimeSpan.Zero));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_is_wrong_is_said_when_it_changes_and_now_and_then()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        server.Apply(Node);
        using ApiFiles files = new();
        using ApiClient api = new(files.OptionsFor(server));
        NodeCondition condition = new(api, "node-1", NullLogger.Instance, _time);

        await condition.SayAsync(["proxy: none is connected", "cni: it has no name"], Cancellation);
        Assert.Equal("True KubeletReady ", Said(server, "Ready"));
        Assert.Equal("False MeshNodeIsNotReady proxy: none is connected; cni: it has no name", Said(server, "MeshNodeReady"));
        Assert.Equal("2026-11-30T12:00:00Z", Of(server, "MeshNodeReady")["lastTransitionTime"]!.GetValue<string>());

        _time.Advance(TimeSpan.FromSeconds(5));
        await condition.SayAsync(["proxy: none is connected"], Cancellation);
        await condition.SayAsync(["proxy: none is connected"], Cancellation);
        Assert.Equal(2, Writes(server));
        Assert.Equal("2026-11-30T12:00:00Z", Of(server, "MeshNodeReady")["lastTransitionTime"]!.GetValue<string>());

        await condition.SayAsync([], Cancellation);
        Assert.StartsWith("True MeshNodeIsReady ", Said(server, "MeshNodeReady"), StringComparison.Ordinal);
        Assert.Equal("2026-11-30T12:00:05Z", Of(server, "MeshNodeReady")["lastTransitionTime"]!.GetValue<string>());
        _time.Advance(TimeSpan.FromMinutes(5));
        await condition.SayAsync([], Cancellation);
        Assert.Equal(4, Writes(server));
        Assert.Equal("2026-11-30T12:05:05Z", Of(server, "MeshNodeReady")["lastHeartbeatTime"]!.GetValue<string>());
    }

    [Fact]
    public async Task What_is_refused_is_tried_again_each_minute()
    {
        await using ApiServer server = await ApiServer.StartAsync();
        server.Apply(Node);
        bool isForbidden = true;
        server.FaultWhile(
            () => isForbidden,
            path => path == "/api/v1/nodes/node-1/status",
            context => ApiServer.FailAsync(context, 403, "Forbidden", "nodes/status is forbidden"));
        using ApiFiles files = new();
        using ApiClient api = new(files.OptionsFor(server));
        NodeCondition condition = new(api, "node-1", NullLogger.Instance, _time);
        await condition.SayAsync([], Cancellation);
        await condition.SayAsync(["another"], Cancellation);
        Assert.Equal(1, Writes(server));

        isForbidden = false;
        _time.Advance(TimeSpan.FromMinutes(1));
        await condition.SayAsync([], Cancellation);
        Assert.StartsWith("True ", Said(server, "MeshNodeReady"), StringComparison.Ordinal);
    }

    private static int Writes(ApiServer server) => server.Requests.Count(request => request == "/api/v1/nodes/node-1/status");

    private static string Said(ApiServer server, string type)
    {
        JsonObject condition = Of(server, type);
        return $"{condition["status"]} {condition["reason"]} {condition["message"]}";
    }

    private static JsonObject Of(ApiServer server, string type) =>
        server.Of("Node").List().Items.Single()["status"]!["conditions"]!.AsArray()
            .Single(condition => condition!["type"]!.GetValue<string>() == type)!.AsObject();
}
