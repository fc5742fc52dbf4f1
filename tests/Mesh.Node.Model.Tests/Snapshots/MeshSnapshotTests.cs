using System.Net;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Model.Tests.Snapshots;

public sealed class MeshSnapshotTests
{
    private static readonly IPAddress s_address = IPAddress.Parse("10.0.0.1");

    [Fact]
    public void A_workload_is_found_by_uid_address_node_and_pod_name()
    {
        Workload workload = Some.Workload("a", "10.0.0.1") with { Node = "node-1" };
        MeshSnapshot snapshot = Some.Snapshot(workloads: [workload]);

        Assert.Same(workload, snapshot.FindWorkload(workload.Uid));
        Assert.Same(workload, snapshot.FindWorkload("", s_address));
        Assert.Same(workload, Assert.Single(snapshot.WorkloadsOn("node-1")).Value);
        Assert.Same(workload, snapshot.FindPod("node-1", "default", "a", "server"));
    }

    [Fact]
    public void A_pod_is_not_found_under_another_node_account_or_namespace()
    {
        MeshSnapshot snapshot = Some.Snapshot(workloads: [Some.Workload("a", "10.0.0.1") with { Node = "node-1" }]);

        Assert.Null(snapshot.FindPod("node-2", "default", "a", "server"));
        Assert.Null(snapshot.FindPod("node-1", "default", "a", "other"));
        Assert.Null(snapshot.FindPod("node-1", "other", "a", "server"));
    }

    [Fact]
    public void One_address_in_two_networks_is_two_addresses()
    {
        MeshSnapshot snapshot = Some.Snapshot(workloads: [Some.Workload("a", "10.0.0.1"), Some.Workload("b", "10.0.0.1", network: "far")]);

        Assert.Equal("a", snapshot.FindWorkload("", s_address)!.Name);
        Assert.Equal("b", snapshot.FindWorkload("far", s_address)!.Name);
        Assert.Null(snapshot.FindWorkload("elsewhere", s_address));
    }

    [Fact]
    public void A_host_network_workload_is_not_found_by_the_address_of_its_node()
    {
        Workload workload = Some.Workload("a", "10.0.0.1") with { IsHostNetwork = true, Node = "node-1" };
        MeshSnapshot snapshot = Some.Snapshot(workloads: [workload]);

        Assert.Null(snapshot.FindWorkload("", s_address));
        Assert.Same(workload, snapshot.FindWorkload(workload.Uid));
        Assert.Single(snapshot.WorkloadsOn("node-1"));
    }

    [Fact]
    public void Of_several_at_one_address_a_pod_goes_first_then_HBONE_then_the_lowest_uid()
    {
        Workload entry = Some.Workload("entry", "10.0.0.1") with { Uid = "Kubernetes/networking.istio.io/WorkloadEntry/default/entry" };
        Workload plainPod = Some.Workload("z-plain", "10.0.0.1") with { TunnelProtocol = TunnelProtocol.None };
        Workload podB = Some.Workload("b", "10.0.0.1");
        Workload podA = Some.Workload("a", "10.0.0.1");
        Workload[] preferred = [podA, podB, plainPod, entry];

        foreach (Workload[] arrival in new Workload[][] { [entry, plainPod, podB, podA], [podA, podB, plainPod, entry] })
        {
            MeshSnapshot.Builder builder = Some.Snapshot(workloads: arrival).ToBuilder();
            foreach (Workload next in preferred)
            {
                Assert.Same(next, builder.Build().FindWorkload("", s_address));
                Assert.True(builder.RemoveWorkload(next.Uid));
            }

            Assert.Null(builder.Build().FindWorkload("", s_address));
        }
    }

    [Fact]
    public void A_workload_that_moves_is_no_longer_found_where_it_was()
    {
        Service service = Some.Service("shop", "10.1.0.1");
        Workload before = Some.Workload("a", "10.0.0.1").EndpointOf(service) with { Node = "node-1" };
        MeshSnapshot first = Some.Snapshot(workloads: [before], services: [service]);
        MeshSnapshot.Builder builder = first.ToBuilder();
        builder.SetWorkload(Some.Workload("a", "10.0.0.2") with { Node = "node-2" });
        MeshSnapshot second = builder.Build();

        Assert.Null(second.FindWorkload("", s_address));
        Assert.Empty(second.WorkloadsOn("node-1"));
        Assert.Empty(second.FindEndpoints(service.Key)!.Endpoints);
        Assert.Equal("a", second.FindWorkload("", IPAddress.Parse("10.0.0.2"))!.Name);

        // What was captured before stays as it was.
        Assert.Same(before, first.FindWorkload("", s_address));
        Assert.Single(first.FindEndpoints(service.Key)!.Endpoints);
    }

