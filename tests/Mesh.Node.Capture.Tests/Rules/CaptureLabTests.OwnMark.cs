using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

public abstract partial class CaptureLabTests
{
    [LabFact]
    public async Task Whoever_dials_the_proxys_ports_with_the_proxys_mark_is_seen_to()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        foreach (AddressFamily family in PodPair.Families)
        {
            IPAddress loopback = family == AddressFamily.InterNetwork ? IPAddress.Loopback : IPAddress.IPv6Loopback;
            IPAddress any = family == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any;
            using Socket hbone = LabSockets.Listen(pair.Pod.Network, new IPEndPoint(any, CapturePorts.Hbone), asProxy: true);
            foreach (IPAddress own in (IPAddress[])[PodPair.PodAddress(family), loopback])
            {
                await AssertResetAsync(pair.Pod.Network, new IPEndPoint(own, CapturePorts.Outbound), marked: true);
                await AssertResetAsync(pair.Pod.Network, new IPEndPoint(own, CapturePorts.InboundPlaintext), marked: true);
                Assert.Equal([$"out {own}", $"in {own}"], proxy.Refused);
                proxy.Refused.Clear();

                using Socket toHbone = await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(own, CapturePorts.Hbone), marked: true);
                using Socket marked = await AcceptAsync(hbone);
                Assert.True(LabSockets.TakeMark(marked));
                using Socket plain = await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(own, CapturePorts.Hbone));
                using Socket unmarked = await AcceptAsync(hbone);
                Assert.False(LabSockets.TakeMark(unmarked));
            }
        }

        Assert.Empty(proxy.Captured);
    }

    [LabFact]
    public async Task What_comes_from_outside_with_the_proxys_mark_reaches_the_proxy_as_such_and_not_the_application()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);

        // Marks do not cross namespaces; some other program in the pod's own has to put it there.
        await pair.Pod.ExecuteAsync("nft add table inet stamp");
        await pair.Pod.ExecuteAsync("nft add chain inet stamp first { type filter hook prerouting priority -300 ; }");
        await pair.Pod.ExecuteAsync("nft add rule inet stamp first iifname eth0 meta mark set 0x539");
        foreach (AddressFamily family in PodPair.Families)
        {
            await AssertResetAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort));
            Assert.Equal([$"in {PodPair.HostAddress(family)}"], proxy.Refused);
            proxy.Refused.Clear();
        }

        Assert.Equal(0, app.Connections);
        Assert.Empty(proxy.Captured);
    }

    /// <summary>Connects; the connection is opened and reset, and the connecting side may learn both at once.</summary>
    private static async Task AssertResetAsync(NetNamespace network, IPEndPoint to, bool marked = false)
    {
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket connection = await LabSockets.ConnectAsync(network, to, marked);
            await LabSockets.ReadLineAsync(connection);
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    private static async Task<Socket> AcceptAsync(Socket listener)
    {
        using CancellationTokenSource limit = new(LabSockets.Patience);
        return await listener.AcceptAsync(limit.Token);
    }
}
