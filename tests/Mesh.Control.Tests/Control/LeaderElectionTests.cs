using System.Text.Json.Nodes;
using Mesh.Control.Cluster;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>Of several replicas one writes, and when it is gone, another.</summary>
public sealed class LeaderElectionTests : IAsyncLifetime
{
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
        long start = TimeProvider.System.GetTimestamp();

        (LeaderElection next, _) = Start("next");
        await Eventually.TrueAsync(() => next.IsLeader, "the next leads");

        Assert.InRange(TimeProvider.System.GetElapsedTime(start).TotalSeconds, 9.5, 15);
        Assert.Equal(5, Lease()["leaseTransitions"]!.GetValue<int>());
    }

    [Fact]
    public async Task Who_cannot_renew_stops_before_another_may_begin()
    {
        (LeaderElection election, _) = Start("only");
        await Eventually.TrueAsync(() => election.IsLeader, "it leads");
        long last = TimeProvider.System.GetTimestamp();
        _server.FaultWhile(
            () => true,
            target => target.Contains("leases", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 500, "InternalError", "etcd is gone"));

        await Eventually.TrueAsync(() => !election.IsLeader, "it stops");

        Assert.True(TimeProvider.System.GetElapsedTime(last).TotalSeconds < 10, "before a lease of 10 s has run out");
    }

    private (LeaderElection Election, CancellationTokenSource Stopping) Start(string identity)
    {
        var election = new LeaderElection(
            new KubernetesObjects(_api), "mesh-node", identity, TimeProvider.System, NullLogger<LeaderElection>.Instance);
        var stopping = new CancellationTokenSource();
        _running.Add((stopping, Task.Run(() => election.RunAsync(stopping.Token))));
        return (election, stopping);
    }

    private int RequestsFor(string part) => _server.Requests.Count(request => request.Contains(part, StringComparison.Ordinal));

    private JsonObject Lease() => _server.Of("Lease").List().Items.Single()["spec"]!.AsObject();
}