    [Fact]
    public void Endpoints_find_their_service_in_either_order_of_arrival()
    {
        Service service = Some.Service("shop", "10.1.0.1");
        Workload endpoint = Some.Workload("a", "10.0.0.1").EndpointOf(service);

        MeshSnapshot.Builder workloadFirst = Some.Snapshot(workloads: [endpoint]).ToBuilder();
        Assert.Null(workloadFirst.Build().FindService(service.Key));
        Assert.Empty(workloadFirst.Build().Services);
        workloadFirst.SetService(service);
        MeshSnapshot.Builder serviceFirst = Some.Snapshot(services: [service]).ToBuilder();
        serviceFirst.SetWorkload(endpoint);

        foreach (MeshSnapshot snapshot in new[] { workloadFirst.Build(), serviceFirst.Build() })
        {
            Assert.Same(endpoint, Assert.Single(snapshot.FindEndpoints(service.Key)!.Endpoints));
            Assert.Same(service, Assert.Single(snapshot.Services).Service);
        }
    }

    [Fact]
    public void Of_several_services_at_one_address_the_clients_namespace_goes_first_then_the_canonical_then_the_lowest_key()
    {
        Service own = Some.Service("own", "10.1.0.1", "mine");
        Service canonical = Some.Service("zz", "10.1.0.1", "other") with { IsCanonical = true };
        Service low = Some.Service("aa", "10.1.0.1", "another");
        MeshSnapshot snapshot = Some.Snapshot(services: [low, canonical, own]);
        var vip = IPAddress.Parse("10.1.0.1");

        Assert.Same(own, snapshot.FindServiceByAddress("", vip, "mine"));
        Assert.Same(canonical, snapshot.FindServiceByAddress("", vip, "nobody"));
        MeshSnapshot.Builder builder = snapshot.ToBuilder();
        builder.RemoveService(canonical.Key);
        Assert.Same(low, builder.Build().FindServiceByAddress("", vip, "nobody"));
    }

