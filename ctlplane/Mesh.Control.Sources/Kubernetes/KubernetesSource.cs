using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Mesh.Control.Model.Inputs;
using Microsoft.Extensions.Logging;

namespace Mesh.Control.Sources.Kubernetes;

/// <summary>
/// The objects of a Kubernetes cluster, as its API server has them: one reflector for each kind, and one stream of what they come to. While
/// the API server is away, what was known stays. One consumer.
/// </summary>
public sealed class KubernetesSource : IManifestSource
{
    private readonly KubernetesApi _api;
    private readonly KubernetesSourceOptions _options;
    private readonly TimeProvider _time;
    private readonly ObjectStore _store;
    private readonly ImmutableArray<Reflector> _reflectors;

    /// <param name="api">The API server; disposed of with the source.</param>
    /// <param name="options">How it is followed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Says what befalls each kind.</param>
    public KubernetesSource(KubernetesApi api, KubernetesSourceOptions options, TimeProvider time, ILogger<KubernetesSource> logger)
    {
        _api = api;
        _options = options;
        _time = time;
        ImmutableArray<WatchedKind> kinds = WatchedKinds.With(options.RootNamespace);
        _store = new ObjectStore(kinds);
        _reflectors = [.. kinds.Select(kind => new Reflector(kind, api, _store, options, time, logger))];
    }

    /// <inheritdoc/>
    /// <remarks>Nothing is delivered until every kind that is served was read once, or one of them turns out not to be readable.</remarks>
    public async IAsyncEnumerable<ManifestSnapshot> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        var reflecting = Task.WhenAll(_reflectors.Select(reflector => ReflectAsync(reflector, stopping)));
        ManifestSnapshot? last = null;
        try
        {
            while (true)
            {
                Task changed = _store.Changed;
                ManifestSnapshot snapshot = _store.Snapshot();
                bool saysSomething = snapshot.IsComplete
                    || (_store.HasProblem && last?.Diagnostics.SequenceEqual(snapshot.Diagnostics) != true);
                if (saysSomething)
                {
                    last = snapshot;
                    yield return snapshot;
                }

                await WaitAsync(changed, reflecting, cancellation);
                await SettleAsync(cancellation);
            }
        }
        finally
        {
            await stopping.CancelAsync();
            await reflecting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose() => _api.Dispose();

    /// <summary>A reflector that ends has met a defect of ours; everything ends with it, to be begun anew.</summary>
    private static async Task ReflectAsync(Reflector reflector, CancellationTokenSource stopping)
    {
        try
        {
            await Task.Run(() => reflector.RunAsync(stopping.Token), stopping.Token);
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            await stopping.CancelAsync();
            throw;
        }
    }

    private static async Task WaitAsync(Task changed, Task reflecting, CancellationToken cancellation)
    {
        Task ended = await Task.WhenAny(changed.WaitAsync(cancellation), reflecting);
        await ended;
    }

    /// <summary>Waits until nothing has changed for a while.</summary>
    private async Task SettleAsync(CancellationToken cancellation)
    {
        long start = _time.GetTimestamp();
        while (_time.GetElapsedTime(start) < _options.QuietPeriodMax)
        {
            Task changed = _store.Changed;
            await Task.Delay(_options.QuietPeriod, _time, cancellation);
            if (!changed.IsCompleted)
            {
                return;
            }
        }
    }
}
