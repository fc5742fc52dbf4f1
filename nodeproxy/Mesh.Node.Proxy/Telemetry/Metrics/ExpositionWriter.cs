using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Unicode;

namespace Mesh.Node.Proxy.Telemetry.Metrics;

/// <summary>The two texts that scrapers read.</summary>
public enum ExpositionFormat
{
    /// <summary>Prometheus text format 0.0.4: what a scraper gets that asks for nothing.</summary>
    PrometheusText,

    /// <summary>OpenMetrics 1.0.0.</summary>
    OpenMetrics,
}

/// <summary>Writes a registry as text. One scrape uses it at a time; it keeps nothing between scrapes.</summary>
public static class ExpositionWriter
{
    /// <summary>Bytes after which what was written is sent on, so that a large scrape is never in memory whole.</summary>
    private const int FlushBytes = 64 * 1024;

    /// <summary>The Content-Type of a format.</summary>
    public static string ContentType(ExpositionFormat format) => format == ExpositionFormat.OpenMetrics
        ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
        : "text/plain; version=0.0.4; charset=utf-8";

    /// <summary>Writes all families. Completing <paramref name="output"/> is the caller's.</summary>
    /// <param name="registry">What to write.</param>
    /// <param name="format">How.</param>
    /// <param name="output">Where.</param>
    /// <param name="cancellation">Stops between two pieces.</param>
    public static async Task WriteAsync(
        MetricRegistry registry, ExpositionFormat format, PipeWriter output, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(registry);
        ArgumentNullException.ThrowIfNull(output);
        foreach (MetricFamily family in registry.Families)
        {
            bool hasHeader = false;
            foreach (Sample sample in family.Collect())
            {
                if (!hasHeader)
                {
                    WriteHeader(output, family, format);
                    hasHeader = true;
                }

                if (sample.Histogram is HistogramValue histogram)
                {
                    WriteHistogram(output, family.Name, sample.Labels, histogram, format);
                }
                else
                {
                    WriteSample(output, family.Name, suffix: "", sample.Labels, bound: null, sample.Value);
                }

                if (output.UnflushedBytes >= FlushBytes)
                {
                    FlushResult flush = await output.FlushAsync(cancellation);
                    if (flush.IsCompleted)
                    {
                        return;
                    }
                }
            }
        }

        if (format == ExpositionFormat.OpenMetrics)
        {
            Raw(output, "# EOF\n"u8);
        }

        await output.FlushAsync(cancellation);
    }

    private static void WriteHeader(PipeWriter output, MetricFamily family, ExpositionFormat format)
    {
        // OpenMetrics names the family of a counter without the suffix that its samples have.
        ReadOnlySpan<char> name = format == ExpositionFormat.OpenMetrics && family.Type == MetricType.Counter
            ? family.Name.AsSpan(0, family.Name.Length - MetricNames.CounterSuffix.Length)
            : family.Name;
        Raw(output, "# HELP "u8);
        WriteText(output, name);
        Raw(output, " "u8);
        WriteEscaped(output, family.Help, escapeQuotes: format == ExpositionFormat.OpenMetrics);
        Raw(output, "\n# TYPE "u8);
        WriteText(output, name);
        Raw(output, family.Type switch
        {
            MetricType.Counter => " counter\n"u8,
            MetricType.Histogram => " histogram\n"u8,
            _ => " gauge\n"u8,
        });
    }

    private static void WriteHistogram(
        PipeWriter output, string name, LabelSet labels, HistogramValue histogram, ExpositionFormat format)
    {
        for (int bucket = 0; bucket < histogram.Bounds.BucketCount; bucket++)
        {
            WriteSample(output, name, MetricNames.BucketSuffix, labels, histogram.Bounds.Text(bucket, format), histogram.CountUpTo(bucket));
        }

        WriteSample(output, name, MetricNames.SumSuffix, labels, bound: null, histogram.Sum);
        WriteSample(output, name, MetricNames.CountSuffix, labels, bound: null, histogram.Count);
    }

    private static void WriteSample(PipeWriter output, string name, string suffix, LabelSet labels, string? bound, double value)
    {
        WriteText(output, name);
        WriteText(output, suffix);
        for (int index = 0; index < labels.Count; index++)
        {
            KeyValuePair<string, string> label = labels[index];
            WriteLabel(output, index == 0, label.Key, label.Value);
        }

        if (bound is not null)
        {
            WriteLabel(output, labels.Count == 0, "le", bound);
        }

        Raw(output, labels.Count > 0 || bound is not null ? "} "u8 : " "u8);
        WriteValue(output, value);
        Raw(output, "\n"u8);
    }

    private static void WriteLabel(PipeWriter output, bool isFirst, string name, string value)
    {
        Raw(output, isFirst ? "{"u8 : ","u8);
        WriteText(output, name);
        Raw(output, "=\""u8);
        WriteEscaped(output, value, escapeQuotes: true);
        Raw(output, "\""u8);
    }

    private static void WriteValue(PipeWriter output, double value)
    {
        const int CharsMax = 32;
        Span<byte> destination = output.GetSpan(CharsMax);
        if (double.IsInfinity(value))
        {
            Raw(output, value > 0 ? "+Inf"u8 : "-Inf"u8);
        }
        else if (value.TryFormat(destination, out int written, provider: CultureInfo.InvariantCulture))
        {
            output.Advance(written);
        }
    }

    private static void WriteEscaped(PipeWriter output, string text, bool escapeQuotes)
    {
        ReadOnlySpan<char> rest = text;
        while (true)
        {
            int special = escapeQuotes ? rest.IndexOfAny('\\', '\n', '"') : rest.IndexOfAny('\\', '\n');
            if (special < 0)
            {
                WriteText(output, rest);
                return;
            }

            WriteText(output, rest[..special]);
            Raw(output, rest[special] switch { '\n' => "\\n"u8, '"' => "\\\""u8, _ => "\\\\"u8 });
            rest = rest[(special + 1)..];
        }
    }

    private static void Raw(PipeWriter output, ReadOnlySpan<byte> bytes)
    {
        // Not BuffersExtensions.Write: it asks for a span of any size, and Kestrel may give it an empty one before the answer starts.
        bytes.CopyTo(output.GetSpan(bytes.Length));
        output.Advance(bytes.Length);
    }

    private static void WriteText(PipeWriter output, ReadOnlySpan<char> text)
    {
        Span<byte> destination = output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));

        // A lone surrogate becomes U+FFFD rather than an error: one odd name must not cost the whole scrape.
        Utf8.FromUtf16(text, destination, out _, out int written);
        output.Advance(written);
    }
}
