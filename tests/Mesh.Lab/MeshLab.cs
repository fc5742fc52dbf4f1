using System.Diagnostics;
using System.Net;
using System.Text;
using Mesh.Interop.Linux;
using Mesh.Lab.Holding;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab;

/// <summary>
/// A lab as a test uses it: started for the test, ended with it (also when the test process is killed), its pods reachable by sockets of
/// the test itself. Safe on any thread.
/// </summary>
public sealed class MeshLab : IAsyncDisposable
{
    // A number of the process would be that of another which runs in another space of numbers, beside it and in the same directory.
    private static readonly string s_run = Guid.NewGuid().ToString("N")[..8];
    private static int s_count;

    private readonly LabClient _client;
    private readonly Process _unshare;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, NetNamespace> _places = new(StringComparer.Ordinal);

    private MeshLab(LabClient client, Process unshare, LabOptions options)
    {
        _client = client;
        _unshare = unshare;
        Options = options;
    }

    public LabOptions Options { get; }

    /// <summary>Where the control plane keeps its keys and certificates.</summary>
    public string ControlStateDirectory => Path.Combine(_client.Directory.FullPath, "control");

    /// <summary>Where the control plane serves proxies, from within the lab.</summary>
    public static IPEndPoint ControlEndPoint => new(LabAddresses.ControlPlane.V4, NodeFiles.ControlPort);

    /// <summary>The namespace of the control plane.</summary>
    public NetNamespace ControlPlace => Place(Fabric.ControlNamespace);

    /// <summary>
    /// Starts a lab under a name of its own, with the executables of <see cref="Builds.ForTests"/> unless the options name others.
    /// </summary>
    /// <exception cref="LabException">It could not be started; the message has the last lines of its log.</exception>
    public static async Task<MeshLab> StartAsync(LabOptions options, CancellationToken cancellation = default)
    {
        options = options with
        {
            Name = $"test-{s_run}-{Interlocked.Increment(ref s_count)}",
            MeshNode = FindWhenNeeded("mesh-node", options.MeshNode),
            MeshControl = FindWhenNeeded("mesh-control", options.MeshControl),
            ToolDirectories = options.ToolDirectories.Count == 0 ? [Builds.ForTests.ToolDirectory] : options.ToolDirectories,
        };

        string FindWhenNeeded(string name, string given) => options.HasMesh && given.Length == 0 ? Builds.ForTests.Find(name, null) : given;

        (LabClient client, Process unshare) = await LabStarter.StartAsync(options, isOwned: true, cancellation);
        return new MeshLab(client, unshare, options);
    }

    /// <summary>
    /// Creates or changes objects. Returns when the lab has acted on them, not when the mesh has; for that see
    /// <see cref="SettleAsync"/>.
    /// </summary>
    /// <returns>What was in the text.</returns>
    /// <exception cref="LabException">Something in it is wrong; then nothing was changed.</exception>
    public async Task<IReadOnlyList<ObjectKey>> ApplyAsync(string yaml)
    {
        await _client.SendAsync(new LabRequest.Apply([new ManifestText(yaml, "test")]));
        return [.. ManifestReader.ReadText(yaml, "test", []).Select(manifest => manifest.Key)];
    }

    /// <param name="name">NAMESPACE/NAME, or NAME for a kind without namespaces.</param>
    public async Task DeleteAsync(string kind, string name)
    {
        (string space, string rest) = name.Split('/') is [var first, var second] ? (first, second) : ("", name);
        await _client.SendAsync(new LabRequest.Delete(kind, space, rest));
        lock (_lock)
        {
            if (kind == "Pod" && _places.Remove($"{space}.{rest}", out NetNamespace? place))
            {
                place.Dispose();
            }
        }
    }

    /// <summary>Waits until everything runs, answers and is captured where it should be.</summary>
    /// <exception cref="LabException">Something is missing still when the time is over; the message says what.</exception>
    public async Task WaitUntilReadyAsync(TimeSpan limit, CancellationToken cancellation = default)
    {
        LabStatus status = await Readiness.WaitAsync(_client, limit, cancellation);
        string[] missing = [.. Readiness.Missing(status)];
        if (missing.Length > 0)
        {
            throw LabException.FromProblems("the lab is not ready:", missing);
        }
    }

    /// <summary>
    /// Returns when every proxy has confirmed everything that was applied or deleted before: whatever it is asked from then on, it decides
    /// accordingly. Needs the control plane and every proxy.
    /// </summary>
    /// <exception cref="LabException">They have not within the time; the message says what the control plane knows of them.</exception>
    public Task SettleAsync(TimeSpan limit) => Settlement.WaitAsync(this, limit);

    public Task<LabStatus> StatusAsync() => _client.StatusAsync();

    /// <param name="name">NAMESPACE/NAME.</param>
    public async Task<LabPod> PodAsync(string name)
    {
        LabStatus status = await _client.StatusAsync();
        return new LabPod(this, Cli.Target.Pod(status, name, space: null));
    }

