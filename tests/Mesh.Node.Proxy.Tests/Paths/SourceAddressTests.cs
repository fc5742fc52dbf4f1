using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Admin;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: the far side sees the address a pod's application used, also where the pod has several, so that a policy by address judges the
/// right one. Method: a pod with a second address, and connections from either.
/// </summary>
public sealed class SourceAddressTests
{
    private const int Port = 8080;

    private static readonly IPAddress s_second = IPAddress.Parse("10.9.1.3");

    [LabFact]
    public async Task Each_address_of_a_pod_has_tunnels_of_its_own_and_is_judged_by_itself()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = SameNodeMode.Network });
        LabPod client = await AddClientAsync(node);
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        using Socket first = await client.ConnectFromAsync(client.Address, server.Address, Port);
        using Socket second = await client.ConnectFromAsync(s_second, server.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(first, "hello"));
        Assert.Equal("hello", await LabPod.AskAsync(second, "hello"));
        Assert.Equal(
            [client.Address.ToString(), s_second.ToString()],
            ((ITunnelLister)node.Proxy).List().Select(tunnel => tunnel.SourceAddress).Order(StringComparer.Ordinal));

        // What is denied by address is the one connection, and the other goes on.
        node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "not-the-second")
        {
            Action = PolicyAction.Deny,
            Scope = PolicyScope.Namespace,
            Rules = [new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch { SourceAddresses = [IpPrefix.Parse("10.9.1.3/32")] }])])],
        }));
        await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(second, 1));
        await node.WaitForLineAsync("path=InboundHbone", "src.addr=10.9.1.3", "close_reason=PolicyRevoked");
        Assert.Equal("still here", await LabPod.AskAsync(first, "still here"));
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket denied = await client.ConnectFromAsync(s_second, server.Address, Port);
            await LabPod.AskAsync(denied, "hello");
        });
        await node.WaitForLineAsync("path=InboundHbone", "src.addr=10.9.1.3", "close_reason=PolicyDenied");
    }

    [LabTheory]
    [InlineData(SameNodeMode.Direct, "path=SameNode")]
    [InlineData(SameNodeMode.Network, "path=InboundHbone")]
    public async Task A_service_may_lead_from_one_address_family_to_the_other(SameNodeMode mode, string path)
    {
        var ownIPv6 = IPAddress.Parse("fd00:9:1::2");
        var serviceIPv6 = IPAddress.Parse("fd00:200::1");
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = mode });
        LabPod client = await node.AddPodAsync("client");
        await client.Network.ExecuteAsync($"ip -6 addr add {ownIPv6}/64 dev eth0 nodad");
        await client.Network.ExecuteAsync("ip -6 route add default via fd00:9:1::1");
        LabPod server = await node.AddPodAsync("server");
        using Socket listener = server.Listen(Port);
        var service = new Service("shop", "server.shop.svc.cluster.local")
        {
            Name = "server",
            Addresses = [new NetworkPrefix("", IpPrefix.Parse($"{serviceIPv6}/128"))],
            Ports = [new ServicePort(80, Port, PortProtocol.Detect)],
        };
        node.Configure(mesh =>
        {
            mesh.SetService(service);
            mesh.SetWorkload(client.Workload with { Addresses = [ownIPv6, client.Address] });
            mesh.SetWorkload(server.Workload with { Services = [new ServiceMembership(service.Key, [])] });
        });

        using Socket connection = await client.ConnectAsync(serviceIPv6, 80);
        using Socket accepted = await listener.AcceptAsync().WaitAsync(LabNode.Patience);
        Assert.Equal(client.Address, ((IPEndPoint)accepted.RemoteEndPoint!).Address);

        // A policy judges the address that the application sees.
        node.Configure(mesh => mesh.SetPolicy(new AuthorizationPolicy("shop", "not-the-client")
        {
            Action = PolicyAction.Deny,
            Scope = PolicyScope.Namespace,
            Rules = [new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch { SourceAddresses = [IpPrefix.Parse($"{client.Address}/32")] }])])],
        }));
        await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(connection, 1));
        await node.WaitForLineAsync(path, "close_reason=PolicyRevoked");
    }

    [LabFact]
    public async Task A_plain_connection_keeps_the_address_it_was_made_from()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod client = await AddClientAsync(node);
        using Socket listener = node.Host.Network.Run(0, static _ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(client.NodeAddress, Port));
        listener.Listen(2);
        foreach (IPAddress source in (IPAddress[])[client.Address, s_second])
        {
            using Socket connection = await client.ConnectFromAsync(source, client.NodeAddress, Port);
            using Socket server = await listener.AcceptAsync().WaitAsync(LabNode.Patience);
            Assert.Equal(source, ((IPEndPoint)server.RemoteEndPoint!).Address);
        }
    }

    [LabTheory]
    [InlineData("10.9.2.2", "TunnelConnectFailed")]
    [InlineData("10.9.1.1", "ConnectFailed")]
    public async Task An_address_the_pod_has_lost_is_not_replaced_by_another(string target, string reason)
    {
        await using LabNode node = await LabNode.StartAsync(
            new ProxyOptions { SameNode = SameNodeMode.Network, ConfigurationWaitMs = (int)LabNode.Patience.TotalMilliseconds });
        LabPod client = await AddClientAsync(node);
        LabPod server = await node.AddPodAsync("server");
        Assert.Equal("10.9.2.2", server.Address.ToString());
        Assert.Equal("10.9.1.1", client.NodeAddress.ToString());

        // Accepted while the address is there, and waiting for word of its pod while it goes.
        node.Configure(mesh => mesh.RemoveWorkload(client.Workload.Uid));
        using Socket connection = await client.ConnectFromAsync(s_second, IPAddress.Parse(target), Port);
        await client.Network.ExecuteAsync($"ip addr del {s_second}/24 dev eth0");
        node.Configure(mesh => mesh.SetWorkload(client.Workload));

        await node.WaitForLineAsync($"close_reason={reason}", "10.9.1.3 is no address of the pod");
    }

    private static async Task<LabPod> AddClientAsync(LabNode node)
    {
        LabPod client = await node.AddPodAsync("client");
        await client.Network.ExecuteAsync($"ip addr add {s_second}/24 dev eth0");
        return client;
    }
}