    [Fact]
    public void A_service_of_a_namespace_alone_is_found_from_there_alone()
    {
        Service hidden = Some.Service("hidden", "10.1.0.1", "mine") with { Visibility = ServiceVisibility.Namespace };
        MeshSnapshot snapshot = Some.Snapshot(services: [hidden]);

        Assert.Same(hidden, snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.0.1"), "mine"));
        Assert.Null(snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.0.1"), "other"));
        Assert.Same(hidden, snapshot.FindServiceByHostname(hidden.Hostname, "mine"));
        Assert.Null(snapshot.FindServiceByHostname(hidden.Hostname, "other"));
    }

    [Fact]
    public void A_block_serves_what_no_exact_address_does_longest_first_unless_the_clients_namespace_has_one()
    {
        Service wide = Some.Service("wide", "10.1.0.0/16", "mine");
        Service narrow = Some.Service("narrow", "10.1.2.0/24", "other");
        Service exact = Some.Service("exact", "10.1.2.3", "other");
        Service six = Some.Service("six", "fd00::/16", "other");
        MeshSnapshot snapshot = Some.Snapshot(services: [wide, narrow, exact, six]);

        Assert.Same(exact, snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.2.3"), "mine"));
        Assert.Same(wide, snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.2.4"), "mine"));
        Assert.Same(narrow, snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.2.4"), "nobody"));
        Assert.Same(wide, snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.3.4"), "nobody"));
        Assert.Same(six, snapshot.FindServiceByAddress("", IPAddress.Parse("fd00::9"), "nobody"));
        Assert.Null(snapshot.FindServiceByAddress("", IPAddress.Parse("10.2.0.1"), "nobody"));
        Assert.Null(snapshot.FindServiceByAddress("far", IPAddress.Parse("10.1.3.4"), "nobody"));

        MeshSnapshot.Builder builder = snapshot.ToBuilder();
        builder.RemoveService(narrow.Key);
        builder.RemoveService(six.Key);
        MeshSnapshot later = builder.Build();
        Assert.Same(wide, later.FindServiceByAddress("", IPAddress.Parse("10.1.2.4"), "nobody"));
        Assert.Null(later.FindServiceByAddress("", IPAddress.Parse("fd00::9"), "nobody"));
    }

    [Fact]
    public void A_service_that_changes_its_addresses_keeps_its_endpoints()
    {
        Service service = Some.Service("shop", "10.1.0.1");
        MeshSnapshot.Builder builder = Some.Snapshot(workloads: [Some.Workload("a", "10.0.0.1").EndpointOf(service)], services: [service]).ToBuilder();
        builder.SetService(service with { Addresses = [new NetworkPrefix("", IpPrefix.Parse("10.1.0.2"))] });
        MeshSnapshot snapshot = builder.Build();

        Assert.Null(snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.0.1"), "x"));
        Assert.NotNull(snapshot.FindServiceByAddress("", IPAddress.Parse("10.1.0.2"), "x"));
        Assert.Single(snapshot.FindEndpoints(service.Key)!.Endpoints);
    }

    [Fact]
    public void Removing_what_is_not_there_says_so()
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();

        Assert.False(builder.RemoveWorkload("x"));
        Assert.False(builder.RemoveService("x/y"));
        Assert.False(builder.RemovePolicy("x/y"));
    }

    [Fact]
    public void Completeness_is_carried_on()
    {
        Assert.False(MeshSnapshot.Empty.ToBuilder().Build().IsComplete);
        Assert.True(Some.Snapshot().ToBuilder().Build().IsComplete);
    }

    [Fact]
    public void Random_changes_leave_the_same_as_a_fresh_build()
    {
        var random = new Random(5);
        Service[] services = [.. Enumerable.Range(0, 6).Select(index => Some.Service($"s{index}", $"10.1.0.{index % 4}", $"ns{index % 2}"))];
        var workloads = new Dictionary<string, Workload>();
        var present = new Dictionary<string, Service>();
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        for (int step = 0; step < 150; step++)
        {
            for (int change = 0; change < random.Next(1, 6); change++)
            {
                ChangeOne(random, services, workloads, present, builder);
            }

            MeshSnapshot incremental = builder.Build();
            MeshSnapshot fresh = Some.Snapshot(workloads: workloads.Values.Reverse(), services: present.Values.Reverse());
            AssertSame(services, fresh, incremental);
        }
    }

    [Fact]
    public void Lookups_allocate_nothing()
    {
        Service service = Some.Service("shop", "10.1.0.0/16");
        MeshSnapshot snapshot = Some.Snapshot(workloads: [Some.Workload("a", "10.0.0.1").EndpointOf(service) with { Node = "n" }], services: [service]);
        var vip = IPAddress.Parse("10.1.2.3");

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int round = 0; round < 1_000; round++)
            {
                LookUp(snapshot, vip, service);
            }
        }));
    }

    private static void LookUp(MeshSnapshot snapshot, IPAddress vip, Service service)
    {
        Assert.NotNull(snapshot.FindWorkload("", s_address));
        Assert.NotNull(snapshot.FindPod("n", "default", "a", "server"));
        Assert.NotNull(snapshot.FindServiceByAddress("", vip, "default"));
        Assert.NotNull(snapshot.FindServiceByHostname(service.Hostname, "default"));
        Assert.NotNull(snapshot.FindEndpoints(service.Key));
    }

    private static void ChangeOne(
        Random random, Service[] services, Dictionary<string, Workload> workloads, Dictionary<string, Service> present, MeshSnapshot.Builder builder)
    {
        Service service = services[random.Next(services.Length)];
        Workload workload = Some.Workload($"w{random.Next(12)}", $"10.0.0.{random.Next(8)}") with
        {
            Node = $"node-{random.Next(3)}",
            TunnelProtocol = (TunnelProtocol)random.Next(2),
        };
        switch (random.Next(5))
        {
            case 0:
                Assert.Equal(workloads.Remove(workload.Uid), builder.RemoveWorkload(workload.Uid));
                break;
            case 1:
                Assert.Equal(present.Remove(service.Key), builder.RemoveService(service.Key));
                break;
            case 2:
                builder.SetService(present[service.Key] = service with { IsCanonical = random.Next(2) == 0 });
                break;
            default:
                workload = workload.EndpointOf(service);
                builder.SetWorkload(workloads[workload.Uid] = workload);
                break;
        }
    }

    private static void AssertSame(Service[] services, MeshSnapshot expected, MeshSnapshot actual)
    {
        Assert.Equal(expected.WorkloadCount, actual.WorkloadCount);
        for (int last = 0; last < 8; last++)
        {
            var pod = IPAddress.Parse($"10.0.0.{last}");
            var vip = IPAddress.Parse($"10.1.0.{last}");
            Assert.Same(expected.FindWorkload("", pod), actual.FindWorkload("", pod));
            Assert.Same(expected.FindServiceByAddress("", vip, "ns1"), actual.FindServiceByAddress("", vip, "ns1"));
            Assert.Same(expected.FindServiceByAddress("", vip, "none"), actual.FindServiceByAddress("", vip, "none"));
        }

        foreach (Service service in services)
        {
            Assert.Same(expected.FindService(service.Key), actual.FindService(service.Key));
            Assert.Equal(expected.FindEndpoints(service.Key)?.Endpoints.AsEnumerable(), actual.FindEndpoints(service.Key)?.Endpoints.AsEnumerable());
        }

        for (int node = 0; node < 3; node++)
        {
            Assert.Equal(expected.WorkloadsOn($"node-{node}").Keys.Order(), actual.WorkloadsOn($"node-{node}").Keys.Order());
        }
    }
}
