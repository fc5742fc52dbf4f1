using System.Text;
using Mesh.Node.Capture.Cni;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Kubernetes;
using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Agent;

/// <content>How the agent is, for those who start it anew, wait for it, or measure it.</content>
public sealed partial class NodeAgent
{
    // Held for moments. Who cannot have it for so long will not have it at all.
    private static readonly TimeSpan s_gateLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_conditionLook = TimeSpan.FromSeconds(5);

    private readonly AgentMetrics _metrics = new();

    // Set once RunAsync has made them.
    private volatile HandoverServer? _server;
    private volatile PodSources? _podSources;
    private volatile CniInstaller? _installer;

    /// <summary>Whether the agent gets on with its work, as far as it depends on nobody else. Any thread.</summary>
    public bool IsAlive
    {
        get
        {
            if (!_gate.TryEnter(s_gateLimit))
            {
                return false;
            }

            _gate.Exit();
            return !_fault.Task.IsFaulted;
        }
    }

    /// <summary>
    /// What the agent waits for; empty once the pods of the node are known and each was looked at, the CNI plug-in is installed and a
    /// proxy is connected. A pod that cannot be captured does not count: it is no fault of the node. Any thread.
    /// </summary>
    public IReadOnlyList<string> Pending
    {
        get
        {
            List<string> pending = [];
            if (!_firstLook.Task.IsCompleted)
            {
                IReadOnlyList<string> problems = _podSources?.Problems ?? [];
                pending.Add(problems.Count > 0
                    ? $"pods: {string.Join("; ", problems)}"
                    : "pods: those of the node are not known yet, or not all looked at");
            }

            if (Cni is { Enabled: true, Installs: true } && _installer?.Problem is string problem)
            {
                pending.Add($"cni: {problem}");
            }

            if (_server is not { SessionCount: > 0 })
            {
                pending.Add("proxy: none is connected, so connections of captured pods are refused");
            }

            return pending;
        }
    }

    /// <summary>The metrics in Prometheus' text format. Any thread.</summary>
    public string WriteMetrics()
    {
        StringBuilder text = new();
        Dictionary<PodCondition, int> pods = Enum.GetValues<PodCondition>().ToDictionary(condition => condition, _ => 0);
        foreach (PodReport report in Reports())
        {
            pods[report.Condition]++;
        }

        AgentMetrics.Begin(text, "mesh_agent_pods", "gauge", "Pods of the node that belong to the mesh, by how far they are.");
        foreach ((PodCondition condition, int count) in pods.OrderBy(entry => entry.Key))
        {
            AgentMetrics.Value(text, $"mesh_agent_pods{{condition=\"{WordOf(condition)}\"}}", count);
        }

        AgentMetrics.Begin(text, "mesh_agent_ready", "gauge", "1 while the agent waits for nothing.");
        AgentMetrics.Value(text, "mesh_agent_ready", Pending.Count == 0 ? 1 : 0);
        AgentMetrics.Begin(text, "mesh_agent_proxies", "gauge", "Proxies that are connected.");
        AgentMetrics.Value(text, "mesh_agent_proxies", _server?.SessionCount ?? 0);
        AgentMetrics.Begin(text, "mesh_agent_problems", "gauge", "What keeps the agent from knowing its pods.");
        AgentMetrics.Value(text, "mesh_agent_problems", Problems().Count);
        AgentMetrics.Begin(text, "mesh_agent_watch_restarts_total", "counter", "Watches that failed or were to list anew.");
        foreach ((string kind, long count) in _podSources?.WatchRestarts ?? [])
        {
            AgentMetrics.Value(text, $"mesh_agent_watch_restarts_total{{kind=\"{kind}\"}}", count);
        }

        _metrics.WriteTo(text);
        return text.ToString();
    }

    /// <summary>Says on the node, where somebody reads it, how the agent is.</summary>
    private async Task SayConditionAsync(NodeCondition? condition, CancellationToken cancellation)
    {
        while (condition is not null)
        {
            await Task.Delay(s_conditionLook, _time, cancellation);
            await condition.SayAsync([.. Pending, .. Problems()], cancellation);
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
    }

    private IReadOnlyList<string> Problems()
    {
        IReadOnlyList<string> known = _podSources?.Problems ?? [];
        return _otherProblem is string other ? [other, .. known] : known;
    }

    private PodReport[] Reports()
    {
        lock (_gate)
        {
            return [.. _pods.Values.Select(entry => entry.Pod.Report)];
        }
    }

    private static string WordOf(PodCondition condition) => condition switch
    {
        PodCondition.Enrolling => "enrolling",
        PodCondition.WaitingForProxy => "waiting-for-proxy",
        PodCondition.Captured => "captured",
        PodCondition.Wrong => "wrong",
        _ => "leaving",
    };
}
