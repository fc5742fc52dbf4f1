using System.IO.Compression;
using System.IO.Pipelines;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Mesh.Node.Proxy.Admin;

/// <summary>Port 15020: the registry as text, for Prometheus and those who speak like it.</summary>
internal sealed class MetricsPages : Pages
{
    /// <summary>How long a scrape waits for loops to report what open connections carried.</summary>
    private static readonly TimeSpan s_reportTime = TimeSpan.FromSeconds(1);

    private readonly NodeTelemetry _telemetry;

    public MetricsPages(NodeTelemetry telemetry)
    {
        _telemetry = telemetry;
        Page metrics = new("metrics in the text format of Prometheus, or of OpenMetrics where it is asked for", WriteAsync);
        Add("/metrics", metrics);
        Add("/stats/prometheus", metrics);
    }

    private async Task WriteAsync(HttpContext context)
    {
        await _telemetry.ReportOpenBytesAsync(s_reportTime);

        ExpositionFormat format = Mentions(context.Request.Headers.Accept, "application/openmetrics-text")
            ? ExpositionFormat.OpenMetrics
            : ExpositionFormat.PrometheusText;
        context.Response.ContentType = ExpositionWriter.ContentType(format);
        context.Response.Headers[HeaderNames.Vary] = "Accept, Accept-Encoding";
        if (!Mentions(context.Request.Headers.AcceptEncoding, "gzip"))
        {
            await ExpositionWriter.WriteAsync(_telemetry.Metrics, format, context.Response.BodyWriter, context.RequestAborted);
            return;
        }

        context.Response.Headers[HeaderNames.ContentEncoding] = "gzip";
        await using GZipStream compressed = new(context.Response.Body, CompressionLevel.Fastest, leaveOpen: true);
        PipeWriter output = PipeWriter.Create(compressed, new StreamPipeWriterOptions(leaveOpen: true));
        await ExpositionWriter.WriteAsync(_telemetry.Metrics, format, output, context.RequestAborted);
        await output.CompleteAsync();
    }

    private static bool Mentions(StringValues header, string value)
    {
        foreach (string? text in header)
        {
            if (text?.Contains(value, StringComparison.OrdinalIgnoreCase) == true)
            {
                return true;
            }
        }

        return false;
    }
}
