using Grpc.Core;
using Mesh.Api.Discovery;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Tests.ControlPlane;
using Microsoft.Extensions.Time.Testing;
using Xunit;
using Workloads = Mesh.Api.Workload;

namespace Mesh.Node.Proxy.Tests.Config;

public sealed class XdsClientTests
{
    [Fact]
    public async Task The_first_request_of_each_type_says_who_asks_and_asks_for_everything()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run();
        FakeDiscoveryStream stream = await fixture.ControlPlane.NextStreamAsync();
        IReadOnlyDictionary<string, DeltaDiscoveryRequest> subscriptions = await stream.ReadSubscriptionsAsync();

        Assert.Equal("Bearer first-token", stream.Header("authorization"));
        Assert.Equal("test-cluster", stream.Header("clusterid"));
        Assert.Equal(
            new[]
            {
                ResourceTypes.Address, ResourceTypes.Authorization, ResourceTypes.Traffic, ResourceTypes.TrustBundle,
                ResourceTypes.RevocationList,
            }.Order(),
            subscriptions.Keys.Order());
        foreach (DeltaDiscoveryRequest request in subscriptions.Values)
        {
            Assert.Empty(request.ResourceNamesSubscribe);
            Assert.Empty(request.InitialResourceVersions);
            Assert.Empty(request.ResponseNonce);
            Assert.Equal("ztunnel~1.1.1.1~node-1.istio-system~istio-system.svc.cluster.local", request.Node.Id);
            Assert.Equal("node-1", request.Node.Metadata.Fields["NODE_NAME"].StringValue);
            Assert.Equal("v1", request.Node.Metadata.Fields["MESH_NODE_POLICIES"].StringValue);
            Assert.Equal("test-cluster", request.Node.Metadata.Fields["CLUSTER_ID"].StringValue);
            Assert.Equal("net", request.Node.Metadata.Fields["NETWORK"].StringValue);
        }
    }

    [Fact]
    public async Task A_response_is_applied_and_acknowledged_by_its_nonce()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run();
        FakeDiscoveryStream stream = await fixture.ControlPlane.NextStreamAsync();
        await DiscoveryFixture.CompleteAsync(stream);

        Assert.True(fixture.Store.Current.IsComplete);
        DeltaDiscoveryResponse response = Wire.Addresses(Wire.Resource(Wire.Workload("a")));
        DeltaDiscoveryRequest answer = await stream.ExchangeAsync(response);
        Assert.Equal(response.Nonce, answer.ResponseNonce);
        Assert.Null(answer.ErrorDetail);
        Assert.Null(answer.Node);
        Assert.Equal(1, fixture.Store.Current.WorkloadCount);
        Assert.True(fixture.Store.Discovery.IsConnected);
        Assert.Empty(fixture.Store.Discovery.Awaited);
    }

    [Fact]
    public async Task A_refused_resource_is_named_in_the_answer_and_the_rest_is_in_force()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run();
        FakeDiscoveryStream stream = await fixture.ControlPlane.NextStreamAsync();
        await stream.ReadSubscriptionsAsync();
        Resource[] bad = [.. Enumerable.Range(0, 30).Select(index => Legacy($"bad-{index}"))];
        DeltaDiscoveryResponse response = Wire.Addresses([Wire.Resource(Wire.Workload("good")), .. bad]);
        DeltaDiscoveryRequest answer = await stream.ExchangeAsync(response);

        Assert.Equal(response.Nonce, answer.ResponseNonce);
        Assert.Equal((int)StatusCode.InvalidArgument, answer.ErrorDetail.Code);
        Assert.Contains("Kubernetes//Pod/default/bad-0: tunnel_protocol: LEGACY_ISTIO_MTLS", answer.ErrorDetail.Message, StringComparison.Ordinal);
        Assert.EndsWith("and 10 more", answer.ErrorDetail.Message, StringComparison.Ordinal);
        Assert.Equal(1, fixture.Store.Current.WorkloadCount);
    }

    [Theory]
    [InlineData(StatusCode.OK)]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.Unauthenticated)]
    public async Task A_broken_stream_leaves_everything_in_force_and_the_next_begins_with_what_is_held(StatusCode status)
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run();
        FakeDiscoveryStream first = await fixture.ControlPlane.NextStreamAsync();
        await DiscoveryFixture.CompleteAsync(first);
        await first.ExchangeAsync(Wire.Addresses(Wire.Resource(Wire.Workload("a"), "7"), Wire.Resource(Wire.Service("s"), "8"), Legacy("bad")));
        fixture.WriteToken("second-token\n");
        first.End(status);

        FakeDiscoveryStream second = await fixture.ControlPlane.NextStreamAsync();
        IReadOnlyDictionary<string, DeltaDiscoveryRequest> subscriptions = await second.ReadSubscriptionsAsync();
        Assert.Equal("Bearer second-token", second.Header("authorization"));
        Assert.Equal(
            new Dictionary<string, string>
            {
                ["Kubernetes//Pod/default/a"] = "7",
                ["default/s.default.svc.cluster.local"] = "8",
                ["Kubernetes//Pod/default/bad"] = "",
            },
            subscriptions[ResourceTypes.Address].InitialResourceVersions);
        Assert.True(fixture.Store.Current.IsComplete);
        Assert.Equal(1, fixture.Store.Current.WorkloadCount);

        // Only what has gone meanwhile is said.
        await second.ExchangeAsync(Wire.Removal(ResourceTypes.Address, "Kubernetes//Pod/default/a"));
        Assert.Equal(0, fixture.Store.Current.WorkloadCount);
        Assert.Single(fixture.Store.Current.Services);
    }

    [Fact]
    public async Task A_message_far_beyond_the_usual_limit_is_taken()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run();
        FakeDiscoveryStream stream = await fixture.ControlPlane.NextStreamAsync();
        await stream.ReadSubscriptionsAsync();
        string ballast = new('x', 1_000);
        Resource[] resources = [.. Enumerable.Range(0, 6_000).Select(index =>
        {
            Workloads.Workload workload = Wire.Workload($"w{index}", $"10.{index / 65_536}.{index / 256 % 256}.{index % 256}");
            workload.Extensions.Add(new Workloads.Extension { Name = ballast });
            return Wire.Resource(workload);
        })];
        DeltaDiscoveryResponse response = Wire.Addresses(resources);
        Assert.True(response.CalculateSize() > 5 * 1024 * 1024);
        await stream.ExchangeAsync(response);

        Assert.Equal(6_000, fixture.Store.Current.WorkloadCount);
    }

    [Fact]
    public async Task A_type_nobody_asked_for_is_passed_over()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.Run();
        FakeDiscoveryStream stream = await fixture.ControlPlane.NextStreamAsync();
        await stream.ReadSubscriptionsAsync();
        await stream.SendAsync(Wire.Response("type.googleapis.com/some.Other"));
        DeltaDiscoveryResponse known = Wire.Addresses();

        Assert.Equal(known.Nonce, (await stream.ExchangeAsync(known)).ResponseNonce);
    }

    [Fact]
    public async Task A_control_plane_that_knows_only_the_required_types_is_enough_after_a_while()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        var time = new FakeTimeProvider();
        fixture.Run(time);
        FakeDiscoveryStream stream = await fixture.ControlPlane.NextStreamAsync();
        await stream.ReadSubscriptionsAsync();
        await stream.ExchangeAsync(Wire.Addresses());
        time.Advance(TimeSpan.FromMinutes(1));
        await stream.ExchangeAsync(Wire.Policies());
        Assert.False(fixture.Store.Current.IsComplete);

        // News in the meantime does not begin the wait anew.
        time.Advance(TimeSpan.FromSeconds(3));
        await stream.ExchangeAsync(Wire.Addresses(Wire.Resource(Wire.Workload("a"))));
        Assert.False(fixture.Store.Current.IsComplete);
        await TestTime.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(2.5));

                // What is awaited is shown after the configuration that no longer waits for it is in force.
                return fixture.Store.Current.IsComplete && fixture.Store.Discovery.Awaited.IsEmpty;
            },
            "completeness without this mesh's own types");

        await stream.ExchangeAsync(Wire.Addresses(Wire.Resource(Wire.Workload("b"))));
        Assert.Equal(2, fixture.Store.Current.WorkloadCount);
    }

    [Fact]
    public async Task Delays_grow_while_nobody_answers_and_nothing_is_lost_by_them()
    {
        await using DiscoveryFixture fixture = await DiscoveryFixture.StartAsync();
        fixture.WriteToken("");
        var time = new FakeTimeProvider();
        fixture.Run(time);
        for (int attempt = 0; attempt < 5; attempt++)
        {
            time.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.False(fixture.ControlPlane.HasStream);
        fixture.WriteToken("here-at-last");
        Task<FakeDiscoveryStream> next = fixture.ControlPlane.NextStreamAsync();
        await TestTime.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(1));
                return next.IsCompleted;
            },
            "a stream once there is a token");
        Assert.Equal("Bearer here-at-last", (await next).Header("authorization"));
    }

    private static Resource Legacy(string name)
    {
        Workloads.Workload workload = Wire.Workload(name);
        workload.TunnelProtocol = Workloads.TunnelProtocol.LegacyIstioMtls;
        return Wire.Resource(workload);
    }
}
