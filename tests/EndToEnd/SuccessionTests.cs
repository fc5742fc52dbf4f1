using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// A next proxy that begins beside the one before it, and dies. Goal: whatever it took is served by the one that is still there.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class SuccessionTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    [LabFact]
    public async Task What_a_next_proxy_took_before_it_died_is_served_by_the_one_before_it_again()
    {
        LabNode node = await Lab.NodeAsync("node-2");
        LabPod client = await Lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("mesh/server-2"), Port);
        using Socket open = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        Assert.Equal("before", await open.EchoAsync("before"));
        ComponentStatus proxy = (await Lab.StatusAsync()).Components.Single(component => component.Name == node.Proxy);
        string process = proxy.ProcessId!.Value.ToString(CultureInfo.InvariantCulture);
        string command = await File.ReadAllTextAsync(Lab.PathInside($"/proc/{process}/cmdline"), TestContext.Current.CancellationToken);
        long logged = node.ProxyLogLengthBytes;

        using (var life = new CancellationTokenSource())
        {
            // As it was started itself. It is killed by giving it up.
            Task next = Lab.ExecuteAsync(node.Name, command.Split('\0', StringSplitOptions.RemoveEmptyEntries), cancellation: life.Token);
            await UntilLoggedAsync(node, logged, "The admin ports are closed");
            await Eventually.TrueAsync(async () => await StatusAsync(node) == HttpStatusCode.OK, s_patience, "the next proxy is ready");
            await life.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next);
        }

        await UntilLoggedAsync(node, logged, "they are served here again");
        await Eventually.TrueAsync(async () => await StatusAsync(node) == HttpStatusCode.OK, s_patience, "it is ready as before");
        Assert.Contains(":8080", await node.AdminAsync("/connections"), StringComparison.Ordinal);
        Assert.Equal("after", await open.EchoAsync("after"));
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
    }

    private static Task UntilLoggedAsync(LabNode node, long start, string text) => Eventually.TrueAsync(
        async () => (await node.ProxyLogAsync(start)).Contains(text, StringComparison.Ordinal), s_patience, text);

    private static async Task<HttpStatusCode?> StatusAsync(LabNode node)
    {
        try
        {
            return (await node.ReadinessAsync()).Status;
        }
        catch (HttpRequestException)
        {
            // Between one and the other nobody listens.
            return null;
        }
    }
}
