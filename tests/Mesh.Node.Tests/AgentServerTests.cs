using System.Net;
using Mesh.Node.AgentPages;
using Mesh.Node.Capture;
using Mesh.Node.Capture.Agent;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Tests;

/// <summary>The agent's port answers those who restart it, wait for it and measure it. Method: an agent that has not begun.</summary>
public sealed class AgentServerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("GET", "/livez", 200, "alive")]
    [InlineData("GET", "/readyz", 503, "proxy: none is connected")]
    [InlineData("GET", "/metrics", 200, "mesh_agent_pods{condition=\"captured\"} 0")]
    [InlineData("GET", "/", 404, "/readyz")]
    [InlineData("POST", "/livez", 405, "only read")]
    public async Task Each_path_has_its_answer(string method, string path, int status, string words)
    {
        NodeAgent agent = new(
            "node-1", [], new CaptureOptions(), new PodSourceOptions(), new KubernetesOptions(), new HandoverOptions(),
            NullLogger.Instance, TimeProvider.System);
        await using AgentServer server = await AgentServer.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), agent, Cancellation);
        using HttpClient client = new();
        using HttpRequestMessage request = new(new HttpMethod(method), $"http://{server.EndPoint}{path}");
        using HttpResponseMessage answer = await client.SendAsync(request, Cancellation);
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Contains(words, await answer.Content.ReadAsStringAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_named()
    {
        NodeAgent agent = new(
            "node-1", [], new CaptureOptions(), new PodSourceOptions(), new KubernetesOptions(), new HandoverOptions(),
            NullLogger.Instance, TimeProvider.System);
        await using AgentServer first = await AgentServer.StartAsync(new IPEndPoint(IPAddress.Loopback, 0), agent, Cancellation);
        IOException taken =
            await Assert.ThrowsAsync<IOException>(() => AgentServer.StartAsync(first.EndPoint, agent, Cancellation));
        Assert.Contains($"admin.agent: {first.EndPoint}", taken.Message, StringComparison.Ordinal);
    }
}
