using System.Diagnostics;
using System.Globalization;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>How the loops do: what they hold, how busy they are, how long work waits for them.</summary>
internal static class LoopMetrics
{
    /// <summary>Registers them.</summary>
    public static void AddTo(MetricRegistry registry, IReadOnlyList<EventLoop> loops, LoopVisits visits)
    {
        foreach (EventLoop loop in loops)
        {
            LabelSet labels = LabelSet.Of(("loop", loop.Index.ToString(CultureInfo.InvariantCulture)));
            registry.AddCounter("mesh_loop_turns_total", "Turns a loop has completed.", labels, () => loop.Turns);
            registry.AddCounter(
                "mesh_loop_busy_seconds_total",
                "Time a loop has spent outside its wait.",
                labels,
                () => loop.BusyTicks / (double)Stopwatch.Frequency);
            registry.AddGauge(
                "mesh_loop_lag_seconds",
                "How long the last scrape or probe waited for a loop to answer.",
                labels,
                () => visits.Lag(loop.Index).TotalSeconds);
            registry.AddGauge(
                "mesh_loop_turn_seconds", "Age of the turn a loop is in.", labels, () => LoopWatchdog.InTurnFor(loop).TotalSeconds);
            registry.AddGauge("mesh_loop_connections", "Connections that live on a loop.", labels, () => loop.ConnectionCount);
            registry.AddCounter(
                "mesh_loop_spilled_connections_total",
                "Connections accepted on one loop and begun on another: the first was loaded, or the loops take them in turn.",
                labels,
                () => loop.SpilledCount);
            registry.AddGauge(
                "mesh_loop_buffered_bytes",
                "Bytes of buffers that hold what could not be passed on.",
                labels,
                () => (double)loop.Buffers.OutstandingBlocks * BufferPool.BlockBytes);
            AddPipes(registry, loop.Pipes, labels);
        }
    }

    private static void AddPipes(MetricRegistry registry, PipePool pipes, LabelSet labels)
    {
        registry.AddGauge("mesh_pipes_open", "Pipes for splicing that are open.", labels, () => pipes.OpenCount);
        registry.AddGauge("mesh_pipes_leased", "Pipes for splicing that hold bytes.", labels, () => pipes.LeasedCount);
        registry.AddCounter("mesh_spliced_bytes_total", "Bytes delivered by splice.", labels, () => pipes.SplicedBytes);

        const string Refusals = "mesh_pipe_refusals_total";
        const string Help = "Times a relay copied for want of a pipe: the budget had none left, or the kernel refused.";
        KeyValuePair<string, string> loop = labels[0];
        registry.AddCounter(
            Refusals, Help, LabelSet.Of((loop.Key, loop.Value), ("by", "budget")), () => pipes.RefusedByBudgetCount);
        registry.AddCounter(
            Refusals, Help, LabelSet.Of((loop.Key, loop.Value), ("by", "kernel")), () => pipes.RefusedByKernelCount);
    }
}
