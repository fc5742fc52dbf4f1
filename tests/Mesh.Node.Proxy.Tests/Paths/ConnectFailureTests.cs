using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: each way in which an upstream cannot be reached, or goes away, has its name. Method: addresses whose packets the node loses or
/// refuses, applications that reset, and the log.
/// </summary>
public sealed class ConnectFailureTests
{
    private const int Port = 8080;

    // Routes of the node: packets to the one vanish, those to the other are answered with ICMP.
    private static readonly IPAddress s_silent = IPAddress.Parse("10.77.0.1");
    private static readonly IPAddress s_unreachable = IPAddress.Parse("10.77.0.2");

    private static readonly ProxyOptions s_impatient = new() { ConnectTimeoutMs = 200 };

    [LabFact]
    public async Task An_upstream_that_does_not_answer_is_given_up_in_time()
    {
        await using LabNode node = await StartAsync(s_impatient);
        LabPod client = await node.AddPodAsync("client");
        await AssertResetAsync(client, s_silent);
        await node.WaitForLineAsync("path=Passthrough", $"close_reason={CloseReason.ConnectTimeout}");
    }

    [LabFact]
    public async Task An_upstream_that_there_is_no_way_to_is_known_at_once()
    {
        await using LabNode node = await StartAsync(new ProxyOptions());
        LabPod client = await node.AddPodAsync("client");
        await AssertResetAsync(client, s_unreachable);
        await node.WaitForLineAsync("path=Passthrough", $"close_reason={CloseReason.ConnectUnreachable}");
    }

    [LabFact]
    public async Task A_far_proxy_that_does_not_answer_is_given_up_in_time()
    {
        await using LabNode node = await StartAsync(s_impatient);
        LabPod client = await node.AddPodAsync("client");
        node.Configure(mesh => mesh.SetWorkload(new Workload
        {
            Uid = "Kubernetes//Pod/shop/far",
            Name = "far",
            Namespace = "shop",
            Node = "node-2",
            Identity = SpiffeId.Parse("spiffe://cluster.local/ns/shop/sa/far"),
            Addresses = [s_silent],
            TunnelProtocol = TunnelProtocol.Hbone,
        }));
        await AssertResetAsync(client, s_silent);
        await node.WaitForLineAsync("path=Outbound", $"close_reason={CloseReason.TunnelConnectTimeout}", "dst.workload=\"far\"");
    }

    [LabFact]
    public async Task A_pod_whose_ports_for_clients_addresses_are_all_taken_refuses_by_name()
    {
        const int FirstFree = 64_512;
        await using LabNode node = await LabNode.StartAsync();
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        server.Echo(Port);

        // The kernel gives its clients all ports but these, which the application has taken.
        await server.Network.ExecuteAsync(
            string.Create(CultureInfo.InvariantCulture, $"sysctl -q -w net.ipv4.ip_local_port_range=1024\t{FirstFree - 1}"));
        List<Socket> taken = server.TakePorts(FirstFree, IPEndPoint.MaxPort);
        try
        {
            await AssertResetAsync(client, server.Address);
            await node.WaitForLineAsync("path=SameNode", $"close_reason={CloseReason.SourcePortsExhausted}");
        }
        finally
        {
            taken.ForEach(socket => socket.Dispose());
        }

        // A process that another test starts just then holds copies of the sockets until it has become its own program.
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                using Socket again = await client.ConnectAsync(server.Address, Port);
                return await LabPod.AskAsync(again, "hello") == "hello";
            }
            catch (SocketException)
            {
                return false;
            }
        }, LabNode.Patience);
    }

    [LabTheory]
    [InlineData(SameNodeMode.Direct, "path=SameNode")]
    [InlineData(SameNodeMode.Network, "path=InboundHbone")]
    public async Task An_application_that_resets_is_told_from_a_client_that_does(SameNodeMode mode, string path)
    {
        await using LabNode node = await LabNode.StartAsync(new ProxyOptions { SameNode = mode });
        LabPod client = await node.AddPodAsync("client");
        LabPod server = await node.AddPodAsync("server");
        Socket listener = server.Listen(Port);

        await ResetAsync(application: true);
        await node.WaitForLineAsync(path, $"close_reason={CloseReason.UpstreamReset}");
        await ResetAsync(application: false);
        await node.WaitForLineAsync(path, $"close_reason={CloseReason.ClientReset}");

        async Task ResetAsync(bool application)
        {
            using Socket near = await client.ConnectAsync(server.Address, Port);
            await near.SendAsync("x"u8.ToArray(), SocketFlags.None);
            using Socket far = await listener.AcceptAsync().WaitAsync(LabNode.Patience);
            Assert.Equal("x", await LabPod.ReadAsync(far, 1));
            Socket resetting = application ? far : near;
            resetting.LingerState = new LingerOption(enable: true, seconds: 0);
            resetting.Close();
            await Assert.ThrowsAsync<SocketException>(() => LabPod.ReadAsync(application ? near : far, 1));
        }
    }

    private static async Task<LabNode> StartAsync(ProxyOptions options)
    {
        LabNode node = await LabNode.StartAsync(options);
        await node.Host.ExecuteAsync($"ip route add blackhole {s_silent}/32");
        await node.Host.ExecuteAsync($"ip route add unreachable {s_unreachable}/32");
        return node;
    }

    /// <summary>The reset may be there before the client knows that it is connected.</summary>
    private static Task AssertResetAsync(LabPod client, IPAddress address) => Assert.ThrowsAsync<SocketException>(async () =>
    {
        using Socket socket = await client.ConnectAsync(address, Port);
        await LabPod.ReadAsync(socket, 1);
    });
}
