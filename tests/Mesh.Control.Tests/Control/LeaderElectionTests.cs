using System.Text.Json.Nodes;
using System.Threading.Channels;
using Mesh.Control.Cluster;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Of several replicas one writes, and when it is gone, another.</summary>
public sealed class LeaderElectionTests : IAsyncLifetime
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly List<(CancellationTokenSource Stopping, Task Running)> _running = [];
    private ApiServer _server = null!;
    private KubernetesApi _api = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _api = KubernetesApi.OpenConfiguration(_server.Kubeconfig, context: null);
    }

    public async ValueTask DisposeAsync()
    {
        foreach ((CancellationTokenSource stopping, Task running) in _running)
        {
            await stopping.CancelAsync();
            await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            stopping.Dispose();
        }

        _api.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task One_of_two_leads_and_who_goes_in_peace_is_followed_at_once()
    {
        (LeaderElection first, CancellationTokenSource stopping) = Start("first");
        await Eventually.TrueAsync(() => first.IsLeader, "the first leads");
        (LeaderElection second, _) = Start("second");
        await Eventually.TrueAsync(() => RequestsFor("leases/mesh-control") > 6, "both have asked");
        Assert.False(second.IsLeader);

        await stopping.CancelAsync();

        await Eventually.TrueAsync(() => second.IsLeader, "the second leads");
        Assert.False(first.IsLeader);
        Assert.Equal("second", Lease()["holderIdentity"]!.GetValue<string>());
        Assert.Equal(1, Lease()["leaseTransitions"]!.GetValue<int>());
    }

    [Fact]
    public async Task Who_was_killed_is_followed_in_less_than_15_s()
    {
        // What a killed leader leaves behind: its lease, just renewed.
        _server.Apply("""
            apiVersion: coordination.k8s.io/v1
            kind: Lease
            metadata: {name: mesh-control, namespace: mesh-node}
            spec: {holderIdentity: killed, leaseDurationSeconds: 10, leaseTransitions: 4}
            """);
        var time = new SteppedTime();
        (LeaderElection next, _) = Start("next", time);
        int seconds = await StepWhileAsync(() => !next.IsLeader, time);

        Assert.InRange(seconds, 10, 14);
        Assert.Equal(5, Lease()["leaseTransitions"]!.GetValue<int>());
    }

    [Fact]
    public async Task Who_cannot_renew_stops_before_another_may_begin()
    {
        var time = new SteppedTime();
        (LeaderElection election, _) = Start("only", time);
        await time.DelayedAsync();
        Assert.True(election.IsLeader);
        _server.FaultWhile(
            () => true,
            target => target.Contains("leases", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 500, "InternalError", "etcd is gone"));
        time.Advance(s_second);

        // A lease is good for 10 s.
        int seconds = 1 + await StepWhileAsync(() => election.IsLeader, time);

        Assert.InRange(seconds, 2, 9);
    }

    private (LeaderElection Election, CancellationTokenSource Stopping) Start(string identity, TimeProvider? time = null)
    {
        var election = new LeaderElection(
            new KubernetesObjects(_api), "mesh-node", identity, time ?? TimeProvider.System, NullLogger<LeaderElection>.Instance);
        var stopping = new CancellationTokenSource();
        _running.Add((stopping, Task.Run(() => election.RunAsync(stopping.Token))));
        return (election, stopping);
    }

    /// <summary>Lets time pass, a second after each attempt.</summary>
    /// <returns>How many seconds.</returns>
    private static async Task<int> StepWhileAsync(Func<bool> condition, SteppedTime time)
    {
        for (int seconds = 0; ; seconds++)
        {
            await time.DelayedAsync();
            if (!condition())
            {
                return seconds;
            }

            Assert.True(seconds < 60, "Nothing came of a minute.");
            time.Advance(s_second);
        }
    }

    private int RequestsFor(string part) => _server.Requests.Count(request => request.Contains(part, StringComparison.Ordinal));

    private JsonObject Lease() => _server.Of("Lease").List().Items.Single()["spec"]!.AsObject();

    /// <summary>A clock that says when somebody waits for it.</summary>
    private sealed class SteppedTime : FakeTimeProvider
    {
        private readonly Channel<TimeSpan> _delays = Channel.CreateUnbounded<TimeSpan>();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = base.CreateTimer(callback, state, dueTime, period);
            _delays.Writer.TryWrite(dueTime);
            return timer;
        }

        /// <summary>Returns once somebody waits who did not before.</summary>
        public async Task DelayedAsync() =>
            await _delays.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
    }
}
