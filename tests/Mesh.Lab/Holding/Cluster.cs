using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Holding;

/// <summary>
/// The lab's nodes, pods, services and other objects, and everything derived from them: the control plane's configuration directory, the
/// pod files of the agents, hosts files and service routing. One gate guards all of it; every change ends with publishing what follows
/// from it. A request is checked as a whole before any of it is done.
/// </summary>
internal sealed class Cluster(LabOptions options, string stateDirectory) : IDisposable
{
    private static readonly HashSet<string> s_podMakers = new(StringComparer.Ordinal)
    {
        "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController",
    };

    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<NodeRuntime> _nodes = [];
    private readonly SortedDictionary<string, Manifest> _objects = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, PodRuntime> _pods = [];
    private readonly Dictionary<ObjectKey, ServiceRuntime> _services = [];
    private readonly NumberPool _serviceOrdinals = new(1, 65000, "service addresses");
    private readonly FilePublisher _configuration = new(Path.Combine(stateDirectory, "config"));
    private readonly Dictionary<string, FilePublisher> _podFiles = [];
    private readonly Dictionary<string, string> _rendered = new(StringComparer.Ordinal);
    private string _serviceRouting = "";

    public IReadOnlyList<NodeRuntime> Nodes => _nodes;

    public string ConfigurationDirectory => Path.Combine(stateDirectory, "config");

    private string LogDirectory => Path.Combine(stateDirectory, "logs");

    public void Dispose()
    {
        _gate.Dispose();
        foreach (NodeRuntime node in _nodes)
        {
            node.Place.Dispose();
        }
    }

    public async Task<NodeRuntime> AddNodeAsync(string name)
    {
        int index = _nodes.Count + 1;
        if (index > LabAddresses.NodeCountMax)
        {
            throw new LabException($"a lab has at most {LabAddresses.NodeCountMax} nodes");
        }

        await Fabric.AddNodeAsync(name, index);
        var node = new NodeRuntime(name, index, Path.Combine(stateDirectory, "nodes", name))
        {
            Place = NetNamespace.OpenPath(Fabric.NamespacePath(name)),
        };
        foreach (NodeRuntime other in _nodes)
        {
            await Fabric.AddRouteAsync(name, other.Index);
            await Fabric.AddRouteAsync(other.Name, index);
        }

        Directory.CreateDirectory(node.PodDirectory);
        Directory.CreateDirectory(node.RuntimeDirectory);
        _podFiles[name] = new FilePublisher(node.PodDirectory);
        _nodes.Add(node);
        return node;
    }

    /// <summary>Creates or changes objects and says what became of each.</summary>
    /// <exception cref="LabException">Something in them is wrong; then nothing was changed.</exception>
    public async Task<IReadOnlyList<string>> ApplyAsync(IReadOnlyList<Manifest> manifests)
    {
        var outcome = new List<string>();
        await _gate.WaitAsync();
        try
        {
            List<(Manifest Manifest, PodSpec? Pod, ServiceSpec? Service)> checkedObjects = Check(manifests);

            // Namespaces first: their labels decide whether pods are enrolled.
            foreach ((Manifest manifest, PodSpec? pod, ServiceSpec? service) in checkedObjects.OrderBy(o => o.Manifest.Key.Kind != "Namespace"))
            {
                _objects.TryGetValue(manifest.Key.ToString(), out Manifest? previous);
                string verb = previous is null ? "created" : previous.ToYaml() == manifest.ToYaml() ? "unchanged" : "changed";
                _objects[manifest.Key.ToString()] = manifest;
                if (pod is not null)
                {
                    verb = await ApplyPodAsync(manifest, pod, verb);
                }
                else if (service is not null)
                {
                    ApplyService(manifest, service);
                }
                else
                {
                    _rendered[ManifestRendering.FileName(manifest.Key)] = ManifestRendering.Object(manifest);
                }

                outcome.Add($"{manifest.Key} {verb}");
            }

            await PublishAsync();
        }
        finally
        {
            _gate.Release();
        }

        return outcome;
    }

