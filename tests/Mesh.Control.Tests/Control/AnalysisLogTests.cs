using System.Collections.Concurrent;
using System.Collections.Immutable;
using Mesh.Control.Configuration;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Files;
using Mesh.Control.Tests.Support;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>What is found is said in the log once, in one set of words, and again only when it comes again.</summary>
public sealed class AnalysisLogTests : IAsyncLifetime
{
    /// <summary>Without an authority, which both translation and the rules have something to say about, and for nobody.</summary>
    private const string Rule = """
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: bank, namespace: shop}
        spec: {host: bank, trafficPolicy: {tls: {mode: SIMPLE}}}
        """;

    private readonly RecordedLog _log = new();
    private readonly FakeTimeProvider _time = new();
    private readonly ConfigurationState _state = new();
    private readonly CancellationTokenSource _stopping = new();
    private ConfigurationAnalysis _analysis = null!;
    private Task _running = Task.CompletedTask;

    public ValueTask InitializeAsync()
    {
        _analysis = new ConfigurationAnalysis(new TranslationOptions(), knowsGateways: true, _state, _time, _log);
        _running = Task.Run(() => _analysis.RunAsync(_stopping.Token));
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    [Fact]
    public async Task Each_finding_is_said_once_and_again_when_it_comes_again()
    {
        await AnalyzeAsync(Rule);
        string[] first = _log.Take();
        await AnalyzeAsync($"# A comment moves it.\n{Rule}");
        string[] moved = _log.Take();
        await AnalyzeAsync(string.Empty);
        await AnalyzeAsync(Rule);

        Assert.Equal(["IST0128", "IST0174"], first);
        Assert.Empty(moved);
        Assert.Equal(["IST0128", "IST0174"], _log.Take());
    }

    [Fact]
    public async Task A_flood_is_cut_short_and_counted()
    {
        await AnalyzeAsync(string.Join("\n---\n", Enumerable.Range(0, 60)
            .Select(number => Rule.Replace("name: bank", $"name: bank-{number}", StringComparison.Ordinal))));

        Assert.Equal(50, _log.Take().Length);
        Assert.Contains(_log.Others, line => line.StartsWith("70 more findings", StringComparison.Ordinal));
    }

    private async Task AnalyzeAsync(string text)
    {
        string mesh = Manifests.Namespace("shop") + Manifests.Service("shop", "cart", "10.1.0.1", "cart") + text;
        ImmutableArray<RawObject> objects = ManifestFiles.ReadText("mesh.yaml", mesh).Objects;
        TranslationResult translated = new MeshTranslator(new TranslationOptions()).Translate(objects);
        var view = new ConfigurationState.View(translated.Model, translated.Diagnostics, _time.GetUtcNow()) { Objects = objects };
        _analysis.Want(view);
        await Eventually.TrueAsync(
            () =>
            {
                // The pause after the one before.
                _time.Advance(TimeSpan.FromSeconds(1));
                return ReferenceEquals(_state.Analyzed?.View, view);
            },
            "analysed");
    }

    private sealed class RecordedLog : ILogger<ConfigurationAnalysis>
    {
        private readonly ConcurrentQueue<string> _codes = [];

        public ConcurrentQueue<string> Others { get; } = [];

        /// <summary>The codes of what was found since the last time, in order.</summary>
        public string[] Take()
        {
            string[] codes = [.. _codes.Order(StringComparer.Ordinal)];
            _codes.Clear();
            return codes;
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel > LogLevel.Debug;

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            string text = formatter(state, exception);
            (text.StartsWith('[') ? _codes : Others).Enqueue(text.StartsWith('[') ? text[1..text.IndexOf(']', StringComparison.Ordinal)] : text);
        }
    }
}
