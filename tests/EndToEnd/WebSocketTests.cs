using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// WebSockets of applications. Goal: they open, carry messages of every size, stay open while nothing is said, close in order, and end when
/// policy says so. Method: client and server of Python's websockets, which are not ours, on one node and through a tunnel.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class WebSocketTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    [LabTheory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_WebSocket_carries_messages_stays_open_and_ends_when_policy_says_so(int node)
    {
        // What a pod has written is kept by its name.
        string service = $"chat-{node}";
        await ApplyAsync(
            Applications.Pod(
                service, node, service, command: Applications.Script("websocket-server.py", $"{Applications.Port}"))
            + Applications.Service(service));
        await Fixture.ReadyAsync();
        await Lab.WaitForListenerAsync($"mesh/{service}");
        await Fixture.SettleAsync();
        LabPod client = await Lab.PodAsync("mesh/client-1");
        string target = $"{await Lab.AddressAsync(service)}:80";

        Assert.Equal("exchanged 1000\n", await client.OutputAsync(Applications.Script("websocket-client.py", target, "exchange", "2")));

        Task<string> waiting = client.OutputAsync(Applications.Script("websocket-client.py", target, "wait", "0.1"));
        await Eventually.TrueAsync(
            async () => (await Lab.ReadLogAsync($"mesh.{service}")).Contains("again", StringComparison.Ordinal),
            TimeSpan.FromSeconds(60),
            "the WebSocket is open");
        await EstablishAsync(
            $$$"""
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: {{{service}}}, namespace: mesh}
            spec:
              selector: {matchLabels: {app: {{{service}}}}}
              action: DENY
              rules: [{to: [{operation: {paths: [/chat]}}]}]
            """);

        // 1006: without a closing handshake.
        Assert.Equal("open hello\nended 1006\n", await waiting.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal("refused 403\n", await client.OutputAsync(Applications.Script("websocket-client.py", target, "exchange", "0")));
    }
}
