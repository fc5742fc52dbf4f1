using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Node.Capture.Tests.Rules;

/// <summary>DNS: what a pod asks of servers reaches the proxy with the server's address, and nothing else does.</summary>
public abstract partial class CaptureLabTests
{
    private const int DnsPort = 53;

    [LabFact]
    public async Task What_a_pod_asks_of_a_dns_server_arrives_at_the_proxy_with_the_servers_address_and_is_answered_in_its_name()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            using SocketHandle listening = HearAsProxy(pair.Pod.Network, family);
            IPEndPoint server = new(PodPair.ServiceAddress(family), DnsPort);
            using Socket client = OpenDatagram(pair.Pod.Network, family);
            await client.ConnectAsync(server, Cancellation);
            for (int round = 0; round < 2; round++)
            {
                await SendTextAsync(client, "who?");
                (string text, DatagramAddress source, DatagramAddress original) = await HearAsync(listening);
                Assert.Equal("who?", text);
                Assert.Equal(PodPair.PodAddress(family), source.ToEndPoint().Address);
                Assert.Equal(server, original.ToEndPoint());
                AnswerAsProxy(pair.Pod.Network, original, source, "you");
                Assert.Equal("you", await ReceiveTextAsync(client));
            }

            using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", DnsPort);
            Assert.Equal($"service sees {PodPair.PodAddress(family)}", await GreetingAsync(pair.Pod.Network, server));
            Assert.Contains($"dns {PodPair.PodAddress(family)} {server}", proxy.Captured);
        }
    }

    [LabFact]
    public async Task Other_datagrams_loopback_the_pods_own_servers_and_the_proxys_own_questions_are_not_captured()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        foreach (AddressFamily family in PodPair.Families)
        {
            using SocketHandle listening = HearAsProxy(pair.Pod.Network, family);
            IPAddress excluded = PodPair.HostAddress(family);
            await rules.ApplyAsync(
                pair.Pod.Network,
                Plan with { ExcludedOutboundNetworks = [new IPNetwork(excluded, excluded.GetAddressBytes().Length * 8)] },
                Cancellation);
            IPAddress loopback = family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;
            (NetNamespace At, IPEndPoint Server, bool IsMarked)[] cases =
            [
                (pair.Host.Network, new(PodPair.ServiceAddress(family), DnsPort + 1), false),
                (pair.Host.Network, new(PodPair.ServiceAddress(family), DnsPort), true),
                (pair.Host.Network, new(excluded, DnsPort), false),
                (pair.Pod.Network, new(loopback, DnsPort), false),
                (pair.Pod.Network, new(PodPair.PodAddress(family), DnsPort), false),
            ];
            foreach ((NetNamespace at, IPEndPoint server, bool isMarked) in cases)
            {
                using Socket serving = OpenDatagram(at, family);
                serving.Bind(server);
                using Socket client = OpenDatagram(pair.Pod.Network, family, isMarked);
                await client.ConnectAsync(server, Cancellation);
                await SendTextAsync(client, "who?");
                Assert.Equal("who?", await ReceiveTextAsync(serving));
            }

            Assert.True(Datagrams.Receive(listening, new byte[64], out _, out _).WouldBlock);
        }
    }

    [LabFact]
    public async Task Without_a_proxy_no_server_of_the_pod_hears_what_another_was_asked()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        await rules.ApplyAsync(
            pair.Pod.Network,
            Plan with { Stage = rules.RefusesByItself(mode) ? CaptureStage.Capturing : CaptureStage.Refusing },
            Cancellation);
        foreach (AddressFamily family in PodPair.Families)
        {
            using Socket serving = OpenDatagram(pair.Pod.Network, family);
            serving.Bind(new IPEndPoint(family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, DnsPort));
            using Socket beyond = OpenDatagram(pair.Host.Network, family);
            beyond.Bind(new IPEndPoint(PodPair.ServiceAddress(family), DnsPort));
            using Socket client = OpenDatagram(pair.Pod.Network, family);
            await client.SendToAsync("not you"u8.ToArray(), SocketFlags.None, new IPEndPoint(PodPair.ServiceAddress(family), DnsPort));
            await client.SendToAsync("you"u8.ToArray(), SocketFlags.None, new IPEndPoint(PodPair.PodAddress(family), DnsPort));
            Assert.Equal("you", await ReceiveTextAsync(serving));
            Assert.Equal(0, beyond.Available);
            await LabSockets.AssertRefusedAtOnceAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), DnsPort));
        }
    }

    [LabFact]
    public async Task A_pod_that_does_not_want_it_asks_its_servers_itself()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        await rules.ApplyAsync(pair.Pod.Network, Plan with { CapturesDns = false }, Cancellation);
        foreach (AddressFamily family in PodPair.Families)
        {
            IPEndPoint server = new(PodPair.ServiceAddress(family), DnsPort);
            using Socket serving = OpenDatagram(pair.Host.Network, family);
            serving.Bind(server);
            using Socket client = OpenDatagram(pair.Pod.Network, family);
            await client.ConnectAsync(server, Cancellation);
            await SendTextAsync(client, "who?");
            Assert.Equal("who?", await ReceiveTextAsync(serving));
        }
    }

    private static SocketHandle HearAsProxy(NetNamespace network, AddressFamily family)
    {
        SocketHandle? opened = network.Run(family, static f => Datagrams.TryOpen(f, out SocketHandle? socket).Ok ? socket : null);
        Assert.NotNull(opened);
        IPAddress any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        Assert.True(family == AddressFamily.InterNetwork || SocketOptions.IPv6Only(opened, true).Ok);
        Assert.True(SocketOptions.Transparent(opened, family, true).Ok);
        Assert.True(SocketOptions.ReceiveOriginalDestination(opened, family, true).Ok);
        Assert.True(Datagrams.Bind(opened, DatagramAddress.From(new IPEndPoint(any, 15053))).Ok);
        return opened;
    }

    private static async Task<(string Text, DatagramAddress Source, DatagramAddress Original)> HearAsync(SocketHandle listening)
    {
        byte[] buffer = new byte[64];
        SysResult received = default;
        DatagramAddress source = default;
        DatagramAddress original = default;
        await Wait.UntilAsync(
            () => (received = Datagrams.Receive(listening, buffer, out source, out original)).Ok, "The proxy hears a datagram.");
        return (Encoding.ASCII.GetString(buffer, 0, received.Count), source, original);
    }

    private static void AnswerAsProxy(NetNamespace network, DatagramAddress server, DatagramAddress client, string text)
    {
        SocketHandle? opened = network.Run(server.Family, static f => Datagrams.TryOpen(f, out SocketHandle? socket).Ok ? socket : null);
        using SocketHandle socket = Assert.IsType<SocketHandle>(opened);
        Assert.True(SocketOptions.Mark(socket, 0x539).Ok);
        Assert.True(SocketOptions.Transparent(socket, server.Family, true).Ok);
        Assert.True(Datagrams.Bind(socket, server).Ok);
        Assert.True(Datagrams.SendTo(socket, Encoding.ASCII.GetBytes(text), client).Ok);
    }

    private static Socket OpenDatagram(NetNamespace network, AddressFamily family, bool isMarked = false)
    {
        Socket socket = network.Run(family, static f => new Socket(f, SocketType.Dgram, ProtocolType.Udp));
        if (family == AddressFamily.InterNetworkV6)
        {
            socket.DualMode = false;
        }

        if (isMarked)
        {
            LabSockets.Set(socket, 1, 36, 0x539);
        }

        return socket;
    }

    private static ValueTask<int> SendTextAsync(Socket socket, string text) =>
        socket.SendAsync(Encoding.ASCII.GetBytes(text), SocketFlags.None, Cancellation);

    private static async Task<string> ReceiveTextAsync(Socket socket)
    {
        byte[] buffer = new byte[64];
        return Encoding.ASCII.GetString(buffer, 0, await socket.ReceiveAsync(buffer, SocketFlags.None, Cancellation).AsTask().WaitAsync(TimeSpan.FromSeconds(30)));
    }
}
