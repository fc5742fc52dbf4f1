using System.Globalization;
using System.Net;
using Mesh.Bench.Load.Generators;
using Mesh.Bench.Load.Measuring;
using Mesh.Interop.Linux;
using Mesh.Lab;

namespace Mesh.Bench.Load.Topology;

/// <summary>
/// Two nodes with the mesh as it is shipped. In namespace `mesh`, which is captured, a client and a server on node-1 and a server on
/// node-2; in namespace `outside`, which is not, the same again for the other proxies. All servers answer alike: iperf3 on one port and
/// small HTTP responses on others. Services say of the ports of rows about bytes that they are TCP: ours would read requests there
/// otherwise.
/// </summary>
internal sealed class BenchLab : IAsyncDisposable
{
    public const int BulkPort = 5201;
    public const int HttpPort = 8080;

    /// <summary>Answers as <see cref="HttpPort"/> does; services say that it speaks HTTP.</summary>
    public const int RoutedPort = 8081;

    /// <summary>The same over HTTP/2 with prior knowledge; services say so.</summary>
    public const int Http2Port = 8082;

    /// <summary>Where rows that need a gRPC server start one; services say that it speaks gRPC.</summary>
    public const int GrpcPort = 8083;

    /// <summary>The service of the captured server on the client's node; its port 80 leads to <see cref="RoutedPort"/>.</summary>
    public static IPEndPoint RoutedNear { get; } = new(IPAddress.Parse("10.96.0.11"), 80);

    /// <summary>The service of the server on the other node; its port 80 leads to <see cref="RoutedPort"/>.</summary>
    public static IPEndPoint RoutedFar { get; } = new(IPAddress.Parse("10.96.0.12"), 80);

    /// <summary>The same service's port that leads to <see cref="GrpcPort"/>.</summary>
    public static IPEndPoint GrpcFar { get; } = new(RoutedFar.Address, GrpcPort);

    private static readonly TimeSpan s_readyLimit = TimeSpan.FromSeconds(90);

    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("mesh-bench-");

    private BenchLab(MeshLab lab)
    {
        Lab = lab;
    }

    public MeshLab Lab { get; }

    /// <summary>Where configurations of the other proxies are written; removed at the end.</summary>
    public string Scratch => _directory.FullName;

    /// <summary>Where the configurations come from.</summary>
    public static string CompareDirectory => Path.Combine(Repository.Root, "bench", "compare");

    public LabPod MeshClient { get; private set; } = null!;

    /// <summary>Captured, on the client's node.</summary>
    public LabPod MeshServerNear { get; private set; } = null!;

    /// <summary>Captured, on the other node.</summary>
    public LabPod MeshServerFar { get; private set; } = null!;

    public LabPod OutsideClient { get; private set; } = null!;

    public LabPod OutsideServerNear { get; private set; } = null!;

    public LabPod OutsideServerFar { get; private set; } = null!;

    public LabNode Node1 { get; private set; } = null!;

    public LabNode Node2 { get; private set; } = null!;

    /// <param name="congestion">The kernel's name of a congestion control; null leaves the machine's.</param>
    public static async Task<BenchLab> StartAsync(string? congestion)
    {
        var bench = new BenchLab(await MeshLab.StartAsync(new LabOptions { Nodes = 2 }));
        try
        {
            await bench.FurnishAsync();
            await bench.SetCongestionAsync(congestion);
            return bench;
        }
        catch
        {
            await bench.DisposeAsync();
            throw;
        }
    }

    /// <summary>The proxy of a node, to charge it with what it costs.</summary>
    public async Task<ProxyProcess> ProxyAsync(LabNode node)
    {
        LabStatus status = await Lab.StatusAsync();
        ComponentStatus proxy = status.Components.Single(component => component.Name == node.Proxy);
        return new ProxyProcess(Lab, $"mesh-node on {node.Name}", proxy.ProcessId ?? throw new BenchException($"{node.Proxy} does not run"));
    }

