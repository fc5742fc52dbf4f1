using System.Net.Sockets;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Lab.Processes;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>A lab whose proxies wait for seconds only for what may never come.</summary>
public sealed class ImpatientLab : TwoNodeLab
{
    protected override JsonObject NodeConfiguration => new()
    {
        ["proxy"] = new JsonObject
        {
            ["userTimeoutMs"] = 2_000,
            ["keepAliveIdleSeconds"] = 1,
            ["keepAliveIntervalSeconds"] = 1,
            ["keepAliveProbes"] = 2,
            ["halfOpenTimeoutMs"] = 2_000,
        },
    };
}

/// <summary>
/// Connections whose end nobody will ever say. Goal: they do not stay for ever, and who still is there is told by a reset.
/// </summary>
public sealed class ReapingTests(ImpatientLab fixture) : IClassFixture<ImpatientLab>
{
    private const int Port = 8080;

    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(20);

    private readonly MeshLab _lab = fixture.Lab;

    [LabTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_whose_client_has_vanished_is_reset_at_the_server(bool serverSpeaks)
    {
        await _lab.ApplyAsync(TwoNodeLab.Pod("outside/ghost-1", node: 1, account: "client"));
        await fixture.ReadyAsync();
        LabPod client = await _lab.PodAsync("outside/ghost-1");
        using Rendezvous meeting = await Rendezvous.OpenAsync(await _lab.PodAsync("mesh/server-2"), Port);
        using ConnectedPair pair = await meeting.JoinAsync(client);

        CommandResult cut = await client.ExecuteAsync("ip", "link", "set", "eth0", "down");
        Assert.Equal(0, cut.ExitCode);
        if (serverSpeaks)
        {
            await pair.Far.SendAllAsync("are you there?"u8.ToArray());
        }

        Assert.Equal(ConnectionEnd.Reset, await pair.Far.WaitForEndAsync(s_limit));
        await _lab.DeleteAsync("Pod", "outside/ghost-1");
    }

    [LabTheory]
    [InlineData("mesh/client-1", "mesh/server-2")]
    [InlineData("mesh/client-1", "mesh/server-1")]
    [InlineData("outside/client-1", "mesh/server-2")]
    public async Task A_half_open_connection_on_which_nothing_more_comes_ends_for_both(string clientName, string serverName)
    {
        LabPod server = await _lab.PodAsync(serverName);
        using Rendezvous meeting = await Rendezvous.OpenAsync(server, Port);
        using ConnectedPair pair = await meeting.JoinAsync(await _lab.PodAsync(clientName));
        await fixture.ForgetLogsAsync();

        pair.Near.Shutdown(SocketShutdown.Send);
        Assert.Equal(ConnectionEnd.Ended, await pair.Far.WaitForEndAsync(s_limit));

        // Its own direction is open still, and would be for ever.
        Assert.Equal(ConnectionEnd.Reset, await pair.Near.WaitForEndAsync(s_limit));
        await Eventually.TrueAsync(() => Task.FromResult(HasBeenReset(pair.Far)), s_limit, "the server to be told");
        string[] nodes = [server.Node, "node-1"];
        await Eventually.TrueAsync(
            async () => (await Task.WhenAll(nodes.Select(ReasonsAsync))).Any(reasons => reasons.Contains("HalfOpenTimeout")),
            s_limit,
            "the reason in the log");
    }

    // Writing to a connection that was reset fails; the first write may still be taken.
    private static bool HasBeenReset(Socket socket)
    {
        try
        {
            socket.Send("x"u8);
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private async Task<IEnumerable<string?>> ReasonsAsync(string node) =>
        (await (await _lab.NodeAsync(node)).AccessLogAsync()).Select(line => line.CloseReason);
}
