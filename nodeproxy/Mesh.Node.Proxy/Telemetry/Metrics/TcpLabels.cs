namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>The labels of istio's TCP metrics: always all, "unknown" where nothing is known, because Kiali drops what lacks one.</summary>
internal sealed class TcpLabels(TcpSeriesKey key, ResponseFlags flags, bool withLocality) : LabelSet
{
    private const string Unknown = "unknown";

    /// <summary>What every label of the series says that takes what the limits keep out.</summary>
    private const string Overflow = "overflow";

    private static readonly string[] s_names =
    [
        "reporter",
        "source_workload", "source_canonical_service", "source_canonical_revision", "source_workload_namespace", "source_principal",
        "source_app", "source_version", "source_cluster",
        "destination_service", "destination_service_namespace", "destination_service_name",
        "destination_workload", "destination_canonical_service", "destination_canonical_revision", "destination_workload_namespace",
        "destination_principal", "destination_app", "destination_version", "destination_cluster",
        "request_protocol", "response_flags", "connection_security_policy",
        "source_region", "source_zone", "destination_region", "destination_zone",
    ];

    private const int LocalityLabels = 4;

    /// <inheritdoc />
    public override int Count => withLocality ? s_names.Length : s_names.Length - LocalityLabels;

    /// <inheritdoc />
    public override KeyValuePair<string, string> this[int index] => new(s_names[index], Value(index));

    /// <summary>The labels of the overflow series.</summary>
    public static LabelSet OfOverflow(ResponseFlags flags, bool withLocality)
    {
        (string Name, string Value)[] labels = new (string, string)[withLocality ? s_names.Length : s_names.Length - LocalityLabels];
        for (int index = 0; index < labels.Length; index++)
        {
            labels[index] = (s_names[index], s_names[index] switch
            {
                "request_protocol" => "tcp",
                "response_flags" => CloseReasons.Text(flags),
                _ => Overflow,
            });
        }

        return Of(labels);
    }

    private string Value(int index)
    {
        string? value = s_names[index] switch
        {
            "reporter" => key.IsSourceReporter ? "source" : "destination",
            "source_workload" => key.Source.Workload,
            "source_canonical_service" or "source_app" => key.Source.CanonicalService,
            "source_canonical_revision" or "source_version" => key.Source.CanonicalRevision,
            "source_workload_namespace" => key.Source.Namespace,
            "source_principal" => key.SourcePrincipal,
            "source_cluster" => key.Source.Cluster,
            "source_region" => key.Source.Region,
            "source_zone" => key.Source.Zone,
            "destination_service" => key.Service.Hostname,
            "destination_service_namespace" => key.Service.Namespace,
            "destination_service_name" => key.Service.Name,
            "destination_workload" => key.Destination.Workload,
            "destination_canonical_service" or "destination_app" => key.Destination.CanonicalService,
            "destination_canonical_revision" or "destination_version" => key.Destination.CanonicalRevision,
            "destination_workload_namespace" => key.Destination.Namespace,
            "destination_principal" => key.DestinationPrincipal,
            "destination_cluster" => key.Destination.Cluster,
            "destination_region" => key.Destination.Region,
            "destination_zone" => key.Destination.Zone,
            "request_protocol" => "tcp",
            "response_flags" => CloseReasons.Text(flags),
            "connection_security_policy" => key.IsMutualTls ? "mutual_tls" : Unknown,
            string name => throw new InvalidOperationException($"The label {name} has no value."),
        };
        return string.IsNullOrEmpty(value) ? Unknown : value;
    }
}
