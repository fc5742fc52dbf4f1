using System.Net.Sockets;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Routing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Model.Tests.Traffic;

public sealed class SubsetEndpointTests
{
    private const string Key = "default/shop/v1";

    private static readonly Workload s_client = Some.Workload("client", "10.0.9.9");
    private static readonly Service s_service = Some.Service("shop", "10.1.0.1");
    private static readonly ServiceTraffic s_traffic = new(
        s_service.Key,
        Scope(Key),
        new Dictionary<string, TrafficScope> { ["theirs"] = Scope("theirs/shop/v1") });

    [Fact]
    public void Only_endpoints_in_a_subset_are_found_for_it()
    {
        MeshSnapshot snapshot = Snapshot(Endpoint("a", Key), Endpoint("b"), Endpoint("c", "default/shop/v2", Key));

        Assert.Equal(["a", "c"], Names(EndpointPicker.Find(snapshot, s_service.Key, 80, "v1", s_client)));
        Assert.Equal(["a", "b", "c"], Names(EndpointPicker.Find(snapshot, s_service.Key, 80, "", s_client)));
    }

    [Fact]
    public void What_a_subsets_name_means_is_said_for_the_clients_namespace()
    {
        MeshSnapshot snapshot = Snapshot(Endpoint("a", Key), Endpoint("b", "theirs/shop/v1"));
        Workload theirs = Some.Workload("client", "10.0.9.9", @namespace: "theirs");

        Assert.Equal(["a"], Names(EndpointPicker.Find(snapshot, s_service.Key, 80, "v1", s_client)));
        Assert.Equal(["b"], Names(EndpointPicker.Find(snapshot, s_service.Key, 80, "v1", theirs)));
    }

    [Fact]
    public void Each_reason_to_find_no_endpoint_has_its_name()
    {
        MeshSnapshot snapshot = Snapshot(Endpoint("a"), Endpoint("sick", Key) with { IsHealthy = false });
        Service passthrough = s_service with { LoadBalancing = new LoadBalancing([], LoadBalancingMode.Passthrough, true) };

        Assert.Equal(EndpointStatus.UnknownSubset, EndpointPicker.Find(snapshot, s_service.Key, 80, "v9", s_client).Status);
        Assert.Equal(
            EndpointStatus.UnknownSubset, EndpointPicker.Find(Some.Snapshot(services: [s_service]), s_service.Key, 80, "v1", s_client).Status);
        Assert.Equal(EndpointStatus.NoHealthyEndpoint, EndpointPicker.Find(snapshot, s_service.Key, 80, "v1", s_client).Status);
        Assert.Equal(EndpointStatus.UnknownPort, EndpointPicker.Find(snapshot, s_service.Key, 81, "v1", s_client).Status);
        Assert.Equal(EndpointStatus.UnknownService, EndpointPicker.Find(snapshot, "default/nobody", 80, "", s_client).Status);
        Assert.Equal(
            EndpointStatus.Passthrough,
            EndpointPicker.Find(Some.Snapshot(services: [passthrough]), s_service.Key, 80, "", s_client).Status);
        Assert.Equal(0, EndpointPicker.Find(snapshot, s_service.Key, 81, "", s_client).Count);
    }

    [Fact]
    public void An_endpoint_is_chosen_by_its_place()
    {
        CandidateSet set = EndpointPicker.Find(
            Snapshot(Endpoint("a", Key) with { Capacity = 3 }, Endpoint("b", Key)), s_service.Key, 80, "v1", s_client);

        EndpointChoice choice = set.ChoiceOf(0, AddressFamily.InterNetwork);
        Assert.Equal(("a", "10.0.0.1", 8080), (choice.Workload!.Name, choice.Address!.ToString(), (int)choice.TargetPort));
        Assert.Equal((3u, 1u), (set.WeightOf(0), set.WeightOf(1)));
        Assert.Equal(EndpointStatus.Picked, set.Status);
    }

    [Fact]
    public void Endpoints_that_did_not_change_are_the_same_set()
    {
        MeshSnapshot first = Snapshot(Endpoint("a", Key));
        MeshSnapshot.Builder builder = first.ToBuilder();
        builder.SetService(Some.Service("other", "10.1.0.2"));
        MeshSnapshot second = builder.Build();
        builder.SetWorkload(Endpoint("b", Key));
        MeshSnapshot third = builder.Build();

        CandidateSet before = EndpointPicker.Find(first, s_service.Key, 80, "v1", s_client);
        Assert.Same(before, EndpointPicker.Find(second, s_service.Key, 80, "v1", s_client));
        Assert.Equal(["a", "b"], Names(EndpointPicker.Find(third, s_service.Key, 80, "v1", s_client)));
    }

    [Fact]
    public void More_subsets_than_are_remembered_are_still_told_apart()
    {
        const int Count = 200;
        var subsets = Enumerable.Range(0, Count).ToDictionary(
            i => $"v{i}", i => new TrafficSubset($"v{i}", $"default/shop/v{i}", PortPolicies.Default), StringComparer.Ordinal);
        MeshSnapshot.Builder builder = Snapshot(
            [.. Enumerable.Range(0, Count).Select(i => Endpoint($"e{i}", $"default/shop/v{i}"))]).ToBuilder();
        builder.SetTraffic(new ServiceTraffic(
            s_service.Key, new TrafficScope(new Dictionary<ushort, RouteTable>(), PortPolicies.Default, subsets)));
        MeshSnapshot snapshot = builder.Build();

        for (int i = 0; i < Count; i++)
        {
            Assert.Equal([$"e{i}"], Names(EndpointPicker.Find(snapshot, s_service.Key, 80, $"v{i}", s_client)));
        }
    }

    [Fact]
    public void Finding_allocates_nothing_once_the_set_is_known()
    {
        MeshSnapshot snapshot = Snapshot(Endpoint("a", Key), Endpoint("b"));

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                Find();
            }
        }));

        void Find()
        {
            _ = EndpointPicker.Find(snapshot, s_service.Key, 80, "v1", s_client);
            _ = EndpointPicker.Find(snapshot, s_service.Key, 80, "v9", s_client);
            _ = snapshot.PolicyOf(s_service.Key, 80, "v1", "default");
        }
    }

    private static TrafficScope Scope(string key) => new(
        new Dictionary<ushort, RouteTable>(),
        PortPolicies.Default,
        new Dictionary<string, TrafficSubset> { ["v1"] = new("v1", key, PortPolicies.Default) });

    private static Workload Endpoint(string name, params string[] subsets) => Some.Workload(name, "10.0.0.1") with
    {
        Services = [new ServiceMembership(s_service.Key, []) { Subsets = [.. subsets] }],
    };

    private static MeshSnapshot Snapshot(params Workload[] endpoints)
    {
        MeshSnapshot.Builder builder = Some.Snapshot(workloads: endpoints, services: [s_service]).ToBuilder();
        builder.SetTraffic(s_traffic);
        return builder.Build();
    }

    private static IEnumerable<string> Names(CandidateSet set) => Enumerable.Range(0, set.Count).Select(index => set[index].Name);
}
