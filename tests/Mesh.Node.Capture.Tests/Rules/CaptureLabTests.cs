using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

/// <summary>
/// Goal: packets go where the rules say, with the kernel as judge. Method: a pod and a host in namespaces, the rules as the agent applies
/// them, ordinary sockets as applications and a stand-in where the proxy listens. Every test covers both families.
/// </summary>
public abstract partial class CaptureLabTests(CaptureMode mode, CaptureBackend backend)
{
    private const int AppPort = 8080;
    private const int ServicePort = 9090;

    private static readonly string s_lockDirectory = Path.Combine(Path.GetTempPath(), $"mesh-capture-tests-{Environment.ProcessId}");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private bool IsTproxy => mode == CaptureMode.Tproxy;

    private CapturePlan Plan => new() { Mode = mode, CapturesDns = true };

    [LabFact]
    public async Task Connections_arrive_at_the_proxy_with_their_destination_and_reach_the_application_in_the_clients_name()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPEndPoint toApp = new(PodPair.PodAddress(family), AppPort);
            using Socket inbound = await LabSockets.ConnectAsync(pair.Host.Network, toApp);
            Assert.Equal($"app sees {PodPair.HostAddress(family)}", await LabSockets.ReadLineAsync(inbound));
            Assert.Equal("ping", await LabSockets.AskAsync(inbound, "ping"));
            Assert.Contains($"in {PodPair.HostAddress(family)} {toApp}", proxy.Captured);

            IPEndPoint toService = new(PodPair.ServiceAddress(family), ServicePort);
            using Socket outbound = await LabSockets.ConnectAsync(pair.Pod.Network, toService);
            Assert.Equal($"service sees {PodPair.PodAddress(family)}", await LabSockets.ReadLineAsync(outbound));
            Assert.Equal("ping", await LabSockets.AskAsync(outbound, "ping"));
            Assert.Contains($"out {PodPair.PodAddress(family)} {toService}", proxy.Captured);

