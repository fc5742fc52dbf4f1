using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Testing;
using Xunit;
using SocketOptions = Mesh.Interop.Linux.SocketOptions;

namespace Mesh.Interop.Tests.Linux;

/// <summary>
/// Goal: a captured connection tells where it was going, by either way of capturing. Method: a namespace that routes documentation
/// addresses to itself, and the kernel's own rules.
/// </summary>
public sealed class OriginalDestinationTests
{
    private const int CapturePort = 15_001;

    [LabFact]
    public Task A_redirected_IPv4_connection_has_its_original_destination_as_an_option() =>
        AssertRedirectedAsync("iptables", AddressFamily.InterNetwork, new IPEndPoint(IPAddress.Parse("192.0.2.1"), 80));

    [LabFact]
    public Task A_redirected_IPv6_connection_has_its_original_destination_as_an_option() =>
        AssertRedirectedAsync("ip6tables", AddressFamily.InterNetworkV6, new IPEndPoint(IPAddress.Parse("2001:db8::1"), 80));

    [LabFact]
    public Task An_IPv4_connection_redirected_to_an_IPv6_listener_has_its_IPv4_destination() =>
        AssertRedirectedAsync("iptables", AddressFamily.InterNetworkV6, new IPEndPoint(IPAddress.Parse("192.0.2.1"), 80));

    [LabFact]
    public Task A_connection_taken_by_TPROXY_has_its_IPv4_destination_as_its_own_address() =>
        AssertTakenByTproxyAsync("iptables", "ip", "192.0.2.0/24", new IPEndPoint(IPAddress.Parse("192.0.2.1"), 80));

    [LabFact]
    public Task A_connection_taken_by_TPROXY_has_its_IPv6_destination_as_its_own_address() =>
        AssertTakenByTproxyAsync("ip6tables", "ip -6", "2001:db8::/64", new IPEndPoint(IPAddress.Parse("2001:db8::1"), 80));

    [Fact]
    public void A_connection_that_nothing_redirected_is_not_given_a_destination()
    {
        using TcpPair pair = TcpPair.Open();

        SysResult result = SocketOptions.TryGetOriginalDestination(pair.Server, AddressFamily.InterNetwork, out IPEndPoint? destination);

        // Where connection tracking follows the loopback it answers with the connection's own address, else with ENOENT or ENOPROTOOPT.
        Assert.Equal(result.Ok ? Sockets.LocalEndPoint(pair.Server) : null, destination);
        Assert.True(result.Ok || result.Error is Errno.ENOENT or Errno.ENOPROTOOPT, result.ToString());
    }

    private static async Task AssertRedirectedAsync(string iptables, AddressFamily listenerFamily, IPEndPoint destination)
    {
        using ScratchNamespace scratch = await ScratchNamespace.CreateAsync();
        string ip = destination.AddressFamily == AddressFamily.InterNetworkV6 ? "ip -6" : "ip";
        await scratch.ExecuteAsync($"{ip} route add default dev lo");
        await scratch.ExecuteAsync($"{iptables} -t nat -A OUTPUT -p tcp --dport 80 -j REDIRECT --to-ports {CapturePort}");
        using SocketHandle listener = scratch.Network.Run(listenerFamily, Sockets.OpenTcp);
        IPAddress any = listenerFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        Sockets.Bind(listener, new IPEndPoint(any, CapturePort)).OrThrow("bind");
        Sockets.Listen(listener, 1).OrThrow("listen");

        using SocketHandle client = Connect(scratch, destination);
        using SocketHandle server = TcpPair.Accept(listener, out _);

        Assert.NotEqual(destination, Sockets.LocalEndPoint(server));
        SocketOptions.TryGetOriginalDestination(server, destination.AddressFamily, out IPEndPoint? original).OrThrow("SO_ORIGINAL_DST");
        Assert.Equal(destination, original);
    }

    private static async Task AssertTakenByTproxyAsync(string iptables, string ip, string network, IPEndPoint destination)
    {
        using ScratchNamespace scratch = await ScratchNamespace.CreateAsync();
        await scratch.ExecuteAsync($"{ip} route add local {network} dev lo");
        await scratch.ExecuteAsync($"{iptables} -t mangle -A PREROUTING -p tcp --dport 80 -j TPROXY --on-port {CapturePort}");
        using SocketHandle listener = scratch.Network.Run(destination.AddressFamily, Sockets.OpenTcp);
        SocketOptions.Transparent(listener, destination.AddressFamily, on: true).OrThrow("TRANSPARENT");
        IPAddress any = destination.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
        Sockets.Bind(listener, new IPEndPoint(any, CapturePort)).OrThrow("bind");
        Sockets.Listen(listener, 1).OrThrow("listen");

        using SocketHandle client = Connect(scratch, destination);
        using SocketHandle server = TcpPair.Accept(listener, out IPEndPoint peer);

        Assert.Equal(destination, Sockets.LocalEndPoint(server));
        Assert.Equal(Sockets.LocalEndPoint(client), peer);
    }

    private static SocketHandle Connect(ScratchNamespace scratch, IPEndPoint destination)
    {
        SocketHandle client = scratch.Network.Run(destination.AddressFamily, Sockets.OpenTcp);
        SysResult started = Sockets.Connect(client, destination);
        Assert.True(started.Ok || started.InProgress, started.ToString());
        return client;
    }
}
