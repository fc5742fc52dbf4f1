using System.Net;
using System.Net.Sockets;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: what the control plane has not said is waited for, and then named. Method: a node whose configuration lacks one thing, which then
/// comes or does not.
/// </summary>
public sealed class MissingConfigurationTests
{
    private const int Port = 8080;

    private static readonly ProxyOptions s_impatient = new() { ConfigurationWaitMs = 200 };

    [LabFact]
    public async Task A_pod_the_control_plane_does_not_know_has_no_connections_until_it_does()
    {
        await using LabNode node = await LabNode.StartAsync(s_impatient);
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        node.Configure(mesh => mesh.RemoveWorkload(client.Workload.Uid));
        await AssertRefusedAsync(client, server.Address, Port);
        await node.WaitForLineAsync("path=Outbound", $"close_reason={CloseReason.SourceUnknown}");

        node.Configure(mesh => mesh.SetWorkload(client.Workload));
        await AssertAnsweredAsync(client, server);
    }

    [LabFact]
    public async Task A_pod_the_control_plane_knows_no_longer_is_not_waited_for()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions
        {
            SameNode = SameNodeMode.Network,
            ConfigurationWaitMs = 4 * (int)LabNode.Patience.TotalMilliseconds,
        });
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        await AssertAnsweredAsync(client, server);
        node.Configure(mesh => mesh.RemoveWorkload(server.Workload.Uid));

        await AssertRefusedAsync(() => LabPod.ConnectAsync(node.Host.Network, server.Address, MeshPorts.Hbone));
        await node.WaitForLineAsync("path=InboundTunnel", $"close_reason={CloseReason.DestinationUnknown}");
    }

    [LabTheory]
    [InlineData(SameNodeMode.Direct, "path=SameNode")]
    [InlineData(SameNodeMode.Network, "path=InboundHbone")]
    public async Task A_policy_that_is_named_and_has_not_come_lets_nothing_in(SameNodeMode mode, string path)
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = mode, ConfigurationWaitMs = 200 });
        (LabPod client, LabPod server) = await TwoPodsAsync(node);
        node.Configure(mesh => mesh.SetWorkload(server.Workload with { AuthorizationPolicies = ["shop/late"] }));
        await AssertRefusedAsync(client, server.Address, Port);
        await node.WaitForLineAsync(path, $"close_reason={CloseReason.PolicyNotLoaded}", "shop/late");

        node.Configure(mesh => mesh.SetWorkload(server.Workload));
        await AssertAnsweredAsync(client, server);
    }

    [LabFact]
    public async Task Without_a_certificate_neither_end_of_a_tunnel_is_served_and_it_says_whose()
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = SameNodeMode.Network });
        (LabPod client, LabPod server) = await TwoPodsAsync(node);

        node.WithholdCertificate(client.Workload.Identity);
        await AssertRefusedAsync(client, server.Address, Port);
        await node.WaitForLineAsync("path=Outbound", $"close_reason={CloseReason.OwnCertificateUnavailable}", "no certificate for", "/sa/client");

        node.WithholdCertificate(server.Workload.Identity);
        await AssertRefusedAsync(client, server.Address, Port);
        await node.WaitForLineAsync("path=InboundTunnel", $"close_reason={CloseReason.OwnCertificateUnavailable}", "no certificate for", "/sa/server");

        node.WithholdCertificate(null);
        await AssertAnsweredAsync(client, server);
    }

    [LabFact]
    public async Task An_endpoint_that_has_only_a_host_name_is_refused_by_name()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod client = await node.AddPodAsync("client");
        var service = new Service("shop", "named.shop.svc.cluster.local")
        {
            Name = "named",
            Addresses = [new NetworkPrefix("", IpPrefix.Parse("10.200.0.1"))],
            Ports = [new ServicePort(80, Port, PortProtocol.Detect)],
        };
        node.Configure(mesh =>
        {
            mesh.SetService(service);
            mesh.SetWorkload(client.Workload with
            {
                Uid = "Kubernetes//Pod/shop/named",
                Name = "named",
                Addresses = [],
                Hostname = "named.example",
                Services = [new ServiceMembership(service.Key, [])],
            });
        });
        await AssertRefusedAsync(client, IPAddress.Parse("10.200.0.1"), 80);
        await node.WaitForLineAsync("path=Outbound", $"close_reason={CloseReason.NameNotResolved}", "Pod/shop/named");
    }

    private static async Task<(LabPod Client, LabPod Server)> TwoPodsAsync(LabNode node)
    {
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);
        return (client, server);
    }

    private static async Task AssertAnsweredAsync(LabPod client, LabPod server)
    {
        using Socket socket = await client.ConnectAsync(server.Address, Port);
        Assert.Equal("hello", await LabPod.AskAsync(socket, "hello"));
    }

    private static Task AssertRefusedAsync(LabPod client, IPAddress address, int port) =>
        AssertRefusedAsync(() => client.ConnectAsync(address, port));

    /// <summary>The reset may be there before the client knows that it is connected.</summary>
    private static Task AssertRefusedAsync(Func<Task<Socket>> connect) => Assert.ThrowsAsync<SocketException>(async () =>
    {
        using Socket socket = await connect();
        await LabPod.ReadAsync(socket, 1);
    });
}
