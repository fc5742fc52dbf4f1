using System.Diagnostics;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyFaultTests(TproxyLab fixture) : FaultTests(fixture)
{
    // The TPROXY of iptables drops an opening packet until the agent has changed the rules, and a kernel repeats it after a second.
    protected override TimeSpan Told => TimeSpan.FromSeconds(2);
}

[Collection(nameof(NftGroup))]
public sealed class NftFaultTests(NftLab fixture) : FaultTests(fixture);

[Collection(nameof(RedirectGroup))]
public sealed class RedirectFaultTests(RedirectLab fixture) : FaultTests(fixture);

/// <summary>
/// What happens when a part of the mesh dies. Goal: without a proxy nothing passes and every application is told at once; without a control
/// plane or an agent everything that worked goes on; each part recovers when it is started again.
/// </summary>
public abstract class FaultTests(TwoNodeLab fixture) : IAsyncLifetime
{
    private const int Port = 8080;

    /// <summary>How long a connection that was open may wait for its reset.</summary>
    private static readonly TimeSpan s_cut = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly MeshLab _lab = fixture.Lab;

    public static TheoryData<AddressFamily> Families() => [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6];

    /// <summary>How long a new connection may wait for its refusal.</summary>
    protected virtual TimeSpan Told => TimeSpan.FromSeconds(1);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        foreach (string component in (string[])["control", "node-1/agent", "node-2/agent", "node-1/proxy", "node-2/proxy"])
        {
            await _lab.StartAsync(component);
        }

