using System.Diagnostics;
using Mesh.Interop.Linux;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Holding;

/// <summary>
/// The mesh's own processes: one control plane, and an agent and a proxy per node. None comes back by itself: what a test kills stays
/// dead until the test starts it, and what crashes is seen.
/// </summary>
internal sealed class Components(LabOptions options, string stateDirectory) : IDisposable
{
    public const string ControlName = "control";
    private const ushort ControlAdminPort = 15014;
    private const ushort ReadinessPort = 15021;

    /// <summary>How long a component may take to end: longer than a proxy drains.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(40);

    private readonly Dictionary<string, Component> _components = new(StringComparer.Ordinal);

    private string ControlState => Path.Combine(stateDirectory, "control");

    private string RootCertificateFile => Path.Combine(ControlState, "root-cert.pem");

    public async Task StartAsync(IReadOnlyList<NodeRuntime> nodes, string configurationDirectory)
    {
        Directory.CreateDirectory(ControlState);
        var place = NetNamespace.OpenPath(Fabric.NamespacePath(Fabric.ControlNamespace));
        string[] control =
        [
            .. Executable.Command(options.MeshControl),
            "--config", configurationDirectory,
            // Pods come after the start.
            "--allow-empty", "true",
            "--state", ControlState,
            "--listen", $"{LabAddresses.ControlPlane.V4}:{NodeFiles.ControlPort}",
            "--trust-domain", options.TrustDomain,
            .. options.CertificateLifetime is { } lifetime ? (string[])["--svid-ttl", lifetime] : [],
            .. options.ControlArguments,
        ];
        Add(ControlName, Fabric.ControlNamespace, control, place, IsControlReadyAsync).Process.Start();
        await WaitForControlAsync(place);
        foreach (NodeRuntime node in nodes)
        {
            await StartNodeAsync(node);
        }
    }

    public async Task<IReadOnlyList<ComponentStatus>> StatusAsync()
    {
        return await Task.WhenAll(_components.Select(async entry =>
        {
            LabProcess process = entry.Value.Process;
            bool isRunning = process.State == ProcessState.Running;
            return new ComponentStatus(
                entry.Key,
                isRunning ? "running" : "ended",
                process.ExitCode,
                process.ProcessId,
                isRunning && await entry.Value.IsReadyAsync(entry.Value.Place));
        }));
    }

    public void Start(string name) => Find(name).Process.Start();

    public Task StopAsync(string name) => Find(name).Process.StopAsync(s_patience);

    public Task KillAsync(string name) => Find(name).Process.KillAsync();

    public Task StopAllAsync() => Task.WhenAll(_components.Values.Select(component => component.Process.StopAsync(s_patience)));

    public void Dispose()
    {
        foreach (Component component in _components.Values)
        {
            component.Place.Dispose();
        }
    }

    private async Task StartNodeAsync(NodeRuntime node)
    {
        string[] token = [.. Executable.Command(options.MeshControl), "token", "create", "--state", ControlState, "--node", node.Name];
        string tokenFile = Path.Combine(node.Directory, "token");
        await File.WriteAllTextAsync(tokenFile, (await Command.RunAsync(token)).Trim() + '\n');
        File.SetUnixFileMode(tokenFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);

        string configuration = Path.Combine(node.Directory, "node.json");
        await File.WriteAllTextAsync(configuration, NodeFiles.Configuration(node, RootCertificateFile, options.NodeConfiguration));
        foreach (string part in (string[])["agent", "proxy"])
        {
            string[] command = [.. Executable.Command(options.MeshNode), part, "--config", configuration];
            var place = NetNamespace.OpenPath(Fabric.NamespacePath(node.Name));
            Func<NetNamespace, Task<bool>> isReady = part == "proxy" ? IsProxyReadyAsync : _ => Task.FromResult(true);
            Add($"{node.Name}/{part}", node.Name, command, place, isReady).Process.Start();
        }
    }

    private Component Add(
        string name, string networkNamespace, string[] command, NetNamespace place, Func<NetNamespace, Task<bool>> isReady)
    {
        string log = Path.Combine(stateDirectory, "logs", name.Replace('/', '.') + ".log");
        var component = new Component(new LabProcess(log, () => Describe(networkNamespace, command), restarts: false), place, isReady);
        _components[name] = component;
        return component;
    }

    // Every lab has a /run of its own, so the xtables lock of the host is not in the way even where it can be reached.
    private static ProcessStartInfo Describe(string networkNamespace, string[] command)
    {
        ProcessStartInfo start = Entry.Describe(networkNamespace, command);
        start.Environment["XTABLES_LOCKFILE"] = $"{Entry.RuntimeDirectory}/xtables.lock";
        return start;
    }

    private Component Find(string name)
    {
        return _components.TryGetValue(name, out Component? component)
            ? component
            : throw new LabException(_components.Count == 0
                ? $"there is no component '{name}': this lab was started without the mesh"
                : $"there is no component '{name}'; there are: {string.Join(", ", _components.Keys)}");
    }

    // Nodes need its root certificate, and would try again ever more rarely while it does not answer.
    private async Task WaitForControlAsync(NetNamespace place)
    {
        long startedAt = Stopwatch.GetTimestamp();
        while (!File.Exists(RootCertificateFile) || !await IsControlReadyAsync(place))
        {
            if (_components[ControlName].Process.State == ProcessState.Ended)
            {
                string log = Path.Combine(stateDirectory, "logs", $"{ControlName}.log");
                throw new LabException($"mesh-control ended at once:{Environment.NewLine}{LogFile.Tail(log, 20)}");
            }

            if (Stopwatch.GetElapsedTime(startedAt) > TimeSpan.FromSeconds(60))
            {
                throw new LabException("mesh-control is not ready after 60 s; see `lab logs control`");
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        }
    }

    private static Task<bool> IsControlReadyAsync(NetNamespace place) => AnswersAsync(place, ControlAdminPort);

    private static Task<bool> IsProxyReadyAsync(NetNamespace place) => AnswersAsync(place, ReadinessPort);

    private static async Task<bool> AnswersAsync(NetNamespace place, ushort port)
    {
        using HttpClient http = NamespaceSockets.Http(place, TimeSpan.FromSeconds(2));
        try
        {
            using HttpResponseMessage response = await http.GetAsync(new Uri($"http://127.0.0.1:{port}/healthz/ready"));
            return response.IsSuccessStatusCode;
        }
        catch (Exception exception) when (exception is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private sealed record Component(LabProcess Process, NetNamespace Place, Func<NetNamespace, Task<bool>> IsReadyAsync);
}
