using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Tests.Telemetry;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Destinations;

/// <summary>A service with endpoints whose configuration a test changes, and what a node knows of it. The test says what time it is.</summary>
internal sealed class ShopMesh : IOpenStreamCounts
{
    public const ushort Port = 80;

    private static readonly Service s_service =
        new("shop", "stock.shop.svc.cluster.local") { Name = "stock", Ports = [new ServicePort(Port, 8_080, PortProtocol.Http)] };

    private RandomState _random = new(7);

    /// <param name="endpoints">How many there are: stock-0 and on, of weight 1.</param>
    /// <param name="policy">How requests are carried.</param>
    public ShopMesh(int endpoints, TrafficPolicy? policy = null)
    {
        MeshSnapshot.Builder builder = MeshSnapshot.Empty.ToBuilder();
        builder.SetService(s_service);
        builder.SetWorkload(Client);
        for (int index = 0; index < endpoints; index++)
        {
            builder.SetWorkload(Endpoint(index));
        }

        builder.MarkComplete();
        Snapshot = builder.Build();
        if (policy is not null)
        {
            Change(changed => changed.SetTraffic(TrafficOf(policy)));
        }
    }

    public static string ServiceKey => s_service.Key;

    public DestinationRegistry Registry { get; } = new();

    public MeshSnapshot Snapshot { get; private set; }

    public Workload Client { get; init; } = TestMesh.Cart with { Addresses = [IPAddress.Parse("10.1.0.5")] };

    /// <summary>The loops' milliseconds.</summary>
    public long NowMs { get; set; } = 1_000_000;

    /// <summary>What a loop counts besides, by uid.</summary>
    public Dictionary<string, int> Open { get; } = [];

    public Destination Destination => Of("");

    public static string Uid(int index) => $"Kubernetes//Pod/shop/stock-{index}";

    public static Workload Endpoint(int index, uint weight = 1) => TestMesh.Pod($"stock-{index}", "stock", "shop", "v1") with
    {
        Addresses = [new IPAddress([10, 2, (byte)(index >> 8), (byte)index])],
        Capacity = weight,
        Services = [new ServiceMembership(s_service.Key, [])],
    };

    public static ServiceTraffic TrafficOf(TrafficPolicy policy, params ReadOnlySpan<TrafficSubset> subsets)
    {
        Dictionary<string, TrafficSubset> named = [];
        foreach (TrafficSubset subset in subsets)
        {
            named.Add(subset.Name, subset);
        }

        return new ServiceTraffic(
            s_service.Key,
            new TrafficScope(ImmutableDictionary<ushort, Model.Routing.RouteTable>.Empty, new PortPolicies(policy), named));
    }

    /// <summary>Changes the configuration, of which destinations have not heard yet.</summary>
    public void Publish(Action<MeshSnapshot.Builder> change)
    {
        MeshSnapshot.Builder builder = Snapshot.ToBuilder();
        change(builder);
        Snapshot = builder.Build();
    }

    /// <summary>Changes the configuration, and tells destinations.</summary>
    public void Change(Action<MeshSnapshot.Builder> change)
    {
        Publish(change);
        Registry.Refresh(Snapshot, NowMs);
    }

    public Destination Of(string subset) => Registry.Of(Snapshot, s_service.Key, Port, subset, Client, NowMs);

    public EndpointPick Pick(ulong? hash = null, string subset = "", Workload? client = null, params ReadOnlySpan<DestinationEndpoint> tried) =>
        Registry.Of(Snapshot, s_service.Key, Port, subset, client ?? Client, NowMs).Pick(
            new PickRequest
            {
                Snapshot = Snapshot,
                Source = client ?? Client,
                Family = AddressFamily.InterNetwork,
                NowMs = NowMs,
                Hash = hash,
                Tried = tried,
            },
            this,
            ref _random);

    /// <summary>The endpoint of a pod.</summary>
    public DestinationEndpoint Known(int index)
    {
        Pick();
        return Destination.ListEndpoints().Single(endpoint => endpoint.Uid == Uid(index));
    }

    /// <summary>How often each was picked, by the number of its pod.</summary>
    public Dictionary<int, int> Tally(int picks, params ReadOnlySpan<DestinationEndpoint> tried)
    {
        Dictionary<int, int> tally = [];
        for (int i = 0; i < picks; i++)
        {
            EndpointPick pick = Pick(tried: tried);
            int index = NumberOf(pick);
            tally[index] = tally.GetValueOrDefault(index) + 1;
        }

        return tally;
    }

    public static int NumberOf(EndpointPick pick)
    {
        Assert.Equal(EndpointStatus.Picked, pick.Choice.Status);
        Assert.Equal(pick.Choice.Workload!.Uid, pick.Endpoint!.Uid);
        return int.Parse(pick.Endpoint.Uid.AsSpan(Uid(0).Length - 1), System.Globalization.CultureInfo.InvariantCulture);
    }

    public int OpenStreams(Workload workload) => Open.GetValueOrDefault(workload.Uid);
}