        // The next test is not to meet a policy of this one that a proxy has not yet heard to be gone.
        await fixture.ReadyAsync();
        await fixture.SettleAsync();
        GC.SuppressFinalize(this);
    }

    [LabTheory]
    [MemberData(nameof(Families))]
    public async Task Without_its_proxy_a_server_is_not_reached_in_plaintext_and_the_client_is_told_at_once(AddressFamily family)
    {
        LabPod plain = await _lab.PodAsync("outside/client-1");
        LabPod meshed = await _lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, plain, echo.EndPoint(family));
        await Attempt.UntilAsync(Outcome.Answered, meshed, echo.EndPoint(family));
        int reached = await echo.CountClientsAsync();

        await _lab.KillAsync("node-2/proxy");

        await AssertToldAsync(plain, echo, family);
        await AssertToldAsync(meshed, echo, family);
        Assert.Equal(reached, await echo.CountClientsAsync());

        await _lab.StartAsync("node-2/proxy");
        await Attempt.UntilAsync(Outcome.Answered, plain, echo.EndPoint(family));
        await Attempt.UntilAsync(Outcome.Answered, meshed, echo.EndPoint(family));
    }

    [LabTheory]
    [MemberData(nameof(Families))]
    public async Task Without_its_proxy_a_client_gets_nothing_out_and_is_told_at_once(AddressFamily family)
    {
        LabPod client = await _lab.PodAsync("mesh/client-1");
        await using EchoServer inside = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await using EchoServer outside = await EchoServer.StartAsync(await _lab.PodAsync("outside/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, client, inside.EndPoint(family));
        await Attempt.UntilAsync(Outcome.Answered, client, outside.EndPoint(family));
        int reached = await outside.CountClientsAsync();

        await _lab.KillAsync("node-1/proxy");

        await AssertToldAsync(client, inside, family);
        await AssertToldAsync(client, outside, family);
        Assert.Equal(reached, await outside.CountClientsAsync());

        await _lab.StartAsync("node-1/proxy");
        await Attempt.UntilAsync(Outcome.Answered, client, inside.EndPoint(family));
        await Attempt.UntilAsync(Outcome.Answered, client, outside.EndPoint(family));
    }

    [LabTheory]
    [InlineData("node-1/proxy", "mesh/client-1")]
    [InlineData("node-2/proxy", "mesh/client-1")]
    [InlineData("node-2/proxy", "mesh/client-2")]
    [InlineData("node-2/proxy", "outside/client-1")]
    public async Task What_was_open_when_its_proxy_was_killed_is_reset_at_both_ends(string proxy, string clientName)
    {
        const int RoundsMax = 3;
        LabPod client = await _lab.PodAsync(clientName);
        using Rendezvous meeting = await Rendezvous.OpenAsync(await _lab.PodAsync("mesh/server-2"), Port);
        TimeSpan taken = TimeSpan.MaxValue;

        // On a busy machine one round may be slow for the machine's sake, and not three.
        for (int round = 0; round < RoundsMax && taken > s_cut; round++)
        {
            if (round > 0)
            {
                await _lab.StartAsync(proxy);
                await fixture.ReadyAsync();
            }

            using ConnectedPair pair = await meeting.JoinAsync(client);
            await _lab.KillAsync(proxy);

            long killedAt = Stopwatch.GetTimestamp();
            ConnectionEnd[] ends = await Task.WhenAll(pair.Near.WaitForEndAsync(s_patience), pair.Far.WaitForEndAsync(s_patience));
            taken = Stopwatch.GetElapsedTime(killedAt);
            Assert.Equal([ConnectionEnd.Reset, ConnectionEnd.Reset], ends);
        }

        Assert.InRange(taken, TimeSpan.Zero, s_cut);
    }

    [LabFact]
    public async Task STRICT_holds_while_the_proxy_is_gone()
    {
        LabPod plain = await _lab.PodAsync("outside/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await StrictlyAsync(async () =>
        {
            await Attempt.UntilAsync(Outcome.Reset, plain, echo.EndPoint());
            int reached = await echo.CountClientsAsync();

            await _lab.KillAsync("node-2/proxy");
            await AssertToldAsync(plain, echo, AddressFamily.InterNetwork);
            await _lab.StartAsync("node-2/proxy");

            // Refused by nobody being there, then by policy; at no time in between may it pass.
            long startedAt = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(startedAt) < TimeSpan.FromSeconds(3))
            {
                Assert.NotEqual(Outcome.Answered, await Attempt.AnEchoAsync(plain, echo.EndPoint(), Told));
            }

            Assert.Equal(reached, await echo.CountClientsAsync());
        });
    }

    [LabFact]
    public async Task A_proxy_that_starts_while_the_control_plane_is_away_admits_nothing()
    {
        LabPod plain = await _lab.PodAsync("outside/client-1");
        LabPod meshed = await _lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, plain, echo.EndPoint());
        await _lab.KillAsync("control");
        await _lab.KillAsync("node-2/proxy");
        int reached = await echo.CountClientsAsync();

        await _lab.StartAsync("node-2/proxy");

        long startedAt = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(startedAt) < TimeSpan.FromSeconds(3))
        {
            Assert.NotEqual(Outcome.Answered, await Attempt.AnEchoAsync(plain, echo.EndPoint(), Told));
            Assert.NotEqual(Outcome.Answered, await Attempt.AnEchoAsync(meshed, echo.EndPoint(), Told));
        }

        Assert.Equal(reached, await echo.CountClientsAsync());
        await _lab.StartAsync("control");
        await Attempt.UntilAsync(Outcome.Answered, plain, echo.EndPoint(), TimeSpan.FromSeconds(60));
        await Attempt.UntilAsync(Outcome.Answered, meshed, echo.EndPoint(), TimeSpan.FromSeconds(60));
    }

    [LabTheory]
    [InlineData("control")]
    [InlineData("node-1/agent")]
    [InlineData("node-2/agent")]
    public async Task Traffic_goes_on_without_its_control_plane_or_agent(string component)
    {
        LabPod client = await _lab.PodAsync("mesh/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint());
        using Socket open = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        Assert.Equal("before", await open.EchoAsync("before"));

        await _lab.KillAsync(component);

        long startedAt = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(startedAt) < TimeSpan.FromSeconds(3))
        {
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(client, echo.EndPoint()));
            Assert.Equal("during", await open.EchoAsync("during"));
        }

        await _lab.StartAsync(component);
        await fixture.ReadyAsync();
        Assert.Equal("after", await open.EchoAsync("after"));
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(client, echo.EndPoint()));
    }

    [LabFact]
    public async Task A_policy_written_while_an_agent_is_away_still_arrives()
    {
        LabPod plain = await _lab.PodAsync("outside/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        await Attempt.UntilAsync(Outcome.Answered, plain, echo.EndPoint());
        await _lab.KillAsync("node-2/agent");

        await StrictlyAsync(() => Attempt.UntilAsync(Outcome.Reset, plain, echo.EndPoint()));
    }

    private async Task StrictlyAsync(Func<Task> body)
    {
        await _lab.ApplyAsync(
            """
            apiVersion: security.istio.io/v1
            kind: PeerAuthentication
            metadata: {name: strict, namespace: mesh}
            spec: {mtls: {mode: STRICT}}
            """);
        try
        {
            await body();
        }
        finally
        {
            await _lab.DeleteAsync("PeerAuthentication", "mesh/strict");
        }
    }

    // Refused or reset: an application has its answer either way. Five times, because the first may be luck; in the middle of them in
    // time, because one may be slow for the machine's sake.
    private async Task AssertToldAsync(LabPod client, EchoServer echo, AddressFamily family)
    {
        var taken = new List<TimeSpan>();
        for (int attempt = 0; attempt < 5; attempt++)
        {
            long startedAt = Stopwatch.GetTimestamp();
            Outcome outcome = await Attempt.AnEchoAsync(client, echo.EndPoint(family));
            taken.Add(Stopwatch.GetElapsedTime(startedAt));
            Assert.True(outcome is Outcome.Refused or Outcome.Reset, $"{client}: {outcome}");
        }

        Assert.InRange(taken.Order().ElementAt(taken.Count / 2), TimeSpan.Zero, Told);
    }
}
