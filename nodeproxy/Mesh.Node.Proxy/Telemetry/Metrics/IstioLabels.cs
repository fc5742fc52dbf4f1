namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>The labels of an istio series: always all, "unknown" where nothing is known, because Kiali drops what lacks one.</summary>
/// <param name="key">Who spoke to whom.</param>
/// <param name="names">Every label, in the order of <see cref="NamesWith"/>.</param>
/// <param name="withLocality">Whether the last ones, region and zone of both sides, are shown.</param>
internal abstract class IstioLabels(PartiesKey key, string[] names, bool withLocality) : LabelSet
{
    /// <summary>What is not known.</summary>
    protected const string Unknown = "unknown";

    /// <summary>What every label of a series says that takes what the limits keep out.</summary>
    private const string Overflow = "overflow";

    private const int LocalityLabels = 4;

    /// <inheritdoc />
    public override int Count => names.Length - (withLocality ? 0 : LocalityLabels);

    /// <inheritdoc />
    public override KeyValuePair<string, string> this[int index] => new(names[index], Own(names[index]) ?? Party(names[index]));

    /// <summary>The names of the labels: those of both sides, the ones that a protocol adds, and the localities.</summary>
    protected static string[] NamesWith(params ReadOnlySpan<string> own) =>
    [
        "reporter",
        "source_workload", "source_canonical_service", "source_canonical_revision", "source_workload_namespace", "source_principal",
        "source_app", "source_version", "source_cluster",
        "destination_service", "destination_service_namespace", "destination_service_name",
        "destination_workload", "destination_canonical_service", "destination_canonical_revision", "destination_workload_namespace",
        "destination_principal", "destination_app", "destination_version", "destination_cluster",
        .. own,
        "source_region", "source_zone", "destination_region", "destination_zone",
    ];

    /// <summary>The labels of an overflow series.</summary>
    /// <param name="names">Every label.</param>
    /// <param name="withLocality">Whether localities are shown.</param>
    /// <param name="own">Values that stay as they are; null for the rest.</param>
    protected static LabelSet OverflowOf(string[] names, bool withLocality, Func<string, string?> own)
    {
        (string Name, string Value)[] labels = new (string, string)[names.Length - (withLocality ? 0 : LocalityLabels)];
        for (int index = 0; index < labels.Length; index++)
        {
            labels[index] = (names[index], own(names[index]) ?? Overflow);
        }

        return Of(labels);
    }

    /// <summary>The value of a label that the protocol adds; null for one of the sides'.</summary>
    protected abstract string? Own(string name);

    private string Party(string name)
    {
        string? value = name switch
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
            _ => throw new InvalidOperationException($"The label {name} has no value."),
        };
        return string.IsNullOrEmpty(value) ? Unknown : value;
    }
}