    /// <summary>Starts HAProxy with a configuration of bench/compare.</summary>
    public Task<PeerProgram> StartHaproxyAsync(
        string networkNamespace, string template, int port, IReadOnlyDictionary<string, string> values)
    {
        string file = WriteConfiguration(template, values);
        return PeerProgram.StartAsync(Lab, $"haproxy ({template})", networkNamespace, ["haproxy", "-db", "-f", file], port, Scratch);
    }

    /// <summary>Starts nginx with a configuration of bench/compare.</summary>
    public Task<PeerProgram> StartNginxAsync(
        string networkNamespace, string template, int port, IReadOnlyDictionary<string, string> values)
    {
        var all = new Dictionary<string, string>(values, StringComparer.Ordinal) { ["NAME"] = $"{networkNamespace}-{template}" };
        string file = WriteConfiguration(template, all);
        string[] command = ["nginx", "-e", "stderr", "-c", file];
        return PeerProgram.StartAsync(Lab, $"nginx ({template})", networkNamespace, command, port, Scratch);
    }

    /// <summary>Starts nghttpx with a configuration of bench/compare.</summary>
    public Task<PeerProgram> StartNghttpxAsync(
        string networkNamespace, string template, int port, IReadOnlyDictionary<string, string> values)
    {
        var all = new Dictionary<string, string>(values, StringComparer.Ordinal) { ["NAME"] = $"{networkNamespace}-{template}" };
        string file = WriteConfiguration(template, all);
        return PeerProgram.StartAsync(Lab, $"nghttpx ({template})", networkNamespace, ["nghttpx", $"--conf={file}"], port, Scratch);
    }

    /// <summary>Starts a program of bench/Mesh.Bench.Peers.</summary>
    /// <param name="networkNamespace">Its place in the lab.</param>
    /// <param name="listen">Where it has to listen to be ready.</param>
    /// <param name="program">Its name.</param>
    /// <param name="more">What it wants to know beyond where to listen.</param>
    public Task<PeerProgram> StartOwnPeerAsync(string networkNamespace, IPEndPoint listen, string program, params string[] more)
    {
        string[] command = [Repository.Published("bench-peers", "bench-peers"), program, listen.ToString(), .. more];
        return PeerProgram.StartAsync(Lab, program, networkNamespace, command, listen.Port, Scratch);
    }

    /// <summary>Writes a configuration of bench/compare with everything filled in.</summary>
    public string WriteConfiguration(string template, IReadOnlyDictionary<string, string> values)
    {
        var all = new Dictionary<string, string>(values, StringComparer.Ordinal)
        {
            ["SCRATCH"] = Scratch,
            ["PROCESSORS"] = Processors.UsableCount.ToString(CultureInfo.InvariantCulture),
        };
        string text = File.ReadAllText(Path.Combine(CompareDirectory, template));
        string file = Path.Combine(Scratch, $"{Guid.NewGuid():N}-{template}");
        File.WriteAllText(file, ConfigurationTemplate.Expand(text, all));
        return file;
    }

