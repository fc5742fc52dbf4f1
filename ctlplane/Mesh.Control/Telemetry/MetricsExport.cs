using Mesh.Control.Serving;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Mesh.Control.Telemetry;

/// <summary>Sends the control plane's own metrics over OTLP. Without an endpoint there is no exporter and no cost.</summary>
internal static class MetricsExport
{
    private const int IntervalMs = 10_000;

    public static MeterProvider? Start(Uri? endpoint)
    {
        if (endpoint is null)
        {
            return null;
        }

        return Sdk.CreateMeterProviderBuilder()
            .ConfigureResource(resource => resource.AddService("mesh-control"))
            .AddMeter(ServingMetrics.MeterName)
            .AddOtlpExporter((exporter, reader) =>
            {
                exporter.Endpoint = endpoint;
                reader.PeriodicExportingMetricReaderOptions.ExportIntervalMilliseconds = IntervalMs;
            })
            .Build();
    }
}
