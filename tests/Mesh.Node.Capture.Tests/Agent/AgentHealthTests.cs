using Mesh.Cni.Contract;
using Mesh.Node.Capture.Agent;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Agent;

/// <summary>
/// Goal: an agent says what it waits for, and counts what it does. Method: the agent with its real rules, a proxy in miniature.
/// </summary>
public sealed class AgentHealthTests
{
    [LabFact]
    public async Task It_is_ready_once_its_pods_were_looked_at_and_a_proxy_is_there()
    {
        using PodPair pair = await PodPair.CreateAsync();
        await using AgentUnderTest agent = new(new CaptureOptions { DrainSeconds = 0 });
        agent.WritePod("a", pair.Pod.Network);
        agent.WritePod("b", pair.Pod.Network, path: "/no/such/network");
        NodeAgent unstarted = agent.Create();
        Assert.Equal(["pods", "proxy"], unstarted.Pending.Select(reason => reason.Split(':')[0]));
        Assert.True(unstarted.IsAlive);

        agent.Start();
        await agent.UntilAsync("a", "waiting-for-proxy");
        await agent.UntilAsync("b", "wrong");
        await Wait.UntilAsync(
            () => agent.Agent.Pending is [string one] && one.StartsWith("proxy: ", StringComparison.Ordinal), "it waits for a proxy alone");
        using ProxySink proxy = new(agent.Handover);
        await agent.UntilAsync("a", "captured");
        Assert.Empty(agent.Agent.Pending);
        Assert.Equal(
            ("1", "1", "0"),
            (Value("mesh_agent_pods{condition=\"captured\"}"), Value("mesh_agent_pods{condition=\"wrong\"}"),
                Value("mesh_agent_drift_repairs_total")));
        Assert.NotEqual("0", Value("mesh_agent_reconcile_failures_total"));
        string page = agent.Agent.WriteMetrics();
        Assert.Equal(
            ValueIn(page, "mesh_agent_reconcile_duration_seconds_count"),
            ValueIn(page, "mesh_agent_reconcile_duration_seconds_bucket{le=\"+Inf\"}"));

        await pair.Pod.ExecuteAsync("nft flush chain inet mesh_node connect");
        agent.Agent.VerifyNow();
        await Wait.UntilAsync(() => Value("mesh_agent_drift_repairs_total") == "1", "the repair is counted");
        await proxy.KillAsync();
        await Wait.UntilAsync(() => Value("mesh_agent_ready") == "0", "the proxy is missed");

        string Value(string series) => ValueIn(agent.Agent.WriteMetrics(), series);

        static string ValueIn(string page, string series) => page.Split('\n')
            .Single(line => line.StartsWith(series + " ", StringComparison.Ordinal))[(series.Length + 1)..];
    }

    [Fact]
    public void Answers_are_counted_by_command_and_outcome()
    {
        AgentMetrics metrics = new();
        metrics.Answered(CniCommand.Add, "success");
        metrics.Answered(CniCommand.Add, "try-again");
        metrics.Answered(CniCommand.Add, "success");
        metrics.Reconciled(TimeSpan.FromSeconds(30));
        metrics.Reconciled(TimeSpan.FromMilliseconds(20));
        System.Text.StringBuilder text = new();
        metrics.WriteTo(text);
        string[] lines = text.ToString().Split('\n');
        Assert.Contains("mesh_agent_cni_requests_total{command=\"ADD\",outcome=\"success\"} 2", lines);
        Assert.Contains("mesh_agent_cni_requests_total{command=\"ADD\",outcome=\"try-again\"} 1", lines);
        Assert.Contains("mesh_agent_reconcile_duration_seconds_bucket{le=\"0.01\"} 0", lines);
        Assert.Contains("mesh_agent_reconcile_duration_seconds_bucket{le=\"0.025\"} 1", lines);
        Assert.Contains("mesh_agent_reconcile_duration_seconds_bucket{le=\"10\"} 1", lines);
        Assert.Contains("mesh_agent_reconcile_duration_seconds_bucket{le=\"+Inf\"} 2", lines);
        Assert.Contains("mesh_agent_reconcile_duration_seconds_sum 30.02", lines);
    }
}
