using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Http.Destinations;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Destinations;

public sealed class OutlierTests
{
    private static readonly OutlierOptions s_strict = new()
    {
        Consecutive5xx = 2,
        BaseEjection = TimeSpan.FromSeconds(30),
        MaxEjectionPercent = 100,
    };

    public static TheoryData<BalancingAlgorithm> Algorithms =>
        [BalancingAlgorithm.LeastRequest, BalancingAlgorithm.RoundRobin, BalancingAlgorithm.Random, BalancingAlgorithm.ConsistentHash];

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void An_ejected_endpoint_is_never_chosen_until_it_is_let_back_in(BalancingAlgorithm algorithm)
    {
        var mesh = new ShopMesh(endpoints: 5, Policy(algorithm));
        Fail(mesh, 1, 3);

        Assert.Equal([0, 2, 4], TallyByKey(mesh, 2_000).Keys.Order());

        mesh.NowMs += 40_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Equal([0, 1, 2, 3, 4], TallyByKey(mesh, 2_000).Keys.Order());
    }

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void With_all_ejected_a_request_goes_nowhere_unless_there_is_panic(BalancingAlgorithm algorithm)
    {
        var mesh = new ShopMesh(endpoints: 3, Policy(algorithm));
        Fail(mesh, 0, 1, 2);

        EndpointPick pick = mesh.Pick(hash: 5);
        Assert.Equal(EndpointStatus.NoHealthyEndpoint, pick.Choice.Status);
        Assert.Null(pick.Endpoint);
        Assert.False(IsUsable(mesh));

        mesh.Change(change => change.SetTraffic(ShopMesh.TrafficOf(Policy(algorithm) with { PanicPercent = 1 })));
        Assert.Equal([0, 1, 2], TallyByKey(mesh, 1_000).Keys.Order());
        Assert.True(IsUsable(mesh));
    }