    public async ValueTask DisposeAsync()
    {
        await Lab.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private async Task FurnishAsync()
    {
        string[] pods =
        [
            Pod("mesh", "client", node: 1), Server("mesh", "server-near", node: 1), Server("mesh", "server-far", node: 2),
            Pod("outside", "client", node: 1), Server("outside", "server-near", node: 1), Server("outside", "server-far", node: 2),
        ];
        await Lab.ApplyAsync(
            """
            apiVersion: v1
            kind: Namespace
            metadata: {name: mesh, labels: {istio.io/dataplane-mode: ambient}}
            ---
            apiVersion: v1
            kind: Namespace
            metadata: {name: outside}

            """ + Service("server-near", RoutedNear.Address.ToString()) + Service("server-far", RoutedFar.Address.ToString())
            + string.Concat(pods.Select(pod => "---\n" + pod)));
        try
        {
            await Lab.WaitUntilReadyAsync(s_readyLimit);
        }
        catch (LabException exception)
        {
            throw new LabException($"{exception.Message}{Environment.NewLine}{await Lab.DumpAsync()}", exception);
        }

        MeshClient = await Lab.PodAsync("mesh/client");
        MeshServerNear = await Lab.PodAsync("mesh/server-near");
        MeshServerFar = await Lab.PodAsync("mesh/server-far");
        OutsideClient = await Lab.PodAsync("outside/client");
        OutsideServerNear = await Lab.PodAsync("outside/server-near");
        OutsideServerFar = await Lab.PodAsync("outside/server-far");
        Node1 = await Lab.NodeAsync("node-1");
        Node2 = await Lab.NodeAsync("node-2");
        foreach (LabPod server in (LabPod[])[MeshServerNear, MeshServerFar, OutsideServerNear, OutsideServerFar])
        {
            await ListeningAsync(server);
        }
    }

    // For what connects from now on; a listener's connections take it from the namespace too.
    private async Task SetCongestionAsync(string? congestion)
    {
        if (congestion is null)
        {
            return;
        }

        IEnumerable<string> pods = ((LabPod[])
            [MeshClient, MeshServerNear, MeshServerFar, OutsideClient, OutsideServerNear, OutsideServerFar])
            .Select(pod => pod.NetworkNamespace);
        foreach (string place in (string[])[Node1.Name, Node2.Name, .. pods])
        {
            string? problem = await Lab.Place(place).RunOnDedicatedThreadAsync(() => Machine.TrySetCongestion(congestion));
            if (problem is not null)
            {
                throw new BenchException(problem);
            }
        }
    }

    /// <summary>Waits until a pod of <see cref="Server"/> listens.</summary>
    public static async Task ListeningAsync(LabPod server)
    {
        using var limit = new CancellationTokenSource(s_readyLimit);
        while (!await server.IsListeningAsync(BulkPort) || !await server.IsListeningAsync(HttpPort))
        {
            if (limit.IsCancellationRequested)
            {
                throw new BenchException($"the servers of {server} do not listen within {s_readyLimit.TotalSeconds} s");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }

    /// <summary>The manifest of a pod that answers as all servers do.</summary>
    public string Server(string space, string name, int node)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["NAME"] = $"{space}-{name}",
            ["ORIGIN"] = $"{IPAddress.Any}:{HttpPort}",
        };
        string file = WriteConfiguration("nginx-origin.conf", values);
        return Pod(space, name, node, $"""["sh", "-c", "iperf3 -s -p {BulkPort} >/dev/null & exec nginx -e stderr -c {file}"]""");
    }

    /// <summary>The manifest of a service of the captured namespace; its port 80 leads to <see cref="RoutedPort"/>.</summary>
    public static string Service(string name, string address) =>
        $$"""
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: {{name}}, namespace: mesh}
        spec:
          clusterIP: {{address}}
          selector: {app: {{name}}}
          ports:
          - {name: http, port: 80, targetPort: {{RoutedPort}}}
          - {name: http2, port: {{Http2Port}}}
          - {name: grpc, port: {{GrpcPort}}}
          - {name: tcp-small, port: {{HttpPort}}}
          - {name: tcp-bulk, port: {{BulkPort}}}
          - {name: tcp-idle, port: {{IdleConnections.ServerPort}}}

        """;

    /// <summary>The manifest of a pod.</summary>
    public static string Pod(string space, string name, int node, string? command = null)
    {
        string program = command is null ? "" : $", command: {command}";
        return $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}, namespace: {{space}}, labels: {app: {{name}}} }
            spec: {nodeName: node-{{node}}, serviceAccountName: {{name}}, containers: [{name: main{{program}} }]}

            """;
    }
}
