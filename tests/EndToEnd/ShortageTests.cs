using System.Globalization;
using System.Net.Sockets;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// A proxy that runs short of something. Goal: what is open goes on, and everything is well again when the shortage is over.
/// </summary>
[Collection(nameof(TproxyGroup))]
public sealed class ShortageTests(TproxyLab fixture)
{
    private const int Port = 8080;

    private static readonly TimeSpan s_recovery = TimeSpan.FromSeconds(30);

    private readonly MeshLab _lab = fixture.Lab;

    [LabTheory]
    [InlineData("mesh/client-1", "node-1")]
    [InlineData("mesh/client-1", "node-2")]
    [InlineData("outside/client-1", "node-2")]
    public async Task A_proxy_without_descriptors_recovers_by_itself(string clientName, string nodeName)
    {
        LabPod client = await _lab.PodAsync(clientName);
        LabNode node = await _lab.NodeAsync(nodeName);
        await fixture.ForgetLogsAsync();
        await using EchoServer echo = await EchoServer.StartAsync(await _lab.PodAsync("mesh/server-2"), Port);
        using Socket before = await client.ConnectAsync(echo.EndPoint(), TestContext.Current.CancellationToken);
        Assert.Equal("before", await before.EchoAsync("before"));
        double open = await SettledDescriptorsAsync(node);
        double limit = (await node.MetricsAsync()).Sum("process_max_fds");
        var crowd = new List<Socket>();
        try
        {
            await LimitAsync(node, open + 30);
            Outcome[] outcomes = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => CrowdAsync(client, echo, crowd)));

            // Some had their answer, and some could not: the shortage is real.
            Assert.Contains(Outcome.Answered, outcomes);
            Assert.Contains(outcomes, outcome => outcome != Outcome.Answered);
            Assert.Equal("during", await before.EchoAsync("during"));
            if (clientName == "mesh/client-1" && nodeName == "node-2")
            {
                // Streams need no descriptor to come; the way on to the application does.
                await fixture.AccessLineAsync(nodeName, line => line is { Path: "InboundHbone", CloseReason: "OutOfDescriptors" });
            }
        }
        finally
        {
            crowd.ForEach(socket => socket.Dispose());
        }

        // Room came back with the connections that ended; the limit is still what it was.
        await Attempt.UntilAsync(Outcome.Answered, client, echo.EndPoint(), s_recovery);
        Assert.Equal("after", await before.EchoAsync("after"));
        await LimitAsync(node, limit);
        Assert.Equal(Outcome.Answered, await Attempt.AnEchoAsync(client, echo.EndPoint()));
    }

    /// <summary>Opens a connection that stays open, and says how it fared.</summary>
    private static async Task<Outcome> CrowdAsync(LabPod client, EchoServer echo, List<Socket> crowd)
    {
        using var time = new CancellationTokenSource(TimeSpan.FromSeconds(2));
        try
        {
            Socket socket = await client.ConnectAsync(echo.EndPoint(), time.Token);
            lock (crowd)
            {
                crowd.Add(socket);
            }

            await socket.SendAllAsync("x"u8.ToArray(), time.Token);
            return await socket.TryReceiveExactlyAsync(new byte[1], time.Token) ? Outcome.Answered : Outcome.Ended;
        }
        catch (SocketException)
        {
            return Outcome.Reset;
        }
        catch (OperationCanceledException)
        {
            return Outcome.Silent;
        }
    }

    /// <summary>The descriptors a proxy has open once no connection of a test before is still closing.</summary>
    private static async Task<double> SettledDescriptorsAsync(LabNode node)
    {
        double open = -1;
        await Eventually.TrueAsync(
            async () =>
            {
                double before = open;
                open = (await node.MetricsAsync()).Sum("process_open_fds");
                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System);
                return open == before;
            },
            s_recovery);
        return open;
    }

    private async Task LimitAsync(LabNode node, double descriptors)
    {
        ComponentStatus proxy = (await _lab.StatusAsync()).Components.Single(component => component.Name == node.Proxy);
        string limit = string.Create(CultureInfo.InvariantCulture, $"--nofile={descriptors}:");
        string process = proxy.ProcessId!.Value.ToString(CultureInfo.InvariantCulture);
        CommandResult result = await _lab.ExecuteAsync(node.Name, ["prlimit", "--pid", process, limit]);
        Assert.True(result.ExitCode == 0, result.Errors);
    }
}
