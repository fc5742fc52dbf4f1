using System.Net;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Destinations;

/// <summary>Seeds are fixed, so that what holds once holds always.</summary>
public sealed class EndpointChoiceTests
{
    private static readonly WarmupPolicy s_minute = new(TimeSpan.FromSeconds(60));

    [Theory]
    [InlineData(BalancingAlgorithm.LeastRequest)]
    [InlineData(BalancingAlgorithm.RoundRobin)]
    [InlineData(BalancingAlgorithm.Random)]
    public void Shares_follow_weights(BalancingAlgorithm algorithm)
    {
        ShopMesh mesh = Weighted(algorithm, 1, 2, 5);

        Dictionary<int, int> tally = mesh.Tally(8_000);

        Assert.InRange(tally[0], 900, 1_100);
        Assert.InRange(tally[1], 1_850, 2_150);
        Assert.InRange(tally[2], 4_800, 5_200);
    }

    [Fact]
    public void Of_two_the_one_with_less_under_way_is_chosen_whoever_counts_it()
    {
        var mesh = new ShopMesh(endpoints: 2);
        DestinationEndpoint busy = mesh.Known(0);
        var lease = new RequestLease();
        Assert.True(lease.TryBeginRequest(mesh.Destination, out _));

        lease.BeginAttempt(busy);
        Assert.Equal([1], mesh.Tally(100).Keys);
        mesh.Open[ShopMesh.Uid(1)] = 2;
        Assert.Equal([0], mesh.Tally(100).Keys);
        mesh.Open.Clear();
        lease.EndAttempt(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
        Assert.Equal([0, 1], mesh.Tally(100).Keys.Order());
    }

    [Fact]
    public void Requests_that_stay_are_spread_by_weight()
    {
        ShopMesh mesh = Weighted(BalancingAlgorithm.LeastRequest, 1, 1, 2);
        Dictionary<int, int> tally = [];
        for (int i = 0; i < 400; i++)
        {
            EndpointPick pick = mesh.Pick();
            var lease = new RequestLease();
            Assert.True(lease.TryBeginRequest(mesh.Destination, out _));
            lease.BeginAttempt(pick.Endpoint!);
            int index = ShopMesh.NumberOf(pick);
            tally[index] = tally.GetValueOrDefault(index) + 1;
        }

        Assert.InRange(tally[0], 90, 110);
        Assert.InRange(tally[1], 90, 110);
        Assert.InRange(tally[2], 190, 210);
    }

    [Theory]
    [InlineData(new[] { 1, 1, 1 })]
    [InlineData(new[] { 5, 1, 1 })]
    [InlineData(new[] { 3, 2, 4, 1 })]
    [InlineData(new[] { 100, 1 })]
    [InlineData(new[] { 7 })]
    public void A_turn_comes_as_often_as_its_weight_and_evenly(int[] weights)
    {
        ShopMesh mesh = Weighted(BalancingAlgorithm.RoundRobin, weights);
        int total = weights.Sum();
        List<int> order = [];
        for (int i = 0; i < total * 20; i++)
        {
            order.Add(ShopMesh.NumberOf(mesh.Pick()));
        }

        // In whatever window: as much as its share, give or take a turn or two.
        for (int start = 0; start + total <= order.Count; start++)
        {
            foreach ((int index, int weight) in weights.Index())
            {
                int turns = order.Skip(start).Take(total).Count(turn => turn == index);
                Assert.InRange(turns, weight - 2, weight + 2);
            }
        }

        foreach ((int index, int weight) in weights.Index())
        {
            Assert.InRange(order.Count(turn => turn == index), (20 * weight) - 2, (20 * weight) + 2);
        }
    }

    [Fact]
    public async Task Loops_take_turns_together()
    {
        const int Loops = 4;
        const int Picks = 5_000;
        var mesh = new ShopMesh(endpoints: 10, Policy(BalancingAlgorithm.RoundRobin));
        Destination destination = mesh.Destination;
        int[] picks = new int[10];

        await Task.WhenAll(Enumerable.Range(0, Loops).Select(loop => Task.Run(() =>
        {
            var random = new RandomState((ulong)loop);
            for (int i = 0; i < Picks; i++)
            {
                EndpointPick pick = destination.Pick(
                    new PickRequest
                    {
                        Snapshot = mesh.Snapshot,
                        Source = mesh.Client,
                        Family = System.Net.Sockets.AddressFamily.InterNetwork,
                        NowMs = mesh.NowMs,
                    },
                    mesh,
                    ref random);
                Interlocked.Increment(ref picks[ShopMesh.NumberOf(pick)]);
            }
        })));

        Assert.All(picks, count => Assert.Equal(Loops * Picks / 10, count));
    }

    [Theory]
    [InlineData(BalancingAlgorithm.LeastRequest)]
    [InlineData(BalancingAlgorithm.RoundRobin)]
    [InlineData(BalancingAlgorithm.Random)]
    public void What_was_tried_is_avoided_while_others_are_left(BalancingAlgorithm algorithm)
    {
        var mesh = new ShopMesh(endpoints: 3, Policy(algorithm));
        DestinationEndpoint[] all = [mesh.Known(0), mesh.Known(1), mesh.Known(2)];

        Assert.Equal([1, 2], mesh.Tally(300, all[0]).Keys.Order());
        Assert.Equal([1], mesh.Tally(300, all[0], all[2]).Keys);
        Assert.Equal([0, 1, 2], mesh.Tally(300, all).Keys.Order());
    }

    [Fact]
    public void An_address_dialled_is_kept_to_where_no_choice_is_wanted()
    {
        var mesh = new ShopMesh(endpoints: 3, Policy(BalancingAlgorithm.Passthrough));

        EndpointPick pick = mesh.Pick();
        Assert.Equal((EndpointStatus.Passthrough, null, null), (pick.Choice.Status, pick.Choice.Workload, pick.Endpoint));
    }

    [Fact]
    public void Why_there_is_no_endpoint_is_passed_on()
    {
        var mesh = new ShopMesh(endpoints: 2, Policy(BalancingAlgorithm.Passthrough));
        Assert.Equal(EndpointStatus.UnknownSubset, mesh.Pick(subset: "v9").Choice.Status);
        mesh.Change(change => change.SetTraffic(ShopMesh.TrafficOf(new TrafficPolicy())));
        mesh.Change(change => change.SetWorkload(ShopMesh.Endpoint(0) with { IsHealthy = false }));
        mesh.Change(change => change.SetWorkload(ShopMesh.Endpoint(1) with { IsHealthy = false }));
        Assert.Equal(EndpointStatus.NoHealthyEndpoint, mesh.Pick().Choice.Status);
        mesh.Change(change =>
        {
            change.RemoveWorkload(ShopMesh.Uid(0));
            change.RemoveWorkload(ShopMesh.Uid(1));
        });
        Assert.Equal(EndpointStatus.NoEndpoint, mesh.Pick().Choice.Status);
        mesh.Change(change => change.RemoveService(ShopMesh.ServiceKey));
        Assert.Equal(EndpointStatus.UnknownService, mesh.Pick().Choice.Status);
    }

    [Fact]
    public void The_near_are_chosen_until_they_are_ejected_and_then_the_next()
    {
        var mesh = new ShopMesh(endpoints: 0, new TrafficPolicy
        {
            PrefersNear = true,
            Outliers = new OutlierOptions { Consecutive5xx = 1, MaxEjectionPercent = 100 },
        })
        {
            Client = Telemetry.TestMesh.Cart with { Locality = new Locality("north", "north-1", "rack-1") },
        };
        string[] places = ["north/north-1/rack-1", "north/north-1/rack-2", "north/north-2/rack-1", "south/north-1/rack-1"];
        mesh.Change(change =>
        {
            for (int index = 0; index < 8; index++)
            {
                string[] parts = places[index / 2].Split('/');
                change.SetWorkload(ShopMesh.Endpoint(index) with { Locality = new Locality(parts[0], parts[1], parts[2]) });
            }
        });

        for (int tier = 0; tier < 4; tier++)
        {
            Assert.Equal([2 * tier, (2 * tier) + 1], mesh.Tally(100).Keys.Order());
            mesh.Known(2 * tier).Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
            Assert.Equal([(2 * tier) + 1], mesh.Tally(100).Keys);

            // A retry goes farther rather than to where it failed.
            Assert.Equal(tier < 3 ? [(2 * tier) + 2, (2 * tier) + 3] : [7], mesh.Tally(100, mesh.Known((2 * tier) + 1)).Keys.Order());
            mesh.Known((2 * tier) + 1).Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        }

        Assert.Equal(EndpointStatus.NoHealthyEndpoint, mesh.Pick().Choice.Status);
    }

    [Theory]
    [InlineData(BalancingAlgorithm.RoundRobin, 0, 0.1)]
    [InlineData(BalancingAlgorithm.RoundRobin, 30, 0.5)]
    [InlineData(BalancingAlgorithm.RoundRobin, 60, 1)]
    [InlineData(BalancingAlgorithm.LeastRequest, 0, 0.1)]
    [InlineData(BalancingAlgorithm.LeastRequest, 30, 0.5)]
    [InlineData(BalancingAlgorithm.LeastRequest, 60, 1)]
    [InlineData(BalancingAlgorithm.Random, 0, 1)]
    public void A_new_endpoint_comes_to_its_share_over_time(BalancingAlgorithm algorithm, int ageSeconds, double share)
    {
        var mesh = new ShopMesh(endpoints: 4, new TrafficPolicy { Balancing = new BalancingPolicy(algorithm, null, s_minute) });
        mesh.Pick();
        mesh.Change(change => change.SetWorkload(ShopMesh.Endpoint(4)));
        mesh.NowMs += ageSeconds * 1_000;

        Dictionary<int, int> tally = mesh.Tally(9_000);
        double others = Enumerable.Range(0, 4).Average(index => tally[index]);
        Assert.InRange(tally.GetValueOrDefault(4) / others, share * 0.85, share * 1.15);
    }

    [Theory]
    [InlineData(30, 2, 0.707)]
    [InlineData(30, 0.5, 0.25)]
    [InlineData(1, 1, 0.1)]
    public void Aggression_bends_the_way_to_the_full_share(int ageSeconds, double aggression, double share)
    {
        var warmup = new WarmupPolicy(TimeSpan.FromSeconds(60), MinimumPercent: 10, aggression);
        var mesh = new ShopMesh(
            endpoints: 4, new TrafficPolicy { Balancing = new BalancingPolicy(BalancingAlgorithm.RoundRobin, null, warmup) });
        mesh.Pick();
        mesh.Change(change => change.SetWorkload(ShopMesh.Endpoint(4)));
        mesh.NowMs += ageSeconds * 1_000;

        Dictionary<int, int> tally = mesh.Tally(20_000);
        Assert.InRange(tally[4] / Enumerable.Range(0, 4).Average(index => tally[index]), share * 0.9, share * 1.1);
    }

    [Fact]
    public void Endpoints_that_are_all_new_share_alike_even_from_nothing()
    {
        var warmup = new WarmupPolicy(TimeSpan.FromSeconds(60), MinimumPercent: 0);
        var mesh = new ShopMesh(
            endpoints: 0, new TrafficPolicy { Balancing = new BalancingPolicy(BalancingAlgorithm.RoundRobin, null, warmup) });
        Assert.Equal(EndpointStatus.NoEndpoint, mesh.Pick().Choice.Status);
        mesh.Change(change =>
        {
            change.SetWorkload(ShopMesh.Endpoint(0));
            change.SetWorkload(ShopMesh.Endpoint(1));
        });

        Dictionary<int, int> tally = mesh.Tally(2_000);
        Assert.InRange(tally[0], 900, 1_100);
        Assert.InRange(tally[1], 900, 1_100);
    }

    [Fact]
    public void Endpoints_there_before_the_destination_was_used_are_not_new()
    {
        var mesh = new ShopMesh(
            endpoints: 2, new TrafficPolicy { Balancing = new BalancingPolicy(BalancingAlgorithm.RoundRobin, null, s_minute) });

        Assert.Equal(DestinationEndpoint.Established, mesh.Known(0).UsableSinceMs);
        mesh.Publish(change => change.SetWorkload(ShopMesh.Endpoint(2)));

        // A loop may be first to see it.
        Assert.Equal(mesh.NowMs, mesh.Known(2).UsableSinceMs);
        Assert.Equal(DestinationEndpoint.Established, mesh.Known(1).UsableSinceMs);
    }

    [Fact]
    public void The_address_is_of_the_family_dialled()
    {
        var mesh = new ShopMesh(endpoints: 0);
        mesh.Change(change => change.SetWorkload(
            ShopMesh.Endpoint(0) with { Addresses = [IPAddress.Parse("fd00::7"), IPAddress.Parse("10.2.0.7")] }));

        EndpointPick pick = mesh.Pick();
        Assert.Equal((IPAddress.Parse("10.2.0.7"), (ushort)8_080), (pick.Choice.Address, pick.Choice.TargetPort));
    }

    [Theory]
    [InlineData(BalancingAlgorithm.LeastRequest)]
    [InlineData(BalancingAlgorithm.RoundRobin)]
    [InlineData(BalancingAlgorithm.Random)]
    [InlineData(BalancingAlgorithm.ConsistentHash)]
    public void Choosing_and_reporting_allocates_nothing(BalancingAlgorithm algorithm)
    {
        var mesh = new ShopMesh(endpoints: 1_000, Policy(algorithm) with { Outliers = new OutlierOptions(), PanicPercent = 10 });
        DestinationEndpoint ejected = mesh.Known(3);
        for (int i = 0; i < 5; i++)
        {
            ejected.Report(AttemptResult.ServerError, latencyMs: 1, mesh.NowMs);
        }

        Assert.True(ejected.IsEjected);
        var lease = new RequestLease();
        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                Run(mesh, lease, ejected);
            }
        }));

        static void Run(ShopMesh mesh, RequestLease lease, DestinationEndpoint tried)
        {
            EndpointPick pick = mesh.Pick(hash: 77, tried: tried);
            if (lease.TryBeginRequest(mesh.Destination, out _) && lease.TryBeginPending(out _) && lease.TryBeginRetry(out _))
            {
                lease.BeginAttempt(pick.Endpoint!);
                lease.EndAttempt(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
                lease.End();
            }
        }
    }

    private static TrafficPolicy Policy(BalancingAlgorithm algorithm) => new()
    {
        Balancing = new BalancingPolicy(
            algorithm, algorithm == BalancingAlgorithm.ConsistentHash ? new HashPolicy(HashKey.Header, "x-user") : null),
    };

    private static ShopMesh Weighted(BalancingAlgorithm algorithm, params int[] weights)
    {
        var mesh = new ShopMesh(endpoints: 0, Policy(algorithm));
        mesh.Change(change =>
        {
            foreach ((int index, int weight) in weights.Index())
            {
                change.SetWorkload(ShopMesh.Endpoint(index, (uint)weight));
            }
        });
        return mesh;
    }
}
