using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Capture.Tests.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

/// <summary>What happens to connections when rules come, change and go, and when the proxy does.</summary>
public abstract partial class CaptureLabTests
{
    [LabFact]
    public async Task Connections_open_before_enrolment_survive_it_and_the_way_out()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        List<Socket> open = await OpenAllAsync(pair);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        await AssertAliveAsync(open, "captured");
        await rules.ApplyAsync(pair.Pod.Network, Plan with { Stage = CaptureStage.Draining }, Cancellation);
        await AssertAliveAsync(open, "draining");
        await rules.RemoveAsync(pair.Pod.Network, Cancellation);
        await AssertAliveAsync(open, "removed");

        Assert.Empty(proxy.Captured);
        open.ForEach(connection => connection.Dispose());
    }

    [LabFact]
    public async Task Captured_connections_go_on_while_a_pod_drains_and_new_ones_are_left_alone()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        List<Socket> captured = await OpenAllAsync(pair);
        Assert.Equal(4, proxy.Captured.Count);
        await rules.ApplyAsync(pair.Pod.Network, Plan with { Stage = CaptureStage.Draining }, Cancellation);
        await AssertAliveAsync(captured, "draining");
        foreach (AddressFamily family in PodPair.Families)
        {
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort));
            await GreetingAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort));
        }

        Assert.Equal(4, proxy.Captured.Count);
        captured.ForEach(connection => connection.Dispose());
    }

    [LabFact]
    public async Task Where_nobody_listens_connections_are_reset_and_reach_nothing()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        CapturePlan plan = rules.RefusesByItself(mode) ? Plan : Plan with { Stage = CaptureStage.Refusing };
        await rules.ApplyAsync(pair.Pod.Network, plan, Cancellation);
        await AssertRefusedAsync(pair);
        Assert.Equal(0, app.Connections + service.Connections);

        using (StandInProxy proxy = new(pair.Pod.Network, mode))
        {
            await rules.SwitchStageAsync(pair.Pod.Network, Plan, Cancellation);
            Assert.Empty(await rules.CompareAsync(pair.Pod.Network, Plan, Cancellation));
            await GreetingAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(AddressFamily.InterNetwork), AppPort));
            Assert.Single(proxy.Captured);
        }

        await rules.SwitchStageAsync(pair.Pod.Network, plan, Cancellation);
        await AssertRefusedAsync(pair);
    }

    [LabFact]
    public async Task Connections_of_a_proxy_that_drains_go_on_while_new_ones_are_refused()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        using StandInProxy proxy = new(pair.Pod.Network, mode);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        List<Socket> open = await OpenAllAsync(pair);
        Assert.Equal(4, proxy.Captured.Count);

        proxy.CloseListeners();
        if (!rules.RefusesByItself(mode))
        {
            await rules.SwitchStageAsync(pair.Pod.Network, Plan with { Stage = CaptureStage.Refusing }, Cancellation);
        }

        await AssertAliveAsync(open, "draining");
        await AssertRefusedAsync(pair);
        Assert.Equal(4, app.Connections + service.Connections);

        // A client that comes from the port of a connection that has just ended is no better off.
        foreach (Socket connection in open)
        {
            Assert.Equal("<end>", await LabSockets.AskAsync(connection, "bye"));
            IPEndPoint from = (IPEndPoint)connection.LocalEndPoint!;
            IPEndPoint to = (IPEndPoint)connection.RemoteEndPoint!;
            NetNamespace network = from.Address.Equals(PodPair.PodAddress(from.AddressFamily)) ? pair.Pod.Network : pair.Host.Network;
            connection.Dispose();
            using Socket again = LabSockets.Open(network, from.AddressFamily);
            await Wait.UntilAsync(() => TryBind(again, from), "the client's end is closed");
            using CancellationTokenSource limit = new(TimeSpan.FromMilliseconds(300));
            await Assert.ThrowsAnyAsync<Exception>(() => again.ConnectAsync(to, limit.Token).AsTask());
        }

        Assert.Equal(4, app.Connections + service.Connections);
    }

    [LabFact]
    public async Task Open_captured_connections_are_reset_when_the_proxy_is_gone()
    {
        using PodPair pair = await PodPair.CreateAsync();
        NamespaceRules rules = await DetectAsync();
        using LineServer app = LineServer.Anywhere(pair.Pod.Network, "app", AppPort);
        using LineServer service = LineServer.Anywhere(pair.Host.Network, "service", ServicePort);
        await rules.ApplyAsync(pair.Pod.Network, Plan, Cancellation);
        List<Socket> open;
        using (StandInProxy proxy = new(pair.Pod.Network, mode))
        {
            open = await OpenAllAsync(pair);
        }

        Stopwatch elapsed = Stopwatch.StartNew();
        foreach (Socket connection in open)
        {
            SocketException reset = await Assert.ThrowsAsync<SocketException>(() => LabSockets.AskAsync(connection, "anybody?"));
            Assert.Contains(reset.SocketErrorCode, (SocketError[])[SocketError.ConnectionReset, SocketError.Shutdown]);
            connection.Dispose();
        }

        Assert.True(elapsed.Elapsed < LabSockets.Patience, $"The resets took {elapsed.Elapsed}.");
    }

    private static bool TryBind(Socket socket, IPEndPoint to)
    {
        try
        {
            socket.Bind(to);
            return true;
        }
        catch (SocketException inUse) when (inUse.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }

    /// <summary>A connection of each family in each direction, greeted by its application.</summary>
    private static async Task<List<Socket>> OpenAllAsync(PodPair pair)
    {
        List<Socket> open = [];
        foreach (AddressFamily family in PodPair.Families)
        {
            open.Add(await LabSockets.ConnectAsync(pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)));
            open.Add(await LabSockets.ConnectAsync(pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)));
        }

        foreach (Socket connection in open)
        {
            Assert.Contains(" sees ", await LabSockets.ReadLineAsync(connection), StringComparison.Ordinal);
        }

        return open;
    }

    private static async Task AssertAliveAsync(List<Socket> connections, string stage)
    {
        foreach (Socket connection in connections)
        {
            Assert.Equal(stage, await LabSockets.AskAsync(connection, stage));
        }
    }

    private static async Task AssertRefusedAsync(PodPair pair)
    {
        foreach (AddressFamily family in PodPair.Families)
        {
            foreach ((NetNamespace from, IPEndPoint to) in ((NetNamespace, IPEndPoint)[])
            [
                (pair.Host.Network, new IPEndPoint(PodPair.PodAddress(family), AppPort)),
                (pair.Pod.Network, new IPEndPoint(PodPair.ServiceAddress(family), ServicePort)),
            ])
            {
                await LabSockets.AssertRefusedAtOnceAsync(from, to);
            }
        }
    }
}
