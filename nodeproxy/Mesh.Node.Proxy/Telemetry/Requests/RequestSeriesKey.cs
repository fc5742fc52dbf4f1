using Mesh.Node.Proxy.Telemetry.Metrics;

namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>Everything that tells one istio series of requests from another.</summary>
internal readonly record struct RequestSeriesKey(PartiesKey Parties, RequestOutcome Outcome) : ISeriesKey
{
    /// <inheritdoc />
    public WorkloadLabels Source => Parties.Source;

    /// <inheritdoc />
    public WorkloadLabels Destination => Parties.Destination;

    /// <inheritdoc />
    public ServiceLabels Service => Parties.Service;

    /// <inheritdoc />
    public WorkloadLabels Local => Parties.Local;

    /// <summary>The key of <paramref name="record"/> as one of the two reporters sees it.</summary>
    public static RequestSeriesKey Of(RequestRecord record, bool isSourceReporter, bool withLocality) => new(
        new PartiesKey(
            isSourceReporter,
            WorkloadLabels.Of(record.Source, withLocality),
            record.SourceIdentity?.ToString(),
            WorkloadLabels.Of(record.DestinationWorkload, withLocality),
            record.DestinationIdentity?.ToString(),
            ServiceLabels.Of(record.Service, record.Path),

            // Only the server's side says how it was reached.
            !isSourceReporter && record.IsMutualTls),
        RequestOutcome.Of(record));
}
