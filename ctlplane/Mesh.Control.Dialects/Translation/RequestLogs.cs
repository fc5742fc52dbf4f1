using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Whose requests have lines in the log, by Telemetry (reference B.9): what the root namespace's says, then that of the namespace, then the
/// one that selects the workload; of several of one kind the oldest. A narrower one that names no provider has those of the wider. Each
/// says something only for the sides that it is for.
/// </summary>
/// <param name="telemetries">Those of the namespace.</param>
/// <param name="ofMesh">The root namespace's, for the mesh; null without.</param>
internal sealed class RequestLogs(IEnumerable<TelemetrySpec> telemetries, TelemetrySpec? ofMesh)
{
    private readonly ImmutableArray<TelemetrySpec> _telemetries = [.. InOrder(telemetries)];

    /// <summary>Oldest first.</summary>
    public static IEnumerable<TelemetrySpec> InOrder(IEnumerable<TelemetrySpec> telemetries) => telemetries
        .OrderBy(spec => spec.CreatedAt ?? DateTimeOffset.MaxValue)
        .ThenBy(spec => spec.Name, StringComparer.Ordinal);

    public RequestLogging Of(Labels labels)
    {
        TelemetrySpec? ofNamespace = _telemetries.FirstOrDefault(spec => spec.Selector is null);
        TelemetrySpec? ofWorkload = _telemetries.FirstOrDefault(spec => spec.Selector is { } selector && labels.Satisfy(selector));
        RequestLogging logging = default;
        ImmutableArray<string> providers = [];
        foreach (TelemetrySpec? level in (ReadOnlySpan<TelemetrySpec?>)[ofMesh, ofNamespace == ofMesh ? null : ofNamespace, ofWorkload])
        {
            foreach (AccessLoggingSpec said in level?.Logging ?? [])
            {
                providers = said.Providers.IsEmpty ? providers : said.Providers;
                bool isOurs = providers.Contains(AccessLoggingSpec.Provider, StringComparer.Ordinal);
                if (isOurs || (said.IsDisabled && said.Providers.IsEmpty))
                {
                    RequestLog log = said.IsDisabled ? RequestLog.Omitted : RequestLog.Written;
                    logging = new RequestLogging(
                        said.IsOfClients ? log : logging.Client, said.IsOfServers ? log : logging.Server);
                }
            }
        }

        return logging;
    }
}