    public async Task<LabNode> NodeAsync(string name)
    {
        LabStatus status = await _client.StatusAsync();
        NodeStatus node = status.Nodes.FirstOrDefault(node => node.Name == name)
            ?? throw new LabException($"there is no node '{name}'; there are: {string.Join(", ", status.Nodes.Select(node => node.Name))}");
        return new LabNode(this, node);
    }

    /// <summary>Ends, starts or kills a component: control, node-1/agent, node-1/proxy; or pod/NAMESPACE/NAME.</summary>
    public Task StopAsync(string component) => _client.SendAsync(new LabRequest.Control("stop", component));

    /// <inheritdoc cref="StopAsync"/>
    public Task StartAsync(string component) => _client.SendAsync(new LabRequest.Control("start", component));

    /// <inheritdoc cref="StopAsync"/>
    public Task KillAsync(string component) => _client.SendAsync(new LabRequest.Control("kill", component));

    /// <summary>Captures what passes between the nodes from now on.</summary>
    public Task<PacketCapture> CaptureLinkAsync() => PacketCapture.StartAsync(_client);

    /// <summary>Runs a program in a namespace of the lab to its end.</summary>
    public Task<CommandResult> ExecuteAsync(
        string networkNamespace, IReadOnlyList<string> command, string? input = null, CancellationToken cancellation = default)
    {
        ProcessStartInfo start = Describe(networkNamespace, command);
        return Command.TryRunAsync([start.FileName, .. start.ArgumentList], input, cancellation);
    }

    /// <summary>Runs a command of the control plane upon its state: `ca rotate`, `ca revoke --serial HEX` and the like.</summary>
    /// <exception cref="LabException">It failed; the message has its words.</exception>
    public Task<string> ControlAsync(params IReadOnlyList<string> command)
    {
        return Command.RunAsync([.. Executable.Command(Options.MeshControl), .. command, "--state", ControlStateDirectory]);
    }

    /// <summary>What a component or a pod has written. Components: control, node-1.proxy; pods: NAMESPACE.NAME.</summary>
    /// <param name="start">How much of it to leave out at the beginning, in bytes: an earlier <see cref="LogLengthBytes"/>.</param>
    public async Task<string> ReadLogAsync(string name, long start = 0)
    {
        string path = LogPath(name);
        if (!File.Exists(path))
        {
            return "";
        }

        // The program that writes it has it open.
        await using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        file.Seek(start, SeekOrigin.Begin);
        using var reader = new StreamReader(file);
        return await reader.ReadToEndAsync();
    }

    /// <summary>How much a component or a pod has written so far; 0 when nothing.</summary>
    /// <inheritdoc cref="ReadLogAsync"/>
    public long LogLengthBytes(string name)
    {
        var file = new FileInfo(LogPath(name));
        return file.Exists ? file.Length : 0;
    }

    /// <summary>How a file of the lab's own mount and process namespaces, such as /proc/1/stat, is reached from outside.</summary>
    public string PathInside(string path) => _client.PathInside(path);

    /// <summary>The namespace of a pod or node, open until the lab ends. Sockets made in it stay in it.</summary>
    public NetNamespace Place(string networkNamespace)
    {
        lock (_lock)
        {
            if (!_places.TryGetValue(networkNamespace, out NetNamespace? place))
            {
                place = NetNamespace.OpenPath(_client.PathInside(Fabric.NamespacePath(networkNamespace)));
                _places[networkNamespace] = place;
            }

            return place;
        }
    }

    /// <summary>Everything that helps to understand a failure: status, and the ends of all logs.</summary>
    public async Task<string> DumpAsync()
    {
        var text = new StringBuilder();
        try
        {
            text.AppendLine(Cli.StatusText.Render(await _client.StatusAsync()));
        }
        catch (LabException exception)
        {
            text.AppendLine(exception.Message);
        }

        text.AppendLine("── holder").AppendLine(LogFile.Tail(_client.Directory.HolderLog, 40));
        foreach (string log in Directory.EnumerateFiles(_client.Directory.Logs).Order(StringComparer.Ordinal))
        {
            text.AppendLine($"── {Path.GetFileNameWithoutExtension(log)}").AppendLine(LogFile.Tail(log, 40));
        }

        return text.ToString();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (NetNamespace place in _places.Values)
        {
            place.Dispose();
        }

        await LabStarter.EndAsync(_client);
        await _unshare.WaitForExitAsync();
        _unshare.Dispose();
    }

    private string LogPath(string name) => Path.Combine(_client.Directory.Logs, $"{name}.log");

    internal ProcessStartInfo Describe(string networkNamespace, IEnumerable<string> command)
    {
        ProcessStartInfo start = _client.Describe(networkNamespace, command);
        start.Environment["PATH"] = string.Join(':', [.. Options.ToolDirectories, start.Environment["PATH"]]);
        return start;
    }
}
