using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Pods that come while nobody can say what may reach them. Goal: nothing gets in unpoliced, and everything that may does once the control
/// plane is back.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class StartTests(TproxyLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public override async ValueTask DisposeAsync()
    {
        await Lab.StartAsync("control");
        await Fixture.ReadyAsync();
        await base.DisposeAsync();
    }

    [LabFact]
    public async Task A_pod_that_comes_while_the_control_plane_is_away_is_reached_by_nobody_until_it_is_back()
    {
        LabPod plain = await Lab.PodAsync("outside/client-1");
        await Lab.KillAsync("control");
        await ApplyAsync(TwoNodeLab.Pod("mesh/newcomer", node: 2, "newcomer"));
        await Eventually.TrueAsync(
            async () => (await Lab.StatusAsync()).Pods.Single(pod => pod.Name == "newcomer").IsCaptured,
            TimeSpan.FromSeconds(30),
            "Capture");
        LabPod newcomer = await Lab.PodAsync("mesh/newcomer");
        await using EchoServer echo = await EchoServer.StartAsync(newcomer, Port);

        // It waits a while for what the control plane may still say.
        Outcome[] outcomes = await Task.WhenAll(
            Attempt.AnEchoAsync(plain, echo.EndPoint(), s_patience),
            Attempt.AnEchoAsync(plain, echo.EndPoint(AddressFamily.InterNetworkV6), s_patience));
        Assert.Equal([Outcome.Reset, Outcome.Reset], outcomes);
        Assert.Empty(echo.Clients);
        await Fixture.AccessLineAsync("node-2", line => line is { Path: "InboundPlaintext", CloseReason: "DestinationUnknown" });

        await Lab.StartAsync("control");
        await Attempt.UntilAsync(Outcome.Answered, plain, echo.EndPoint(), TimeSpan.FromSeconds(60));
        await Attempt.UntilAsync(Outcome.Answered, await Lab.PodAsync("mesh/client-1"), echo.EndPoint(), TimeSpan.FromSeconds(60));
        await Attempt.UntilAsync(Outcome.Answered, await Lab.PodAsync("mesh/client-2"), echo.EndPoint(), TimeSpan.FromSeconds(60));
    }
}
