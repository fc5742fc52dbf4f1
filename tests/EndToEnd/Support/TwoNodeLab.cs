using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd.Support;

/// <summary>
/// Two nodes. On each a client and a server of namespace `mesh`, which is captured, and of namespace `outside`, which is not; they are
/// called
/// client-1, server-2 and so on by their node. Nothing runs in the pods: the tests' own sockets are the applications. Clients share an
/// account, and so do servers.
/// </summary>
public abstract class TwoNodeLab : IAsyncLifetime
{
    private static readonly TimeSpan s_readyLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_logLimit = TimeSpan.FromSeconds(60);

    private readonly Dictionary<string, long> _logStarts = new(StringComparer.Ordinal);

    private MeshLab? _lab;

    public MeshLab Lab => _lab ?? throw new InvalidOperationException("The lab is started by the runner, before the first test.");

    /// <summary>Members of every node's configuration file beside the log's format.</summary>
    protected virtual JsonObject NodeConfiguration => [];

    protected virtual LabOptions Options => new();

    public virtual async ValueTask InitializeAsync()
    {
        JsonObject configuration = NodeConfiguration;
        JsonObject log = configuration["log"] as JsonObject ?? [];
        (log["format"], log["access"]) = ("json", "json");
        configuration["log"] = log;

        // A pod that leaves is given this long for its connections; tests need not wait as long as users.
        JsonObject capture = configuration["capture"] as JsonObject ?? [];
        capture["drainSeconds"] = 1;
        configuration["capture"] = capture;
        _lab = await MeshLab.StartAsync(Options with { Nodes = 2, NodeConfiguration = configuration });
        await StartedAsync();
        await _lab.ApplyAsync(
            """
            apiVersion: v1
            kind: Namespace
            metadata: {name: mesh, labels: {istio.io/dataplane-mode: ambient}}
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: outside}
            """);
        foreach (string space in (string[])["mesh", "outside"])
        {
            foreach (int node in (int[])[1, 2])
            {
                await _lab.ApplyAsync(Pod($"{space}/client-{node}", node, "client"));
                await _lab.ApplyAsync(Pod($"{space}/server-{node}", node, "server"));
            }
        }

        await ReadyAsync();
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (_lab is not null)
        {
            await _lab.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>What a lab needs beside its own processes, once these run and before there are pods.</summary>
    protected virtual Task StartedAsync() => Task.CompletedTask;

    /// <summary>A manifest of a pod that is a place for sockets. It is labelled app with its name.</summary>
    /// <param name="name">NAMESPACE/NAME.</param>
    public static string Pod(string name, int node, string account, string labels = "")
    {
        string[] parts = name.Split('/');
        string more = labels.Length > 0 ? ", " + labels : "";
        return $$"""
            apiVersion: v1
            kind: Pod
            metadata:
              name: {{parts[1]}}
              namespace: {{parts[0]}}
              labels: {app: {{parts[1]}}{{more}} }
            spec: {nodeName: node-{{node}}, serviceAccountName: {{account}}, containers: [{name: main}]}

            """;
    }

    /// <summary>Returns when everything sent so far, had it crossed the link, would have been captured.</summary>
    public async Task SettleAsync(PacketCapture capture)
    {
        LabPod client = await Lab.PodAsync("outside/client-1");
        await using EchoServer echo = await EchoServer.StartAsync(await Lab.PodAsync("outside/server-2"), 7);
        string marker = $"settled-{Guid.NewGuid()}";
        using Socket connection = await client.ConnectAsync(echo.EndPoint());
        Assert.Equal(marker, await connection.EchoAsync(marker));
        Assert.True(await capture.WaitForAsync(Encoding.ASCII.GetBytes(marker), s_logLimit));
    }

    /// <summary>What proxies have logged until now is not looked at any more: it belongs to the tests before.</summary>
    public async Task ForgetLogsAsync()
    {
        foreach (NodeStatus status in (await Lab.StatusAsync()).Nodes)
        {
            LabNode node = await Lab.NodeAsync(status.Name);
            _logStarts[node.Name] = node.ProxyLogLengthBytes;
        }
    }

    /// <summary>Returns when every proxy acts on everything that was applied or deleted before.</summary>
    public async Task SettleAsync()
    {
        try
        {
            await Lab.SettleAsync(s_readyLimit);
        }
        catch (LabException exception)
        {
            throw new LabException($"{exception.Message}{Environment.NewLine}{await Lab.DumpAsync()}", exception);
        }
    }

    public async Task ReadyAsync()
    {
        try
        {
            await Lab.WaitUntilReadyAsync(s_readyLimit);
        }
        catch (LabException exception)
        {
            throw new LabException($"{exception.Message}{Environment.NewLine}{await Lab.DumpAsync()}", exception);
        }
    }

    /// <summary>Waits for a line of a node's access log, not looking at what was forgotten.</summary>
    /// <exception cref="TimeoutException">None came; the message has the lines there are.</exception>
    public async Task<AccessLogLine> AccessLineAsync(string node, Func<AccessLogLine, bool> isWanted)
    {
        LabNode place = await Lab.NodeAsync(node);
        long start = _logStarts.GetValueOrDefault(node);
        AccessLogLine? found = null;
        try
        {
            await Eventually.TrueAsync(
                async () => (found = (await place.AccessLogAsync(start)).FirstOrDefault(isWanted)) is not null, s_logLimit);
        }
        catch (TimeoutException)
        {
            string lines = string.Join(Environment.NewLine, (await place.AccessLogAsync(start)).TakeLast(20));
            throw new TimeoutException($"{node} has no such line; its last are:{Environment.NewLine}{lines}");
        }

        return found!;
    }
}