            // Half-close passes in both directions.
            outbound.Shutdown(SocketShutdown.Send);
            Assert.Equal("<end>", await LabSockets.ReadLineAsync(outbound));
            inbound.Shutdown(SocketShutdown.Send);
            Assert.Equal("<end>", await LabSockets.ReadLineAsync(inbound));
        }
    }

    [LabFact]
    public async Task Large_transfers_pass_unharmed_in_both_directions()
    {
        const int Bytes = 32 << 20;
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            await EchoAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort), Bytes);
            await EchoAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort), Bytes);
        }

        Assert.Equal(4, proxy.Captured.Count);
    }

    [LabFact]
    public async Task The_pods_own_addresses_loopback_hbone_and_the_proxys_own_connections_are_not_captured()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer hbone = LineServer.Anywhere(pair.Pod.Network, "hbone", 15008);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress loopback = family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;
            IPAddress pod = PodPair.PodAddress(family);
            Assert.Equal($"app sees {pod}", await GreetingAsync(pair.Pod.Network, new IPEndPoint(pod, AppPort)));
            Assert.Equal($"app sees {loopback}", await GreetingAsync(pair.Pod.Network, new IPEndPoint(loopback, AppPort)));
            Assert.Equal($"hbone sees {PodPair.HostAddress(family)}", await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, 15008)));
            Assert.Equal(
                $"service sees {pod}",
                await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort), marked: true));

            // The proxy to the application, where client and application have one address: a pod that calls its own service.
            Assert.Equal($"app sees {pod}", await GreetingAsync(pair.Pod.Network, new IPEndPoint(pod, AppPort), marked: true));
        }

        Assert.Empty(proxy.Captured);
    }

    [LabFact]
    public async Task An_application_bound_to_its_own_address_is_captured_all_the_same()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = BoundToPodAddress(pair, AppPort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort));
        }

        Assert.Equal(2, proxy.Captured.Count);
    }

    [LabFact]
    public async Task Handshakes_by_syn_cookie_end_at_the_proxy_and_not_at_the_application()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer anywhere = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer bound = BoundToPodAddress(pair, AppPort + 1);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        // 2 is "always": no listener remembers a handshake, so its last packet is all there is to go by.
        await pair.Pod.ExecuteAsync("sysctl -q -w net.ipv4.tcp_syncookies=2");
        foreach (AddressFamily family in PodPair.Families)
        {
            foreach (int port in (int[])[AppPort, AppPort + 1])
            {
                IPEndPoint app = new(PodPair.PodAddress(family), port);
                Assert.Equal($"app sees {PodPair.HostAddress(family)}", await GreetingAsync(pair.Host.Network, app));
                Assert.Contains($"in {PodPair.HostAddress(family)} {app}", proxy.Captured);
            }
        }
    }

    [LabFact]
    public async Task Settings_that_other_programs_make_in_a_pod_do_not_change_capture()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        foreach (string setting in (string[])
        [
            "net.ipv4.conf.all.rp_filter=1", "net.ipv4.conf.lo.rp_filter=1", "net.ipv4.conf.eth0.rp_filter=1",
            "net.ipv4.conf.all.src_valid_mark=1", "net.ipv4.tcp_fwmark_accept=1", "net.ipv4.fwmark_reflect=1", "net.ipv6.fwmark_reflect=1",
        ])
        {
            await pair.Pod.ExecuteAsync($"sysctl -q -w {setting}");
        }

        foreach (AddressFamily family in PodPair.Families)
        {
            Assert.Equal(
                $"app sees {PodPair.HostAddress(family)}",
                await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
            Assert.Equal(
                $"service sees {PodPair.PodAddress(family)}",
                await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
        }

        Assert.Equal(4, proxy.Captured.Count);
    }

    [LabFact]
    public async Task Excluded_ports_and_networks_are_left_alone_and_others_are_not()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer excludedApp = LineServer.Anywhere(pair.Pod.Network, "app", AppPort + 1);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using LineServer excludedService = LineServer.Anywhere(pair.Host.Network, "service", ServicePort + 1);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await pair.Host.ExecuteAsync("ip addr add 10.88.0.7/32 dev lo");
        await pair.Host.ExecuteAsync("ip addr add fd88::7/128 dev lo nodad");
        CapturePlan plan = Plan with
        {
            ExcludedInboundPorts = [AppPort + 1],
            ExcludedOutboundPorts = [ServicePort + 1],
            ExcludedInboundNetworks = [IPNetwork.Parse("10.88.0.0/16"), IPNetwork.Parse("fd88::/16")],
            ExcludedOutboundNetworks = [IPNetwork.Parse("10.88.0.7/32"), IPNetwork.Parse("fd88::7/128")],
        };
        await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress excluded = IPAddress.Parse(family == AddressFamily.InterNetwork ? "10.88.0.7" : "fd88::7");
            IPAddress pod = PodPair.PodAddress(family);
            await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, AppPort + 1));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort + 1));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(excluded, ServicePort));
            await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, AppPort), from: excluded);
            Assert.Empty(proxy.Captured);

            await GreetingAsync(pair.Host.Network, new IPEndPoint(pod, AppPort));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort));
            Assert.Equal(2, proxy.Captured.Count);
            proxy.Captured.Clear();
        }
    }

    [LabFact]
    public async Task A_change_of_exclusions_splits_no_connection()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        CapturePlan excluding = Plan with { ExcludedInboundPorts = [AppPort], ExcludedOutboundPorts = [ServicePort] };
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        List<Socket> open = [];
        foreach (CapturePlan plan in (CapturePlan[])[Plan, excluding, Plan])
        {
            await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);
            foreach (AddressFamily family in PodPair.Families)
            {
                open.Add(await LabSockets.ConnectAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
                await LabSockets.ReadLineAsync(open[^1]);
                open.Add(await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
                await LabSockets.ReadLineAsync(open[^1]);
            }

            await AssertAliveAsync(open, plan.ExcludedInboundPorts.IsEmpty ? "captured" : "excluded");
        }

        Assert.Equal(8, proxy.Captured.Count);
        open.ForEach(connection => connection.Dispose());
    }

    [LabFact]
    public async Task A_pod_that_bypasses_inbound_capture_is_captured_outbound_only()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan with { BypassInbound = true }, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort));
        }

        Assert.Equal(2, proxy.Captured.Count);
        Assert.All(proxy.Captured, connection => Assert.StartsWith("out ", connection, StringComparison.Ordinal));
    }

    [LabFact]
    public async Task Udp_that_is_not_dns_is_left_alone()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
            using Socket server = pair.Host.Network.Run(family, static f => new Socket(f, SocketType.Dgram, ProtocolType.Udp));
            using Socket client = pair.Pod.Network.Run(family, static f => new Socket(f, SocketType.Dgram, ProtocolType.Udp));
            server.Bind(new IPEndPoint(any, 5353));
            await client.SendToAsync("q"u8.ToArray(), new IPEndPoint(PodPair.HostAddress(family), 5353));
            byte[] buffer = new byte[16];
            using CancellationTokenSource limit = new(LabSockets.Patience);
            SocketReceiveFromResult query = await server.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(any, 0), limit.Token);
            Assert.Equal(PodPair.PodAddress(family), ((IPEndPoint)query.RemoteEndPoint).Address);
            await server.SendToAsync("a"u8.ToArray(), query.RemoteEndPoint);
            Assert.Equal(1, (await client.ReceiveFromAsync(buffer, SocketFlags.None, new IPEndPoint(any, 0), limit.Token)).ReceivedBytes);
        }
    }

    [LabFact]
    public async Task A_namespace_without_ipv6_is_captured_for_ipv4()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = new(pair.Pod.Network, "app", new IPEndPoint(IPAddress.Any, AppPort));
        await pair.Pod.ExecuteAsync("sysctl -q -w net.ipv6.conf.all.disable_ipv6=1");
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        using Socket proxy = LabSockets.Listen(pair.Pod.Network, new IPEndPoint(IPAddress.Any, 15006), asProxy: true);

        using Socket client = await LabSockets.ConnectAsync(
            pair.Host.Network, new IPEndPoint(PodPair.PodAddress(AddressFamily.InterNetwork), AppPort));
        using CancellationTokenSource limit = new(LabSockets.Patience);
        using Socket captured = await proxy.AcceptAsync(limit.Token);
        Assert.Equal(0, app.Connections);

        // When it gets IPv6 later, that is noticed.
        await pair.Pod.ExecuteAsync("sysctl -q -w net.ipv6.conf.all.disable_ipv6=0");
        Assert.NotEmpty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        Assert.Empty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
    }

    private static async Task<string> GreetingAsync(NetNamespace network, IPEndPoint to, bool marked = false, IPAddress? from = null)
    {
        using Socket connection = await LabSockets.ConnectAsync(network, to, marked, from);
        string greeting = await LabSockets.ReadLineAsync(connection);
        Assert.Contains(" sees ", greeting, StringComparison.Ordinal);
        return greeting;
    }

    private static async Task EchoAsync(NetNamespace network, IPEndPoint to, int bytes)
    {
        using Socket connection = await LabSockets.ConnectAsync(network, to);
        await LabSockets.ReadLineAsync(connection);
        byte[] sent = new byte[bytes];
        new Random(bytes).NextBytes(sent);
        byte[] received = new byte[bytes];
        using CancellationTokenSource limit = new(TimeSpan.FromSeconds(30));
        Task sending = SendAllAsync(connection, sent, limit.Token);
        for (int count = 0; count < bytes;)
        {
            int part = await connection.ReceiveAsync(received.AsMemory(count), SocketFlags.None, limit.Token);
            Assert.NotEqual(0, part);
            count += part;
        }

        await sending;
        Assert.True(sent.AsSpan().SequenceEqual(received));
    }

    private static async Task SendAllAsync(Socket connection, ReadOnlyMemory<byte> bytes, CancellationToken cancellation)
    {
        while (bytes.Length > 0)
        {
            bytes = bytes[await connection.SendAsync(bytes, SocketFlags.None, cancellation)..];
        }
    }

    private static LineServer BoundToPodAddress(PodPair pair, int port) =>
        new(pair.Pod.Network, "app", PodPair.Families.Select(family => new IPEndPoint(PodPair.PodAddress(family), port)));

    private string Tool(bool isV6 = false) =>
        $"{(isV6 ? "ip6tables" : "iptables")}-{(backend == CaptureBackend.IptablesLegacy ? "legacy" : "nft")}";

    private async Task<NamespaceRules> DetectAsync()
    {
        try
        {
            return await NamespaceRules.DetectAsync(backend, mode, s_lockDirectory, TimeProvider.System, Cancellation);
        }
        catch (CaptureException unusable) when (backend == CaptureBackend.IptablesLegacy)
        {
            // Kernels are built without x_tables by now.
            Assert.Skip(unusable.Message);
            throw;
        }
    }
}