    /// <summary>Removes one object; a namespace takes what is in it along.</summary>
    /// <exception cref="LabException">There is no such object.</exception>
    public async Task<IReadOnlyList<string>> DeleteAsync(ObjectKey key)
    {
        var outcome = new List<string>();
        await _gate.WaitAsync();
        try
        {
            ObjectKey[] targets = key.Kind == "Namespace"
                ? [.. _objects.Values.Select(manifest => manifest.Key).Where(other => other.Namespace == key.Name || other == key)]
                : [.. _objects.Values.Select(manifest => manifest.Key).Where(other => other == key)];
            if (targets.Length == 0)
            {
                string[] alike = [.. _objects.Values.Where(manifest => manifest.Key.Kind == key.Kind).Select(manifest => manifest.Key.QualifiedName)];
                throw new LabException($"there is no {key}" + (alike.Length > 0 ? $"; there are: {string.Join(", ", alike)}" : $", nor any other {key.Kind}"));
            }

            foreach (ObjectKey target in targets)
            {
                _objects.Remove(target.ToString());
                _rendered.Remove(ManifestRendering.FileName(target));
                if (_pods.TryGetValue(target, out PodRuntime? pod))
                {
                    await RemovePodAsync(pod);
                }
                else if (_services.Remove(target, out ServiceRuntime? service) && service.Ordinal is { } ordinal)
                {
                    _serviceOrdinals.Release(ordinal);
                }

                outcome.Add($"{target} deleted");
            }

            await PublishAsync();
        }
        finally
        {
            _gate.Release();
        }

        return outcome;
    }

    /// <summary>What runs in a pod.</summary>
    /// <exception cref="LabException">There is no such pod, or nothing runs in it.</exception>
    public async Task<LabProcess> FindPodProcessAsync(ObjectKey key)
    {
        await _gate.WaitAsync();
        try
        {
            return _pods.TryGetValue(key, out PodRuntime? pod)
                ? pod.Process ?? throw new LabException($"{key} has no command, so nothing runs in it")
                : throw new LabException($"there is no {key}");
        }
        finally
        {
            _gate.Release();
        }
    }

