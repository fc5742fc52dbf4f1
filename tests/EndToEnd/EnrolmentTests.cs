using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

[Collection(nameof(TproxyGroup))]
public sealed class TproxyEnrolmentTests(TproxyLab fixture) : EnrolmentTests(fixture);

[Collection(nameof(NftGroup))]
public sealed class NftEnrolmentTests(NftLab fixture) : EnrolmentTests(fixture);

[Collection(nameof(RedirectGroup))]
public sealed class RedirectEnrolmentTests(RedirectLab fixture) : EnrolmentTests(fixture);

/// <summary>
/// Pods that come into the mesh and leave it while they run. Goal: no connection that was open notices, and nothing is left behind.
/// </summary>
public abstract class EnrolmentTests(TwoNodeLab fixture) : IsolatedTests(fixture)
{
    private const int Port = 8080;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await LabelAsync("none");
    }

    [LabTheory]
    [InlineData(AddressFamily.InterNetwork)]
    [InlineData(AddressFamily.InterNetworkV6)]
    public async Task Connections_opened_before_enrolment_carry_data_after_it_in_both_directions(AddressFamily family)
    {
        LabPod joining = await Lab.PodAsync("outside/joining");
        LabPod partner = await Lab.PodAsync("outside/partner");
        using Rendezvous atJoining = await Rendezvous.OpenAsync(joining, Port);
        using Rendezvous atPartner = await Rendezvous.OpenAsync(partner, Port);
        using ConnectedPair outgoing = await atPartner.JoinAsync(joining, family);
        using ConnectedPair incoming = await atJoining.JoinAsync(partner, family);
        await SpeakAsync(outgoing, "before");
        await SpeakAsync(incoming, "before");

        await LabelAsync("ambient");

        // Either end first, long messages too: what the rules make of a packet must not depend on who speaks.
        await SpeakAsync(outgoing, "after");
        await SpeakAsync(incoming, "after");
        await SpeakAsync(outgoing, new string('x', 300_000));
        await SpeakAsync(incoming, new string('x', 300_000));
        using ConnectedPair captured = await atPartner.JoinAsync(joining, family);
        await SpeakAsync(captured, "captured");
        await AssertEndsInOrderAsync(outgoing);
        await AssertEndsInOrderAsync(incoming);
        await AssertEndsInOrderAsync(captured);
        await Fixture.AccessLineAsync(
            "node-1", line => line is { SourceWorkload: "joining", DestinationWorkload: "partner", CloseReason: "Completed" });
    }

    [LabFact]
    public async Task A_pod_that_leaves_the_mesh_has_no_rule_no_route_and_no_listener_left_and_goes_on()
    {
        LabPod joining = await Lab.PodAsync("outside/joining");
        LabPod partner = await Lab.PodAsync("outside/partner");
        string before = await StateOfAsync(joining);
        using Rendezvous atPartner = await Rendezvous.OpenAsync(partner, Port);
        await LabelAsync("ambient");
        Assert.NotEqual(before, await StateOfAsync(joining));

        await LabelAsync("none");

        await Eventually.TrueAsync(
            async () => await StateOfAsync(joining) == before, TimeSpan.FromSeconds(30), "The pod's network as it was before");
        using ConnectedPair plain = await atPartner.JoinAsync(joining);
        await SpeakAsync(plain, "plain again");
        await AssertEndsInOrderAsync(plain);
    }

    [LabFact]
    public async Task A_pod_can_join_and_leave_again_and_again()
    {
        LabPod joining = await Lab.PodAsync("outside/joining");
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("outside/partner"), Port);
        for (int round = 0; round < 3; round++)
        {
            await LabelAsync("ambient");
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(joining, echo.EndPoint()));
            await LabelAsync("none");
            Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(joining, echo.EndPoint()));
        }
    }

    private async Task LabelAsync(string mode)
    {
        string label = $"istio.io/dataplane-mode: {mode}";
        string joining = TwoNodeLab.Pod("outside/joining", 1, "joining", label);
        await ApplyAsync(joining + "---\n" + TwoNodeLab.Pod("outside/partner", 2, "partner"));
        await Fixture.ReadyAsync();
        bool isWanted = mode == "ambient";
        await Eventually.TrueAsync(
            async () => (await Lab.StatusAsync()).Pods.Single(pod => pod.Name == "joining").IsCaptured == isWanted,
            TimeSpan.FromSeconds(30),
            $"Mode {mode}");
        await Fixture.SettleAsync();
    }

    // Whatever capture touches: rules of either tool and family, policy routes, listeners.
    private static async Task<string> StateOfAsync(LabPod pod)
    {
        const string Script =
            """
            nft list ruleset; ip rule; ip -6 rule; ip route show table all | grep -v ' dev eth0'; ip -6 route show table 100 2>/dev/null
            XTABLES_LOCKFILE=/run/xtables.pod iptables-legacy-save 2>/dev/null | grep -v '^#'
            ss -Hltn
            """;
        CommandResult result = await pod.ExecuteAsync("sh", "-c", Script);
        return result.Output;
    }

    private static async Task SpeakAsync(ConnectedPair pair, string words)
    {
        byte[] bytes = System.Text.Encoding.ASCII.GetBytes(words);
        byte[] received = new byte[bytes.Length];
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        foreach ((Socket from, Socket to) in ((Socket, Socket)[])[(pair.Near, pair.Far), (pair.Far, pair.Near)])
        {
            Task sending = from.SendAllAsync(bytes, limit.Token);
            Assert.True(await to.TryReceiveExactlyAsync(received, limit.Token));
            await sending;
            Assert.Equal(bytes, received);
        }
    }

    private static async Task AssertEndsInOrderAsync(ConnectedPair pair)
    {
        pair.Near.Shutdown(SocketShutdown.Send);
        Assert.Equal(ConnectionEnd.Ended, await pair.Far.WaitForEndAsync(TimeSpan.FromSeconds(20)));
        pair.Far.Shutdown(SocketShutdown.Send);
        Assert.Equal(ConnectionEnd.Ended, await pair.Near.WaitForEndAsync(TimeSpan.FromSeconds(20)));
    }
}
