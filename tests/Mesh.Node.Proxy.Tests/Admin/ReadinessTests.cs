using System.Net;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Admin;

public sealed class ReadinessTests
{
    private const string Port = "readiness";
    private const string Path = "/healthz/ready";

    [Fact]
    public async Task A_node_whose_parts_are_ready_and_whose_loops_turn_is_ready()
    {
        await using AdminFixture node = new();
        node.Parts.Add(new AdminFixture.Part("configuration", null));
        await node.StartAsync();
        Assert.Equal((HttpStatusCode.OK, "ready\n"), await node.GetAsync(Port, Path));
    }

    [Fact]
    public async Task Pending_parts_are_listed_with_what_they_wait_for_until_they_are_ready()
    {
        await using AdminFixture node = new();
        AdminFixture.Part configuration = new("configuration", "no complete snapshot yet");
        AdminFixture.Part pods = new("pods", "hand-over socket is not there");
        node.Parts.AddRange([configuration, pods]);
        await node.StartAsync();
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "configuration: no complete snapshot yet\npods: hand-over socket is not there\n"),
            await node.GetAsync(Port, Path));

        configuration.Pending = null;
        Assert.Equal(
            (HttpStatusCode.ServiceUnavailable, "pods: hand-over socket is not there\n"), await node.GetAsync(Port, Path));
        pods.Pending = null;
        Assert.Equal((HttpStatusCode.OK, "ready\n"), await node.GetAsync(Port, Path));
    }

    [Fact]
    public async Task A_loop_that_does_not_turn_fails_readiness_by_name_within_two_seconds()
    {
        await using AdminFixture node = new();
        await node.StartAsync();
        using ManualResetEventSlim release = new();
        node.Loops.Loops[1].Post(() => release.Wait());

        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(8));
        (HttpStatusCode status, string text) = await node.GetAsync(Port, Path).WaitAsync(limit.Token);
        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Equal($"{node.Loops.Loops[1].Name}: did not answer within 1 s\n", text);

        release.Set();
        Assert.Equal(HttpStatusCode.OK, (await node.GetAsync(Port, Path)).Status);
    }

    [Fact]
    public async Task Before_loops_run_the_node_is_not_ready()
    {
        await using AdminFixture node = new() { AttachesLoops = false };
        await node.StartAsync();
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "loops: not started\n"), await node.GetAsync(Port, Path));
    }
}