    public async Task<LabStatus> StatusAsync(IReadOnlyList<ComponentStatus> components)
    {
        await _gate.WaitAsync();
        try
        {
            return new LabStatus(
                options.Name,
                options.HasMesh,
                [.. _nodes.Select(node => new NodeStatus(node.Name, node.Addresses.V4.ToString(), node.Addresses.V6.ToString()))],
                components,
                [.. _pods.Values.OrderBy(pod => pod.Spec.Key.QualifiedName, StringComparer.Ordinal).Select(Describe)],
                [.. _services.Values.OrderBy(service => service.Spec.Key.QualifiedName, StringComparer.Ordinal).Select(Describe)],
                [.. _objects.Values.Select(manifest => manifest.Key).Where(key => key.Kind is not ("Pod" or "Service")).Select(key => key.ToString())]);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Ends every pod's program: asked once, then killed. For an orderly end of the lab only.</summary>
    public async Task StopPodsAsync()
    {
        await _gate.WaitAsync();
        try
        {
            await Task.WhenAll(_pods.Values.Select(pod => pod.Process?.StopAsync(TimeSpan.FromSeconds(1)) ?? Task.CompletedTask));
        }
        finally
        {
            _gate.Release();
        }
    }

    private List<(Manifest Manifest, PodSpec? Pod, ServiceSpec? Service)> Check(IReadOnlyList<Manifest> manifests)
    {
        var problems = new List<string>();
        var seen = new Dictionary<ObjectKey, string>();
        var result = new List<(Manifest, PodSpec?, ServiceSpec?)>();
        foreach (Manifest manifest in manifests)
        {
            if (!seen.TryAdd(manifest.Key, manifest.Source))
            {
                problems.Add($"{manifest.Source}: {manifest.Key} stands in {seen[manifest.Key]} too");
            }

            PodSpec? pod = null;
            ServiceSpec? service = null;
            if (manifest.Key.Kind == "Pod")
            {
                pod = PodSpec.Parse(manifest, problems);
                CheckPlace(manifest, pod, problems);
            }
            else if (manifest.Key.Kind == "Service")
            {
                service = ServiceSpec.Parse(manifest, problems);
            }
            else if (s_podMakers.Contains(manifest.Key.Kind))
            {
                problems.Add($"{manifest.Source}: {manifest.Key}: the lab makes no pods from a {manifest.Key.Kind}; write the Pods themselves, with spec.nodeName");
            }
            else if (manifest.Key.Kind == "Node" && _nodes.All(node => node.Name != manifest.Key.Name))
            {
                problems.Add($"{manifest.Source}: {manifest.Key}: nodes are made by `lab up`; this lab has {NodeNames()}");
            }

            result.Add((manifest, pod, service));
        }

        return problems.Count == 0 ? result : throw LabException.FromProblems("nothing was applied:", problems);
    }

    private void CheckPlace(Manifest manifest, PodSpec pod, List<string> problems)
    {
        NodeRuntime? node = _nodes.Find(node => node.Name == pod.NodeName);
        if (pod.NodeName is not null && node is null)
        {
            problems.Add($"{manifest.Source}: {manifest.Key}: spec.nodeName '{pod.NodeName}' is not a node of this lab: {NodeNames()}");
        }

        foreach (string text in pod.DemandedAddresses)
        {
            if (!IPAddress.TryParse(text, out IPAddress? address))
            {
                problems.Add($"{manifest.Source}: {manifest.Key}: status.podIPs: '{text}' is not an IP address");
            }
            else if (node is null || !(LabAddresses.PodRange4(node.Index).Contains(address) || LabAddresses.PodRange6(node.Index).Contains(address)))
            {
                problems.Add($"{manifest.Source}: {manifest.Key}: status.podIPs: {address} is not an address of the pod's node; "
                    + (node is null ? "say which node by spec.nodeName" : $"{node.Name} has {LabAddresses.PodRange4(node.Index)}"));
            }
        }
    }

    private string NodeNames() => string.Join(", ", _nodes.Select(node => node.Name));

    private async Task<string> ApplyPodAsync(Manifest manifest, PodSpec spec, string verb)
    {
        if (_pods.TryGetValue(manifest.Key, out PodRuntime? current))
        {
            PodSpec placed = spec.NodeName is null ? spec with { NodeName = current.Node.Name } : spec;
            if (placed.RunsTheSameAs(current.Spec))
            {
                current.Manifest = manifest;
                current.Spec = placed with { DemandedAddresses = current.Spec.DemandedAddresses };
                return verb;
            }

            await RemovePodAsync(current);
            await CreatePodAsync(manifest, spec);
            return "replaced";
        }

        await CreatePodAsync(manifest, spec);
        return verb;
    }

    private async Task CreatePodAsync(Manifest manifest, PodSpec spec)
    {
        NodeRuntime node = _nodes.Find(node => node.Name == spec.NodeName)
            ?? _nodes.MinBy(candidate => _pods.Values.Count(pod => pod.Node == candidate))!;
        int? ordinal = spec.HostNetwork ? null : TakeOrdinal(node, spec);
        string uid = manifest.Root.Text("metadata", "uid") ?? Guid.NewGuid().ToString();
        var pod = new PodRuntime
        {
            Manifest = manifest,
            Spec = spec with { NodeName = node.Name },
            Uid = uid,
            Node = node,
            Ordinal = ordinal,
            Addresses = ordinal is { } number ? LabAddresses.Pod(node.Index, number) : node.Addresses,
            NetworkNamespace = spec.HostNetwork ? node.Name : $"{spec.Key.Namespace}.{spec.Key.Name}",
            NodeInterface = node.NextInterfaceName(),
        };
        if (!spec.HostNetwork)
        {
            await Fabric.AddPodAsync(pod.NetworkNamespace, pod.Addresses, node.Name, node.Index, pod.NodeInterface);
        }

        pod.Place = NetNamespace.OpenPath(Fabric.NamespacePath(pod.NetworkNamespace));
        if (spec.Command.Count > 0)
        {
            string log = Path.Combine(LogDirectory, $"{spec.Key.Namespace}.{spec.Key.Name}.log");
            pod.Process = new LabProcess(log, () => PodProgram.Describe(pod, options.ToolDirectories), spec.RestartsWhenEnded);
        }

        _pods[spec.Key] = pod;
        pod.IsEnrolled = Wants(pod);
        pod.Lifecycle = LiveAsync(pod);
    }

    private static int TakeOrdinal(NodeRuntime node, PodSpec spec)
    {
        foreach (string text in spec.DemandedAddresses)
        {
            // Both families of a pod end in the same number, so either address tells it.
            int number = IPAddress.Parse(text).GetAddressBytes()[^1];
            return node.PodOrdinals.TryTake(number) ? number : throw new LabException($"{spec.Key}: the address {text} is in use");
        }

        return node.PodOrdinals.Take();
    }

    private async Task RemovePodAsync(PodRuntime pod)
    {
        _pods.Remove(pod.Spec.Key);
        _rendered.Remove(ManifestRendering.FileName(pod.Spec.Key));

        // The control plane and the agent learn of the end before the address is gone, as in a cluster.
        await PublishAsync();
        await pod.Life.CancelAsync();
        await pod.Lifecycle;
        if (pod.Process is { } process)
        {
            await process.StopAsync(TimeSpan.FromSeconds(2));
        }

        pod.Place?.Dispose();
        if (pod.Ordinal is { } ordinal)
        {
            await PodProgram.KillAllAsync(pod.NetworkNamespace);
            await Fabric.RemovePodAsync(pod.NetworkNamespace, pod.Node.Name, pod.NodeInterface);
            Entry.RemoveEtcFiles(pod.NetworkNamespace);
            pod.Node.PodOrdinals.Release(ordinal);
        }
    }

    private void ApplyService(Manifest manifest, ServiceSpec spec)
    {
        if (!_services.TryGetValue(manifest.Key, out ServiceRuntime? service))
        {
            service = new ServiceRuntime { Spec = spec, Addresses = [] };
            _services[manifest.Key] = service;
        }

        service.Spec = spec;
        if (spec.IsHeadless || spec.ClusterAddresses.Count > 0)
        {
            service.Addresses = spec.ClusterAddresses;
        }
        else
        {
            service.Ordinal ??= _serviceOrdinals.Take();
            AddressPair pair = LabAddresses.Service(service.Ordinal.Value);
            service.Addresses = [.. spec.Families.Select(family => pair[family])];
        }

        _rendered[ManifestRendering.FileName(manifest.Key)] = ManifestRendering.Service(manifest, service);
    }

    /// <summary>A pod's life: wait for capture when it asks for the mesh, run, and keep watching both, until it is removed.</summary>
    private async Task LiveAsync(PodRuntime pod)
    {
        CancellationToken cancellation = pod.Life.Token;
        using HttpClient http = NamespaceSockets.Http(pod.Node.Place, TimeSpan.FromSeconds(1));

        // Leave the caller's gate before asking for it.
        await Task.Yield();
        while (!cancellation.IsCancellationRequested)
        {
            try
            {
                await LookAfterAsync(pod, http, cancellation);
            }
            catch (LabException exception)
            {
                await Console.Error.WriteLineAsync($"{pod.Spec.Key}: {exception.Message}");
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return;
            }

            TimeSpan pause = TimeSpan.FromMilliseconds(pod.IsReady ? 1000 : 100);
            await Task.Delay(pause, TimeProvider.System, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task LookAfterAsync(PodRuntime pod, HttpClient http, CancellationToken cancellation)
    {
        bool isCaptured = await NamespaceSockets.IsListeningAsync(pod.Place!, PodProgram.MeshPort);
        bool isStarted = pod.Process is null || pod.Process.State != ProcessState.NotStarted;
        bool isReady = isStarted && await PodProgram.IsReadyAsync(pod, http, cancellation);
        await _gate.WaitAsync(cancellation);
        try
        {
            // As in a cluster, where the network plug-in holds it back, a pod does not start uncaptured.
            pod.IsWaitingForCapture = !isStarted && pod.IsEnrolled && !isCaptured;
            if (!isStarted && !pod.IsWaitingForCapture)
            {
                pod.Process!.Start();
            }

            if ((isCaptured, isReady) != (pod.IsCaptured, pod.IsReady))
            {
                (pod.IsCaptured, pod.IsReady) = (isCaptured, isReady);
                await PublishAsync();
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    private bool Wants(PodRuntime pod)
    {
        _objects.TryGetValue(new ObjectKey("Namespace", "", pod.Spec.Key.Namespace).ToString(), out Manifest? space);
        return options.HasMesh && !pod.Spec.HostNetwork && (Enrolment.Asked(pod.Manifest.Labels) ?? Enrolment.Asked(space?.Labels ?? [])) == true;
    }

    // Called with the gate held.
    private async Task PublishAsync()
    {
        foreach (PodRuntime pod in _pods.Values)
        {
            pod.IsEnrolled = Wants(pod);
            _rendered[ManifestRendering.FileName(pod.Spec.Key)] = ManifestRendering.Pod(pod);
        }

        _configuration.Publish(_rendered);
        foreach (NodeRuntime node in _nodes)
        {
            _podFiles[node.Name].Publish(_pods.Values
                .Where(pod => pod.IsEnrolled && pod.Node == node)
                .ToDictionary(pod => $"{pod.Uid}.json", NodeFiles.Pod, StringComparer.Ordinal));
        }

        WriteHosts();
        await WriteServiceRoutingAsync();
    }

    private void WriteHosts()
    {
        NamedAddresses[] names =
        [
            .. _services.Values.Select(service => new NamedAddresses(
                service.Spec.Key.Namespace,
                service.Spec.Key.Name,
                service.Spec.IsHeadless ? [.. Endpoints(service).SelectMany(pod => (IPAddress[])[pod.Addresses.V4, pod.Addresses.V6])] : service.Addresses)),
        ];
        foreach (PodRuntime pod in _pods.Values.Where(pod => !pod.Spec.HostNetwork))
        {
            WriteNameFiles(pod.NetworkNamespace, HostsFile.Render(pod.Spec.Key.Namespace, pod.Spec.Key.Name, pod.Addresses, names));
        }

        foreach (NodeRuntime node in _nodes)
        {
            WriteNameFiles(node.Name, HostsFile.Render("", node.Name, node.Addresses, names));
        }
    }

    // There is no name server: whatever is not in the hosts file fails at once and does not wait for one.
    private static void WriteNameFiles(string networkNamespace, string hosts)
    {
        Entry.WriteEtcFile(networkNamespace, "hosts", hosts);
        Entry.WriteEtcFile(networkNamespace, "resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    }

    private async Task WriteServiceRoutingAsync()
    {
        var routes = new List<ServiceRoute>();
        foreach (ServiceRuntime service in _services.Values)
        {
            foreach (ServicePortSpec port in service.Spec.Ports)
            {
                routes.AddRange(service.Addresses.Select(address => new ServiceRoute(address, port.Protocol, port.Port, TargetsOf(service, port, address.AddressFamily))));
            }
        }

        string script = _services.Count == 0 && _serviceRouting.Length == 0 ? "" : ServiceRouting.Render(routes);
        if (script != _serviceRouting)
        {
            await Task.WhenAll(_nodes.Select(node => Command.RunAsync(["nsenter", $"--net={Fabric.NamespacePath(node.Name)}", "--", "nft", "-f", "-"], script)));
            _serviceRouting = script;
        }
    }

    private List<IPEndPoint> TargetsOf(ServiceRuntime service, ServicePortSpec port, AddressFamily family)
    {
        var targets = new List<IPEndPoint>();
        foreach (PodRuntime pod in Endpoints(service))
        {
            if (port.TryResolve(pod.Spec, out ushort number))
            {
                targets.Add(new IPEndPoint(pod.Addresses[family], number));
            }
        }

        return targets;
    }

    private IEnumerable<PodRuntime> Endpoints(ServiceRuntime service)
    {
        return _pods.Values.Where(pod =>
            pod.Spec.Key.Namespace == service.Spec.Key.Namespace
            && (pod.IsReady || service.Spec.PublishesNotReady)
            && service.Spec.Selects(pod.Manifest.Labels));
    }

    private PodStatus Describe(PodRuntime pod)
    {
        return new PodStatus(
            pod.Spec.Key.Namespace,
            pod.Spec.Key.Name,
            pod.Node.Name,
            pod.Spec.ServiceAccount,
            pod.NetworkNamespace,
            pod.Addresses.V4.ToString(),
            pod.Addresses.V6.ToString(),
            pod.Phase,
            pod.Process?.ExitCode,
            pod.Process?.ProcessId,
            pod.Process?.RestartCount ?? 0,
            pod.IsReady,
            pod.IsEnrolled,
            pod.IsCaptured);
    }

    private ServiceStatus Describe(ServiceRuntime service)
    {
        return new ServiceStatus(
            service.Spec.Key.Namespace,
            service.Spec.Key.Name,
            [.. service.Addresses.Select(address => address.ToString())],
            [.. service.Spec.Ports.Select(port => $"{port.Port}/{port.Protocol}")],
            Endpoints(service).Count());
    }
}
