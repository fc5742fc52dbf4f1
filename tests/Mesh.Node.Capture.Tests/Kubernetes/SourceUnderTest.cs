using Mesh.Node.Capture.Kubernetes;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>The pod source of Kubernetes with an API server of its own, followed as an agent follows it.</summary>
internal sealed class SourceUnderTest : IAsyncDisposable
{
    private static readonly FollowTimes s_times = new()
    {
        RetryFirst = TimeSpan.FromMilliseconds(10),
        RetryLast = TimeSpan.FromMilliseconds(100),
    };

    private readonly CancellationTokenSource _stop = new();
    private readonly KubernetesPodSource _source;
    private readonly Task _running;
    private volatile IReadOnlyList<PodSpec>? _pods;

    public SourceUnderTest(ApiServer server, ApiFiles files)
    {
        _source = new KubernetesPodSource(
            files.OptionsFor(server), Manifests.Node, s_times, () => { }, NullLogger.Instance, TimeProvider.System);
        _running = FollowAsync();
    }

    /// <summary>What was named last; null while nothing was.</summary>
    public IReadOnlyList<PodSpec>? Pods => _pods;

    public IReadOnlyList<string> Problems => _source.Problems;

    public Task<PodSpec?> FindAsync(string podNamespace, string name, string? uid) =>
        _source.FindAsync(podNamespace, name, uid, _stop.Token);

    public Task UntilAsync(params IReadOnlyList<string> names) => Wait.UntilAsync(
        () => _pods is { } pods && pods.Select(pod => pod.Name).Order(StringComparer.Ordinal).SequenceEqual(names),
        $"the pods are {string.Join(' ', names)}");

    public Task UntilProblemAsync(string words) => Wait.UntilAsync(
        () => Problems.Any(problem => problem.Contains(words, StringComparison.Ordinal)), $"a problem says '{words}'");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _source.Dispose();
        _stop.Dispose();
    }

    private async Task FollowAsync()
    {
        await foreach (IReadOnlyList<PodSpec> pods in _source.WatchAsync(_stop.Token))
        {
            _pods = pods;
        }
    }
}
