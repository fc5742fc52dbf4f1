using System.Collections.Immutable;
using Mesh.Control.Analysis;
using Mesh.Control.Dialects;
using Mesh.Control.Keys;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Serving;
using Mesh.Control.Serving.Xds;
using Mesh.Control.Sources;

namespace Mesh.Control.Configuration;

/// <summary>From manifests to resources: watch, translate, publish. One loop; whatever fails, what was in force stays in force.</summary>
internal sealed partial class ConfigurationPipeline(
    IManifestSource source,
    MeshTranslator translator,
    ModelPublisher publisher,
    KeyStore keys,
    ConfigurationState state,
    ConfigurationAnalysis analysis,
    TimeProvider time,
    ILogger<ConfigurationPipeline> logger)
{
    private const int LoggedPerRoundMax = 200;

    private readonly Lock _publishing = new();
    private HashSet<Diagnostic> _logged = [];

    public async Task RunAsync(CancellationToken cancellation)
    {
        await foreach (ManifestSnapshot snapshot in source.WatchAsync(cancellation))
        {
            try
            {
                Apply(snapshot);
            }
            catch (Exception exception) when (exception is not OutOfMemoryException)
            {
                // A defect of ours, not of the configuration: say so loudly, and keep serving what works.
                TranslationFailed(logger, exception);
            }
        }
    }

    /// <summary>Keys have come that are elsewhere: what is in force is published with them. Any thread.</summary>
    public void PublishKeys()
    {
        try
        {
            Publish();
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // As with a configuration: a defect of ours, and what works is served on.
            TranslationFailed(logger, exception);
        }
    }

    /// <summary>Publishes what is in force by the time it is its turn: an older one never replaces a newer one.</summary>
    private bool Publish()
    {
        lock (_publishing)
        {
            return state.Current.Model is MeshModel model && publisher.Publish(model);
        }
    }

    private void Apply(ManifestSnapshot snapshot)
    {
        if (!snapshot.IsComplete)
        {
            state.Replace(state.Current with { Diagnostics = snapshot.Diagnostics });
            Log(snapshot.Diagnostics, isAnalyzed: false);
            Incomplete(logger);
            return;
        }

        long start = time.GetTimestamp();
        TranslationResult result = translator.Translate(snapshot.Objects);
        ImmutableArray<Diagnostic> diagnostics = [.. snapshot.Diagnostics, .. result.Diagnostics];

        // The CA must know a pod before a proxy does, or the proxy's first request for its certificate is refused.
        var view = new ConfigurationState.View(result.Model, diagnostics, time.GetUtcNow())
        {
            Namespaces = [.. snapshot.Objects.Where(IsLastingNamespace).Select(source => source.Key.Name)],
            Objects = snapshot.Objects,
            Statuses = result.Statuses,
        };
        state.Replace(view);
        keys.Want(result.Model);
        bool changed = Publish();
        ServingMetrics.ConfigurationsPublished.Add(1);
        Log(diagnostics, isAnalyzed: true);
        analysis.Want(view);
        double milliseconds = time.GetElapsedTime(start).TotalMilliseconds;
        int errors = diagnostics.Count(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        int warnings = diagnostics.Count(diagnostic => diagnostic.Severity == DiagnosticSeverity.Warning);
        Applied(logger, snapshot.Objects.Length, milliseconds, changed ? "published" : "nothing to publish", errors, warnings);
    }

    private static bool IsLastingNamespace(RawObject source) => source.Key is { Group: "", Kind: "Namespace" }
        && (source.Fields.Find("metadata") as RawMapping)?.Find("deletionTimestamp") is null;

    /// <summary>
    /// Each diagnostic once, when it appears. Warnings of what is analysed are said by the analysis, with what it finds itself.
    /// </summary>
    private void Log(ImmutableArray<Diagnostic> diagnostics, bool isAnalyzed)
    {
        int logged = 0;
        foreach (Diagnostic diagnostic in diagnostics)
        {
            if ((isAnalyzed && diagnostic.Severity == DiagnosticSeverity.Warning)
                || _logged.Contains(diagnostic)
                || logged++ >= LoggedPerRoundMax)
            {
                continue;
            }

            switch (diagnostic.Severity)
            {
                case DiagnosticSeverity.Error:
                    ConfigurationError(logger, DiagnosticCodes.Coded(diagnostic).Code, diagnostic);
                    break;
                case DiagnosticSeverity.Warning:
                    ConfigurationWarning(logger, DiagnosticCodes.Coded(diagnostic).Code, diagnostic);
                    break;
                default:
                    ConfigurationNote(logger, diagnostic);
                    break;
            }
        }

        if (logged > LoggedPerRoundMax)
        {
            MoreDiagnostics(logger, logged - LoggedPerRoundMax);
        }

        _logged = [.. diagnostics];
    }

    [LoggerMessage(EventId = 1301, Level = LogLevel.Error, Message = "[{Code}] {Diagnostic}")]
    private static partial void ConfigurationError(ILogger logger, string code, Diagnostic diagnostic);

    [LoggerMessage(EventId = 1302, Level = LogLevel.Warning, Message = "[{Code}] {Diagnostic}")]
    private static partial void ConfigurationWarning(ILogger logger, string code, Diagnostic diagnostic);

    [LoggerMessage(EventId = 1303, Level = LogLevel.Debug, Message = "{Diagnostic}")]
    private static partial void ConfigurationNote(ILogger logger, Diagnostic diagnostic);

    [LoggerMessage(EventId = 1304, Level = LogLevel.Warning, Message = "{Count} more diagnostics are not logged; see /debug/diagnostics.")]
    private static partial void MoreDiagnostics(ILogger logger, int count);

    [LoggerMessage(
        EventId = 1305,
        Level = LogLevel.Information,
        Message = "{Objects} objects in {Milliseconds:0} ms: {Outcome}, {Errors} errors, {Warnings} warnings.")]
    private static partial void Applied(ILogger logger, int objects, double milliseconds, string outcome, int errors, int warnings);

    [LoggerMessage(
        EventId = 1306,
        Level = LogLevel.Error,
        Message = "The configuration cannot be taken as it is, so none is served and no certificate issued.")]
    private static partial void Incomplete(ILogger logger);

    [LoggerMessage(
        EventId = 1307, Level = LogLevel.Critical, Message = "The configuration could not be translated; the one before stays in force.")]
    private static partial void TranslationFailed(ILogger logger, Exception exception);
}
