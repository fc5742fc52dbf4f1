using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Mesh.Cni.Contract;

namespace Mesh.Node.Capture.Agent;

/// <summary>What the agent counts of its own work. Safe on any thread.</summary>
internal sealed class AgentMetrics
{
    // Of a look that finds all right, to one that writes rules on a busy node.
    private static readonly double[] s_boundsSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private readonly ConcurrentDictionary<(CniCommand Command, string Outcome), long> _requests = new();
    private readonly Lock _gate = new();

    // Guarded by _gate; one for each bound, and one for what is beyond.
    private readonly long[] _buckets = new long[s_boundsSeconds.Length + 1];
    private double _sumSeconds;
    private long _failures;
    private long _repairs;

    /// <summary>A pod was looked at, and its rules are what they must be.</summary>
    /// <param name="elapsed">From the beginning of the look, with the wait for its turn.</param>
    public void Reconciled(TimeSpan elapsed)
    {
        lock (_gate)
        {
            int bucket = Array.FindIndex(s_boundsSeconds, bound => elapsed.TotalSeconds <= bound);
            _buckets[bucket < 0 ? s_boundsSeconds.Length : bucket]++;
            _sumSeconds += elapsed.TotalSeconds;
        }
    }

    /// <summary>A pod was looked at in vain.</summary>
    public void ReconcileFailed() => Interlocked.Increment(ref _failures);

    /// <summary>Rules were found different and made right.</summary>
    public void Repaired() => Interlocked.Increment(ref _repairs);

    /// <summary>The runtime was answered.</summary>
    public void Answered(CniCommand command, string outcome) =>
        _requests.AddOrUpdate((command, outcome), 1, static (_, count) => count + 1);

    /// <summary>All of it in Prometheus' text format.</summary>
    public void WriteTo(StringBuilder text)
    {
        lock (_gate)
        {
            Begin(text, "mesh_agent_reconcile_duration_seconds", "histogram", "Looks at a pod's rules that found or made them right.");
            long sum = 0;
            for (int index = 0; index < _buckets.Length; index++)
            {
                sum += _buckets[index];
                string bound = index < s_boundsSeconds.Length ? s_boundsSeconds[index].ToString(CultureInfo.InvariantCulture) : "+Inf";
                Value(text, $"mesh_agent_reconcile_duration_seconds_bucket{{le=\"{bound}\"}}", sum);
            }

            Value(text, "mesh_agent_reconcile_duration_seconds_sum", _sumSeconds);
            Value(text, "mesh_agent_reconcile_duration_seconds_count", sum);
        }

        Begin(text, "mesh_agent_reconcile_failures_total", "counter", "Looks that ended without the rules being right.");
        Value(text, "mesh_agent_reconcile_failures_total", Interlocked.Read(ref _failures));
        Begin(text, "mesh_agent_drift_repairs_total", "counter", "Rules found different from what the agent had left, and repaired.");
        Value(text, "mesh_agent_drift_repairs_total", Interlocked.Read(ref _repairs));
        Begin(text, "mesh_agent_cni_requests_total", "counter", "Requests of the CNI plug-in, by command and outcome.");
        foreach (((CniCommand command, string outcome), long count) in _requests.OrderBy(entry => entry.Key))
        {
            Value(text, $"mesh_agent_cni_requests_total{{command=\"{WordOf(command)}\",outcome=\"{outcome}\"}}", count);
        }
    }

    /// <summary>Names a family.</summary>
    public static void Begin(StringBuilder text, string name, string type, string help) =>
        text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    /// <summary>One series, with its labels in the name.</summary>
    public static void Value(StringBuilder text, string series, double value) =>
        text.Append(CultureInfo.InvariantCulture, $"{series} {value:R}\n");

    private static string WordOf(CniCommand command) => command switch
    {
        CniCommand.Add => "ADD",
        CniCommand.Check => "CHECK",
        CniCommand.Delete => "DEL",
        CniCommand.CollectGarbage => "GC",
        _ => "STATUS",
    };
}
