namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>One of istio's TCP metrics over all series.</summary>
internal sealed class TcpFamily : MetricFamily
{
    private readonly TcpSeriesCatalog _catalog;
    private readonly Func<TcpSeries, ResponseFlags, long> _read;
    private readonly bool _isByFlags;
    private readonly bool _showsZero;

    private TcpFamily(
        string name, string help, TcpSeriesCatalog catalog, Func<TcpSeries, ResponseFlags, long> read, bool isByFlags, bool showsZero)
        : base(name, MetricType.Counter, help)
    {
        _catalog = catalog;
        _read = read;
        _isByFlags = isByFlags;
        _showsZero = showsZero;
    }

    /// <summary>Registers all of them.</summary>
    public static void AddTo(MetricRegistry registry, TcpSeriesCatalog catalog)
    {
        registry.Add(new TcpFamily(
            "istio_tcp_connections_opened_total",
            "TCP connections opened.",
            catalog,
            static (series, _) => series.Sum(static cell => cell.Opened),
            isByFlags: false,
            showsZero: true));
        registry.Add(new TcpFamily(
            "istio_tcp_connections_closed_total",
            "TCP connections closed.",
            catalog,
            static (series, flags) => series.Closed(flags),
            isByFlags: true,
            showsZero: true));
        registry.Add(new TcpFamily(
            "istio_tcp_connections_failed_total",
            "TCP connections refused or broken.",
            catalog,
            static (series, flags) => series.Failed(flags),
            isByFlags: true,
            showsZero: false));
        registry.Add(new TcpFamily(
            "istio_tcp_received_bytes_total",
            "Bytes from the client to the server, whichever side reports.",
            catalog,
            static (series, _) => series.Sum(static cell => cell.ReceivedBytes),
            isByFlags: false,
            showsZero: true));
        registry.Add(new TcpFamily(
            "istio_tcp_sent_bytes_total",
            "Bytes from the server to the client, whichever side reports.",
            catalog,
            static (series, _) => series.Sum(static cell => cell.SentBytes),
            isByFlags: false,
            showsZero: true));
    }

    /// <inheritdoc />
    public override IEnumerable<Sample> Collect()
    {
        foreach (TcpSeries series in _catalog.Snapshot())
        {
            for (int index = 0; index < (_isByFlags ? CloseReasons.FlagsCount : 1); index++)
            {
                ResponseFlags flags = (ResponseFlags)index;
                long value = _read(series, flags);
                if (value > 0 || (_showsZero && flags == ResponseFlags.None))
                {
                    yield return new Sample(series.Labels(flags), value);
                }
            }
        }
    }
}
