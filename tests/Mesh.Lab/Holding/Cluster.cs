using System.Net;
using Mesh.Interop.Linux;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Holding;

/// <summary>
/// The lab's nodes, pods, services and other objects. One gate guards all of it; every change ends with publishing what follows from it.
/// A request is checked as a whole before any of it is done.
/// </summary>
internal sealed class Cluster(LabOptions options, string stateDirectory) : IDisposable
{
    private readonly SemaphoreSlim _gate = new(1, 1);
    private readonly List<NodeRuntime> _nodes = [];
    private readonly SortedDictionary<string, Manifest> _objects = new(StringComparer.Ordinal);
    private readonly Dictionary<ObjectKey, PodRuntime> _pods = [];
    private readonly Dictionary<ObjectKey, ServiceRuntime> _services = [];
    private readonly NumberPool _serviceOrdinals = new(1, 65000, "service addresses");
    private readonly ClusterFiles _files = new(Path.Combine(stateDirectory, "config"));

    public IReadOnlyList<NodeRuntime> Nodes => _nodes;

    public string ConfigurationDirectory => _files.ConfigurationDirectory;

    private IEnumerable<ObjectKey> Keys => _objects.Values.Select(manifest => manifest.Key);

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
            IReadOnlyList<CheckedObject> objects = new ObjectChecker(_nodes).Check(manifests);

            // Namespaces first: their labels decide whether pods are enrolled.
            foreach ((Manifest manifest, PodSpec? pod, ServiceSpec? service) in objects.OrderBy(o => o.Manifest.Key.Kind != "Namespace"))
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
                    _files.Set(manifest.Key, ManifestRendering.Object(manifest));
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
                ? [.. Keys.Where(other => other.Namespace == key.Name || other == key)]
                : [.. Keys.Where(other => other.Name == key.Name && other.Namespace == key.Namespace && IsSameKind(other, key))];
            if (targets.Length == 0)
            {
                string[] alike = [.. Keys.Where(other => IsSameKind(other, key)).Select(other => other.QualifiedName)];
                string hint = alike.Length > 0 ? $"; there are: {string.Join(", ", alike)}" : $", nor any other {key.Kind}";
                throw new LabException($"there is no {key}{hint}");
            }

            foreach (ObjectKey target in targets)
            {
                _objects.Remove(target.ToString());
                _files.Remove(target);
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
                [.. Keys.Where(key => key.Kind is not ("Pod" or "Service")).Select(key => key.ToString())]);
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

    /// <summary>Kinds the lab knows nothing of come as they were typed, which is often in lower case.</summary>
    private static bool IsSameKind(ObjectKey one, ObjectKey other) => one.Kind.Equals(other.Kind, StringComparison.OrdinalIgnoreCase);

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
        _files.Remove(pod.Spec.Key);

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

        _files.Set(manifest.Key, ManifestRendering.Service(manifest, service));
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
        // A pod the mesh has no part in is not asked: where nobody listens, the kernel searches all connections of the machine.
        bool isCaptured = (pod.IsEnrolled || pod.IsCaptured) && await NamespaceSockets.IsListeningAsync(pod.Place!, PodProgram.MeshPort);
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
        bool? isAsked = Enrolment.Asked(pod.Manifest.Labels)
            ?? Enrolment.AskedByAnnotation(pod.Manifest.Annotations)
            ?? Enrolment.Asked(space?.Labels ?? []);
        return options.HasMesh && !pod.Spec.HostNetwork && isAsked == true;
    }

    // Called with the gate held.
    private Task PublishAsync()
    {
        foreach (PodRuntime pod in _pods.Values)
        {
            pod.IsEnrolled = Wants(pod);
        }

        return _files.PublishAsync(_nodes, _pods.Values, _services.Values);
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
            ClusterFiles.Endpoints(service, _pods.Values).Count());
    }
}
