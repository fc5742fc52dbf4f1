using System.Collections.Immutable;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads Telemetry (telemetry.istio.io, reference B.9): whose requests have lines in the log. Nodes say for themselves what they measure
/// and trace; those parts are told where their like is to be said.
/// </summary>
internal static class TelemetryReader
{
    private static readonly string[] s_specFields = ["accessLogging", "metrics", "selector", "targetRef", "targetRefs", "tracing"];

    private static readonly string[] s_tracingFields =
    [
        "customTags", "disableContextPropagation", "disableSpanReporting", "enableIstioTags", "match", "providers",
        "randomSamplingPercentage", "useRequestIdForTraceSampling",
    ];

    private static readonly string[] s_metricsFields = ["overrides", "providers", "reportingInterval"];
    private static readonly string[] s_overrideFields = ["disabled", "match", "tagOverrides"];
    private static readonly string[] s_metricMatchFields = ["customMetric", "metric", "mode"];
    private static readonly string[] s_loggingFields = ["disabled", "filter", "match", "providers"];
    private static readonly string[] s_matchFields = ["mode"];
    private static readonly string[] s_modes = ["CLIENT", "CLIENT_AND_SERVER", "SERVER"];

    private static readonly string[] s_metrics =
    [
        "ALL_METRICS", "GRPC_REQUEST_MESSAGES", "GRPC_RESPONSE_MESSAGES", "REQUEST_COUNT", "REQUEST_DURATION", "REQUEST_SIZE",
        "RESPONSE_SIZE", "TCP_CLOSED_CONNECTIONS", "TCP_OPENED_CONNECTIONS", "TCP_RECEIVED_BYTES", "TCP_SENT_BYTES",
    ];

    private static readonly string[] s_providerFields = ["name"];

    /// <returns>Null when it is broken, or for no workload by itself.</returns>
    public static TelemetrySpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Warning("spec", "It says nothing.");
            return null;
        }

        spec.RefuseUnknown("Telemetry", s_specFields);
        Labels? selector = SelectorReader.Read(spec, "selector");
        if (spec.Has("selector") && spec.Has("targetRefs"))
        {
            spec.Error("targetRefs", "A selector and targetRefs do not go together.");
        }

        spec.Sections("tracing").ForEach(CheckTracing);
        spec.Sections("metrics").ForEach(CheckMetrics);
        ImmutableArray<AccessLoggingSpec> logging = [.. spec.Sections("accessLogging").Select(ReadLogging)];

        foreach ((string part, string hint) in (ReadOnlySpan<(string, string)>)
        [
            ("tracing", "Proxies pass trace contexts on, and report no spans of their own yet."),
            ("metrics", "Every proxy measures all metrics with all labels; leave out what is not wanted where they are collected."),
        ])
        {
            if (spec.Has(part) && !diagnostics.HasErrors)
            {
                spec.Warning(part, $"{part} is sound, but is the same for all workloads of a node; the field has no effect.", hint);
            }
        }

        if (spec.Has("targetRef") || spec.Has("targetRefs"))
        {
            if (!diagnostics.HasErrors)
            {
                spec.Warning(
                    spec.Has("targetRefs") ? "targetRefs" : "targetRef",
                    "A Telemetry for what stands before workloads has no effect.",
                    "Use a selector.");
            }

            return null;
        }

        return new TelemetrySpec
        {
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Selector = selector,
            Logging = logging,
        };
    }

    private static AccessLoggingSpec ReadLogging(FieldReader logging)
    {
        logging.RefuseUnknown("accessLogging", s_loggingFields);
        string mode = CheckMode(logging, s_matchFields);
        if (logging.Has("filter"))
        {
            logging.Warning("filter", "Filters are not supported: every request has its line, whatever the expression says.");
        }

        ImmutableArray<string>.Builder providers = ImmutableArray.CreateBuilder<string>();
        foreach (FieldReader provider in logging.Sections("providers"))
        {
            provider.RefuseUnknown("A provider", s_providerFields);
            if (provider.RequiredText("name") is { } name)
            {
                providers.Add(name);
                if (name != AccessLoggingSpec.Provider)
                {
                    provider.Warning("name", $"There is no provider {name}, so nothing goes there.", "Write envoy: the log of the node.");
                }
            }
        }

        return new AccessLoggingSpec(mode != "SERVER", mode != "CLIENT", logging.Flag("disabled") ?? false, providers.ToImmutable());
    }

    private static void CheckTracing(FieldReader tracing)
    {
        tracing.RefuseUnknown("tracing", s_tracingFields);
        CheckMode(tracing, s_matchFields);
        tracing.Number("randomSamplingPercentage", 0, 100);
        if (tracing.Items("providers").Count > 1)
        {
            tracing.Error("providers", "Traces go to one provider.");
        }
    }

    private static void CheckMetrics(FieldReader metrics)
    {
        metrics.RefuseUnknown("metrics", s_metricsFields);
        metrics.Duration("reportingInterval");
        foreach (FieldReader overriding in metrics.Sections("overrides"))
        {
            overriding.RefuseUnknown("An override", s_overrideFields);
            overriding.Flag("disabled");
            CheckMode(overriding, s_metricMatchFields);
            if (overriding.Section("match") is { } match
                && match.Text("metric") is { } metric
                && !s_metrics.Contains(metric, StringComparer.Ordinal))
            {
                match.Error("metric", $"'{metric}' is not a metric.", $"Write one of {string.Join(", ", s_metrics)}.");
            }
        }
    }

    /// <returns>CLIENT_AND_SERVER where nothing is said.</returns>
    private static string CheckMode(FieldReader parent, string[] known)
    {
        const string Both = "CLIENT_AND_SERVER";
        if (parent.Section("match") is not { } match)
        {
            return Both;
        }

        match.RefuseUnknown("match", known);
        if (match.Text("mode") is { } mode && !s_modes.Contains(mode, StringComparer.Ordinal))
        {
            match.Error("mode", $"'{mode}' is not a mode.", $"Write one of {string.Join(", ", s_modes)}.");
        }

        return match.Text("mode") ?? Both;
    }
}
