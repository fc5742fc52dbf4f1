using System.Collections.Immutable;
using System.Threading.Channels;
using Mesh.Control.Analysis;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Configuration;

/// <summary>
/// What the rules find between the objects of the configuration. It runs beside the pipeline, on what is newest when its turn comes, so
/// that nothing waits for it: what is served does not depend on it.
/// </summary>
/// <param name="options">What the whole mesh has in common.</param>
/// <param name="knowsGateways">Whether Gateways are among the objects: otherwise nothing is said of those that are not there.</param>
/// <param name="state">Where what is found goes.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where news goes.</param>
internal sealed partial class ConfigurationAnalysis(
    TranslationOptions options,
    bool knowsGateways,
    ConfigurationState state,
    TimeProvider time,
    ILogger<ConfigurationAnalysis> logger)
{
    /// <summary>A configuration that changes all the time is analysed for a fifth of the time at most.</summary>
    private const int PausesPerRun = 4;

    private const int LoggedPerRunMax = 50;

    /// <summary>After a change, so that proxies have it before it is analysed, and that of many changes in a row the last is.</summary>
    private static readonly TimeSpan s_settling = TimeSpan.FromMilliseconds(500);

    private static readonly TimeSpan s_pauseMin = TimeSpan.FromSeconds(1);

    private static readonly string[] s_aboutGateways = ["KIA1102", "KIA1401"];

    private readonly Channel<ConfigurationState.View> _pending = Channel.CreateBounded<ConfigurationState.View>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });

    private HashSet<Diagnostic> _logged = [];

    /// <summary>Asks for an analysis; never waits. A configuration that is replaced before its turn is passed over.</summary>
    public void Want(ConfigurationState.View view) => _pending.Writer.TryWrite(view);

    /// <summary>
    /// All that there is to say about an object that is about to be written: by itself, and beside those of the newest configuration that
    /// was analysed. Any thread.
    /// </summary>
    /// <param name="source">The object.</param>
    /// <param name="said">What is wrong with it by itself.</param>
    public ImmutableArray<Diagnostic> Complete(RawObject source, ImmutableArray<Diagnostic> said)
    {
        if (state.Analyzed is not { } analyzed)
        {
            return [.. said.Select(DiagnosticCodes.Coded)];
        }

        try
        {
            AnalysisResult about = analyzed.Analysis with { Findings = Known(Analyzer.FindAbout(analyzed.Analysis, source)) };
            return Analyzer.Merge([source], said, about);
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // As below: what refuses the object stands without it.
            AnalysisFailed(logger, exception);
            return [.. said.Select(DiagnosticCodes.Coded)];
        }
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        while (await _pending.Reader.WaitToReadAsync(cancellation))
        {
            await Task.Delay(s_settling, time, cancellation);
            ConfigurationState.View view = await _pending.Reader.ReadAsync(cancellation);
            long start = time.GetTimestamp();
            ConfigurationState.AnalyzedView analyzed = Analyze(view);
            TimeSpan taken = time.GetElapsedTime(start);
            Analyzed(logger, view.Objects.Length, taken.TotalMilliseconds, analyzed.Findings.Length);
            Log(analyzed.Findings);
            state.ReplaceAnalyzed(analyzed);
            TimeSpan pause = taken * PausesPerRun;
            await Task.Delay(pause > s_pauseMin ? pause : s_pauseMin, time, cancellation);
        }
    }

    private ConfigurationState.AnalyzedView Analyze(ConfigurationState.View view)
    {
        try
        {
            // What is read here is the whole mesh: that there is no service at all is said too.
            AnalysisResult found = Analyzer.Find(view.Objects, options);
            AnalysisResult result = found with { Findings = Known(found.Findings), Present = found.Present | Needs.Services };
            return new ConfigurationState.AnalyzedView(view, result, Analyzer.Merge(view.Objects, view.Diagnostics, result));
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            // A defect of ours that costs findings and nothing else: what translation said is told all the same.
            AnalysisFailed(logger, exception);
            return new ConfigurationState.AnalyzedView(
                view, new AnalysisResult([], Needs.Services), [.. view.Diagnostics.Select(DiagnosticCodes.Coded)]);
        }
    }

    /// <summary>Without what cannot be known here.</summary>
    private ImmutableArray<Diagnostic> Known(ImmutableArray<Diagnostic> findings) => knowsGateways
        ? findings
        : findings.RemoveAll(finding => s_aboutGateways.Contains(finding.Alias) || s_aboutGateways.Contains(finding.Code));

    /// <summary>
    /// Each finding once, when it appears; notes never, and refusals by the pipeline, which does not wait. That lines before it come or go
    /// makes nothing new.
    /// </summary>
    private void Log(ImmutableArray<Diagnostic> findings)
    {
        var present = new HashSet<Diagnostic>();
        int count = 0;
        foreach (Diagnostic finding in findings)
        {
            if (finding.Severity == DiagnosticSeverity.Note || DiagnosticCodes.IsRefusal(finding))
            {
                continue;
            }

            Diagnostic unplaced = finding with { Origin = finding.Origin with { Line = 0 } };
            if (present.Add(unplaced) && !_logged.Contains(unplaced) && count++ < LoggedPerRunMax)
            {
                Found(logger, finding.Code, finding);
            }
        }

        if (count > LoggedPerRunMax)
        {
            MoreFindings(logger, count - LoggedPerRunMax);
        }

        _logged = present;
    }

    [LoggerMessage(EventId = 1310, Level = LogLevel.Warning, Message = "[{Code}] {Finding}")]
    private static partial void Found(ILogger logger, string code, Diagnostic finding);

    [LoggerMessage(EventId = 1311, Level = LogLevel.Warning, Message = "{Count} more findings are not logged; see /debug/diagnostics.")]
    private static partial void MoreFindings(ILogger logger, int count);

    [LoggerMessage(
        EventId = 1312, Level = LogLevel.Error, Message = "The configuration could not be analysed; it is served all the same.")]
    private static partial void AnalysisFailed(ILogger logger, Exception exception);

    [LoggerMessage(
        EventId = 1313, Level = LogLevel.Debug, Message = "{Objects} objects were analysed in {Milliseconds:0} ms: {Findings} findings.")]
    private static partial void Analyzed(ILogger logger, int objects, double milliseconds, int findings);
}
