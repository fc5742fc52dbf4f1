using Mesh.Control.Model.Inputs;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Control.Tests.Support.Kubernetes;

/// <summary>An API server and a source that follows it, with its deliveries one by one.</summary>
internal sealed class FollowedCluster : IAsyncDisposable
{
    /// <summary>Times short enough for tests; a machine that is slow only makes them longer.</summary>
    public static KubernetesSourceOptions Quick { get; } = new()
    {
        AbsentPollInterval = TimeSpan.FromMilliseconds(50),
        BackOffMin = TimeSpan.FromMilliseconds(5),
        BackOffMax = TimeSpan.FromMilliseconds(100),
        QuietPeriod = TimeSpan.FromMilliseconds(10),
        QuietPeriodMax = TimeSpan.FromMilliseconds(100),
    };

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly KubernetesSource _source;
    private readonly CancellationTokenSource _stopping = new();
    private readonly IAsyncEnumerator<ManifestSnapshot> _snapshots;
    private Task<bool> _next = Task.FromResult(true);

    private FollowedCluster(ApiServer server, KubernetesSourceOptions options)
    {
        Server = server;
        _source = new KubernetesSource(
            KubernetesApi.OpenConfiguration(server.Kubeconfig, context: null),
            options,
            TimeProvider.System,
            NullLogger<KubernetesSource>.Instance);
        _snapshots = _source.WatchAsync(_stopping.Token).GetAsyncEnumerator(TestContext.Current.CancellationToken);
    }

    public ApiServer Server { get; }

    /// <param name="prepare">What there is before it is followed.</param>
    /// <param name="options">How it is followed; null for <see cref="Quick"/>.</param>
    /// <param name="certificate">What the API server serves with; null for no TLS.</param>
    /// <param name="trusted">Whose root is trusted; null for the same.</param>
    public static async Task<FollowedCluster> StartAsync(
        Action<ApiServer>? prepare = null,
        KubernetesSourceOptions? options = null,
        ApiCertificate? certificate = null,
        ApiCertificate? trusted = null)
    {
        ApiServer server = await ApiServer.StartAsync(certificate, trusted);
        prepare?.Invoke(server);
        return new FollowedCluster(server, options ?? Quick);
    }

    public async Task<ManifestSnapshot> NextAsync()
    {
        _next = _snapshots.MoveNextAsync().AsTask();
        Assert.True(await _next.WaitAsync(s_limit, TestContext.Current.CancellationToken));
        return _snapshots.Current;
    }

    /// <summary>The first delivery that satisfies a condition.</summary>
    public async Task<ManifestSnapshot> NextAsync(Func<ManifestSnapshot, bool> condition)
    {
        while (true)
        {
            ManifestSnapshot snapshot = await NextAsync();
            if (condition(snapshot))
            {
                return snapshot;
            }
        }
    }

    /// <summary>The first complete delivery that holds exactly these, in the words of their keys.</summary>
    public Task<ManifestSnapshot> NextAsync(params string[] objects) =>
        NextAsync(snapshot => snapshot.IsComplete && Names(snapshot).SequenceEqual(objects));

    public static IEnumerable<string> Names(ManifestSnapshot snapshot) => snapshot.Objects.Select(raw => raw.Key.ToString());

    /// <summary>How often a request was made since the last call.</summary>
    public int TakeRequests(string part)
    {
        int count = 0;
        while (Server.Requests.TryDequeue(out string? request))
        {
            count += request.Contains(part, StringComparison.Ordinal) ? 1 : 0;
        }

        return count;
    }

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();

        // A test that failed may have left a delivery awaited.
        await ((Task)_next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _snapshots.DisposeAsync();
        _source.Dispose();
        _stopping.Dispose();
        await Server.DisposeAsync();
    }
}
