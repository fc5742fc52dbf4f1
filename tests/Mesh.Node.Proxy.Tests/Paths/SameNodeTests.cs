using System.Net.Sockets;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: what a NetworkPolicy restricts meets the network plug-in also between pods of one node. Method: two pods of a node, every mode,
/// and the log that says which way their connection went.
/// </summary>
public sealed class SameNodeTests
{
    private const int Port = 8080;

    [LabTheory]
    [InlineData(SameNodeMode.Auto, NetworkPolicyReach.None, NetworkPolicyReach.None, true)]
    [InlineData(SameNodeMode.Auto, NetworkPolicyReach.Ingress, NetworkPolicyReach.Egress, true)]
    [InlineData(SameNodeMode.Auto, NetworkPolicyReach.Egress, NetworkPolicyReach.None, false)]
    [InlineData(SameNodeMode.Auto, NetworkPolicyReach.None, NetworkPolicyReach.Ingress, false)]
    [InlineData(SameNodeMode.Auto, null, NetworkPolicyReach.None, false)]
    [InlineData(SameNodeMode.Auto, NetworkPolicyReach.None, null, false)]
    [InlineData(SameNodeMode.Direct, NetworkPolicyReach.Egress, NetworkPolicyReach.Ingress, true)]
    [InlineData(SameNodeMode.Network, NetworkPolicyReach.None, NetworkPolicyReach.None, false)]
    public async Task Pods_of_a_node_talk_directly_where_no_network_policy_restricts_them(
        SameNodeMode mode, NetworkPolicyReach? ofClient, NetworkPolicyReach? ofServer, bool isDirect)
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = mode });
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        node.Configure(mesh =>
        {
            mesh.SetWorkload(client.Workload with { NetworkPolicies = ofClient });
            mesh.SetWorkload(server.Workload with { NetworkPolicies = ofServer });
        });

        using (Socket connection = await client.ConnectAsync(server.Address, Port))
        {
            Assert.Equal("hello", await LabPod.AskAsync(connection, "hello"));
        }

        if (isDirect)
        {
            await node.WaitForLineAsync("path=SameNode", "bytes_sent=5", "bytes_recv=5");
            Assert.DoesNotContain("path=InboundHbone", node.Log, StringComparison.Ordinal);
        }
        else
        {
            await node.WaitForLineAsync("path=Outbound", "bytes_sent=5", "bytes_recv=5", "dst.hbone_addr=10.9.2.2:8080");
            await node.WaitForLineAsync("path=InboundHbone", "src.addr=10.9.1.2");
            Assert.DoesNotContain("path=SameNode", node.Log, StringComparison.Ordinal);
        }
    }

    [LabTheory]
    [InlineData(SameNodeMode.Direct, "path=SameNode")]
    [InlineData(SameNodeMode.Network, "path=InboundHbone")]
    public async Task A_policy_that_cannot_be_read_ends_what_is_open_refuses_what_comes_and_is_named(SameNodeMode mode, string path)
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = mode });
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        using Socket open = await client.ConnectAsync(server.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(open, "hello"));

        node.Configure(mesh => mesh.SetPolicy(AuthorizationPolicy.Unreadable("shop/odd", "istio-system", "it is cut short")));
        await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(open, 1));
        await node.WaitForLineAsync(path, "close_reason=PolicyRevoked", "policy shop/odd cannot be read", "it is cut short");
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket refused = await client.ConnectAsync(server.Address, Port);
            await LabPod.AskAsync(refused, "hello");
        });
        await node.WaitForLineAsync(path, "close_reason=PolicyDenied", "policy shop/odd cannot be read", "it is cut short");

        node.Configure(mesh => mesh.RemovePolicy("shop/odd"));
        using Socket again = await client.ConnectAsync(server.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(again, "hello"));
    }

    [LabFact]
    public async Task A_pod_that_calls_itself_by_its_service_needs_no_network()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = SameNodeMode.Network });
        LabPod pod = await node.AddPodAsync("solo");
        pod.Echo(Port);
        var service = new Service("shop", "solo.shop.svc.cluster.local")
        {
            Name = "solo",
            Addresses = [new Model.Addresses.NetworkPrefix("", Model.Addresses.IpPrefix.Parse("10.200.0.1"))],
            Ports = [new ServicePort(80, Port, PortProtocol.Detect)],
        };
        node.Configure(mesh =>
        {
            mesh.SetService(service);
            mesh.SetWorkload(pod.Workload with { Services = [new ServiceMembership(service.Key, [])] });
        });

        using (Socket connection = await pod.ConnectAsync(System.Net.IPAddress.Parse("10.200.0.1"), 80))
        {
            Assert.Equal("hello", await LabPod.AskAsync(connection, "hello"));
        }

        await node.WaitForLineAsync("path=SameNode", "dst.service=\"solo.shop.svc.cluster.local\"");
    }
}
