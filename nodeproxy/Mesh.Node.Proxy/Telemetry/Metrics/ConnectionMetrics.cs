namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>Our own counts of connections, by path and by reason.</summary>
internal static class ConnectionMetrics
{
    /// <summary>Registers them.</summary>
    /// <param name="registry">Where.</param>
    /// <param name="loops">What each loop saw.</param>
    public static void AddTo(MetricRegistry registry, IReadOnlyList<ConnectionTelemetry> loops)
    {
        foreach (ConnectionPath path in Enum.GetValues<ConnectionPath>())
        {
            registry.AddCounter(
                "mesh_connections_opened_total",
                "Connections accepted or made, by the path they entered, counted before anything about them is decided.",
                LabelSet.Of(("path", ConnectionPaths.Name(path))),
                () => loops.Sum(loop => loop.OpenedTotal(path)));
        }

        registry.Add(new ClosedFamily(loops));
        registry.Add(new OpenFamily(
            "mesh_connections_open", "Connections open now, by the path they take.", loops, static counts => ByPath(counts)));
        registry.Add(new OpenFamily(
            "istio_tcp_sockets_open", "Connections of applications open now.", loops, static counts => ByReporter(counts)));
    }

    private static IEnumerable<Sample> ByPath(int[] counts)
    {
        foreach (ConnectionPath path in Enum.GetValues<ConnectionPath>())
        {
            yield return new Sample(LabelSet.Of(("path", ConnectionPaths.Name(path))), counts[(int)path]);
        }
    }

    private static IEnumerable<Sample> ByReporter(int[] counts)
    {
        int source = 0;
        int destination = 0;
        foreach (ConnectionPath path in Enum.GetValues<ConnectionPath>().Where(path => !ConnectionPaths.IsTunnel(path)))
        {
            source += ConnectionPaths.IsOutbound(path) ? counts[(int)path] : 0;
            destination += ConnectionPaths.IsInbound(path) ? counts[(int)path] : 0;
        }

        yield return new Sample(LabelSet.Of(("reporter", "source")), source);
        yield return new Sample(LabelSet.Of(("reporter", "destination")), destination);
    }

    /// <summary>How connections ended. Pairs of path and reason that never happened are not shown.</summary>
    private sealed class ClosedFamily(IReadOnlyList<ConnectionTelemetry> loops)
        : MetricFamily("mesh_connections_closed_total", MetricType.Counter, "Connections that ended, by path and close reason.")
    {
        private readonly LabelSet?[] _labels = new LabelSet?[ConnectionPaths.Count * CloseReasons.Count];

        public override IEnumerable<Sample> Collect()
        {
            for (int index = 0; index < _labels.Length; index++)
            {
                ConnectionPath path = (ConnectionPath)(index / CloseReasons.Count);
                CloseReason reason = (CloseReason)(index % CloseReasons.Count);
                long count = loops.Sum(loop => loop.ClosedTotal(path, reason));
                if (count > 0)
                {
                    LabelSet labels = _labels[index] ??=
                        LabelSet.Of(("path", ConnectionPaths.Name(path)), ("reason", CloseReasons.Name(reason)));
                    yield return new Sample(labels, count);
                }
            }
        }
    }

    /// <summary>What is open, counted by walking it: a connection may change its path after accept.</summary>
    private sealed class OpenFamily(
        string name, string help, IReadOnlyList<ConnectionTelemetry> loops, Func<int[], IEnumerable<Sample>> samples)
        : MetricFamily(name, MetricType.Gauge, help)
    {
        public override IEnumerable<Sample> Collect()
        {
            int[] counts = new int[ConnectionPaths.Count];
            foreach (ConnectionTelemetry loop in loops)
            {
                foreach (ConnectionRecord record in loop.Open)
                {
                    counts[(int)record.Path]++;
                }
            }

            return samples(counts);
        }
    }
}