    [Theory]
    [InlineData(50, 2, false)]
    [InlineData(50, 3, true)]
    [InlineData(75, 1, false)]
    [InlineData(76, 1, true)]
    [InlineData(0, 3, false)]
    public void Below_the_threshold_of_panic_the_ejected_take_requests_too(int panicPercent, int ejected, bool takeRequests)
    {
        var mesh = new ShopMesh(endpoints: 4, Policy(BalancingAlgorithm.Random) with { PanicPercent = panicPercent });
        Fail(mesh, [.. Enumerable.Range(0, ejected)]);

        Assert.Equal(takeRequests ? 4 : 4 - ejected, mesh.Tally(1_000).Count);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void One_of_a_small_pool_may_be_ejected_whatever_the_percentage(int endpoints)
    {
        var mesh = new ShopMesh(endpoints, new TrafficPolicy { Outliers = s_strict with { MaxEjectionPercent = 10 } });
        Fail(mesh, 0, 1);

        Assert.Equal(Enumerable.Range(1, endpoints - 1), mesh.Tally(1_000).Keys.Order());
        Assert.Equal(1, mesh.Registry.Totals.Ejections(EjectionCause.Consecutive5xx));
        Assert.Equal(1, mesh.Registry.Totals.EjectionOverflows);
    }

    [Fact]
    public void An_endpoint_that_leaves_makes_room_for_another_ejection()
    {
        var mesh = new ShopMesh(endpoints: 3, new TrafficPolicy { Outliers = s_strict with { MaxEjectionPercent = 10 } });
        Fail(mesh, 0);
        mesh.Change(change => change.RemoveWorkload(ShopMesh.Uid(0)));

        Assert.Equal(0, mesh.Destination.Outliers!.EjectedCount);
        Fail(mesh, 1);
        Assert.Equal([2], mesh.Tally(100).Keys);
    }

    [Fact]
    public void What_is_known_of_an_endpoint_survives_changes_that_do_not_concern_it()
    {
        var mesh = new ShopMesh(endpoints: 4, Policy(BalancingAlgorithm.LeastRequest));
        Fail(mesh, 1);
        DestinationEndpoint known = mesh.Known(1);
        OutlierPool? pool = mesh.Destination.Outliers;

        // The endpoint itself in a new version, one more, one less, an equal policy, other limits, another algorithm.
        mesh.Change(change => change.SetWorkload(ShopMesh.Endpoint(1) with { CanonicalRevision = "v2" }));
        mesh.Change(change => change.SetWorkload(ShopMesh.Endpoint(9)));
        mesh.Change(change => change.RemoveWorkload(ShopMesh.Uid(0)));
        mesh.Change(change => change.SetTraffic(ShopMesh.TrafficOf(new TrafficPolicy { Outliers = s_strict with { } })));
        mesh.Change(change => change.SetTraffic(ShopMesh.TrafficOf(
            Policy(BalancingAlgorithm.RoundRobin) with { Limits = new ConnectionLimits { MaxRequests = 5 } })));

        Assert.Same(known, mesh.Known(1));
        Assert.Same(pool, mesh.Destination.Outliers);
        Assert.True(known.IsEjected);
        Assert.Equal([2, 3, 9], mesh.Tally(600).Keys.Order());
    }

    [Fact]
    public void Other_rules_of_ejection_begin_anew_and_none_let_all_back_in()
    {
        var mesh = new ShopMesh(endpoints: 3, Policy(BalancingAlgorithm.Random));
        Fail(mesh, 0);
        DestinationEndpoint known = mesh.Known(0);

        mesh.Change(change => change.SetTraffic(ShopMesh.TrafficOf(
            new TrafficPolicy { Outliers = s_strict with { Consecutive5xx = 1 } })));
        Assert.Same(known, mesh.Known(0));
        Assert.Equal(3, mesh.Tally(300).Count);
        mesh.Known(0).Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        Assert.True(known.IsEjected);

        mesh.Change(change => change.RemoveTraffic(ShopMesh.ServiceKey));
        Assert.False(known.IsEjected);
        Assert.Null(mesh.Destination.Outliers);
        Assert.Equal(3, mesh.Tally(300).Count);
    }

    [Fact]
    public void An_ejection_lasts_its_time_and_says_until_when_and_why()
    {
        var mesh = new ShopMesh(endpoints: 3, Policy(BalancingAlgorithm.Random));
        Fail(mesh, 2);
        OutlierEndpoint outlier = mesh.Known(2).Outlier!;
        Assert.Equal((EjectionCause.Consecutive5xx, mesh.NowMs + 30_000), (outlier.Cause, outlier.EjectedUntilMs));

        mesh.NowMs += 29_999;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.True(outlier.IsEjected);
        mesh.NowMs += 10_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.False(outlier.IsEjected);
    }

    [Fact]
    public void Success_rates_are_those_of_the_last_interval()
    {
        var mesh = new ShopMesh(endpoints: 2, new TrafficPolicy());
        DestinationEndpoint endpoint = mesh.Known(0);
        Assert.Equal(-1, endpoint.IntervalSuccessRate);
        endpoint.Report(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
        endpoint.Report(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
        endpoint.Report(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
        endpoint.Report(AttemptResult.LocalOriginFailure, latencyMs: 0, mesh.NowMs);

        mesh.NowMs += 10_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Equal(0.75, endpoint.IntervalSuccessRate);
        endpoint.Report(AttemptResult.GatewayError, latencyMs: 1, mesh.NowMs);
        mesh.NowMs += 10_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Equal(0, endpoint.IntervalSuccessRate);
        mesh.NowMs += 10_000;
        mesh.Registry.Sweep(mesh.Snapshot, mesh.NowMs);
        Assert.Equal((-1, 5L, 3L), (endpoint.IntervalSuccessRate, endpoint.RequestsTotal, endpoint.SuccessesTotal));
    }

    [Fact]
    public void Nearly_all_of_a_thousand_may_be_ejected_and_the_rest_share()
    {
        var mesh = new ShopMesh(endpoints: 1_000, Policy(BalancingAlgorithm.LeastRequest));
        Fail(mesh, [.. Enumerable.Range(0, 1_000).Where(index => index % 100 != 0)]);

        Dictionary<int, int> tally = mesh.Tally(4_000);
        Assert.Equal(Enumerable.Range(0, 10).Select(index => index * 100), tally.Keys.Order());
        Assert.All(tally.Values, picks => Assert.InRange(picks, 300, 500));
    }

    private static TrafficPolicy Policy(BalancingAlgorithm algorithm) => new()
    {
        Outliers = s_strict,
        Balancing = new BalancingPolicy(
            algorithm, algorithm == BalancingAlgorithm.ConsistentHash ? new HashPolicy(HashKey.Header, "x-user") : null),
    };

    private static void Fail(ShopMesh mesh, params ReadOnlySpan<int> endpoints)
    {
        foreach (int index in endpoints)
        {
            DestinationEndpoint endpoint = mesh.Known(index);
            endpoint.Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
            endpoint.Report(AttemptResult.GatewayError, latencyMs: 1, mesh.NowMs);
        }
    }

    private static bool IsUsable(ShopMesh mesh) => mesh.Registry.IsUsable(
        mesh.Snapshot, new WeightedDestination(ShopMesh.ServiceKey, ShopMesh.Port, "", 1), mesh.Client, mesh.NowMs);

    /// <summary>Each request is of another user.</summary>
    private static Dictionary<int, int> TallyByKey(ShopMesh mesh, int picks)
    {
        Dictionary<int, int> tally = [];
        for (int i = 0; i < picks; i++)
        {
            int index = ShopMesh.NumberOf(mesh.Pick(hash: (ulong)i * 0x9E37_79B9_7F4A_7C15));
            tally[index] = tally.GetValueOrDefault(index) + 1;
        }

        return tally;
    }
}
