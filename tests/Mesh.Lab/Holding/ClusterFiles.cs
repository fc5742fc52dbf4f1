using System.Net;
using System.Net.Sockets;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Holding;

/// <summary>
/// What follows from the objects of a cluster and is read by others: the control plane's configuration directory, the pod files of the
/// agents, the hosts file of every pod, and the routing of services in every node. Called under the cluster's gate only.
/// </summary>
internal sealed class ClusterFiles(string configurationDirectory)
{
    private readonly FilePublisher _configuration = new(configurationDirectory);
    private readonly Dictionary<string, FilePublisher> _podFiles = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _objects = new(StringComparer.Ordinal);
    private string _serviceRouting = "";

    public string ConfigurationDirectory => configurationDirectory;

    /// <summary>Sets what the control plane is to read about an object. Pods are rendered at every publication.</summary>
    public void Set(ObjectKey key, string text) => _objects[ManifestRendering.FileName(key)] = text;

    public void Remove(ObjectKey key) => _objects.Remove(ManifestRendering.FileName(key));

    public async Task PublishAsync(
        IReadOnlyCollection<NodeRuntime> nodes, IReadOnlyCollection<PodRuntime> pods, IReadOnlyCollection<ServiceRuntime> services)
    {
        foreach (PodRuntime pod in pods)
        {
            Set(pod.Spec.Key, ManifestRendering.Pod(pod));
        }

        _configuration.Publish(_objects);
        foreach (NodeRuntime node in nodes)
        {
            if (!_podFiles.TryGetValue(node.Name, out FilePublisher? files))
            {
                _podFiles[node.Name] = files = new FilePublisher(node.PodDirectory);
            }

            files.Publish(pods
                .Where(pod => pod.IsEnrolled && pod.Node == node)
                .ToDictionary(pod => $"{pod.Uid}.json", NodeFiles.Pod, StringComparer.Ordinal));
        }

        WriteHosts(nodes, pods, services);
        await WriteServiceRoutingAsync(nodes, pods, services);
    }

    /// <summary>The pods a service leads to.</summary>
    public static IEnumerable<PodRuntime> Endpoints(ServiceRuntime service, IEnumerable<PodRuntime> pods)
    {
        return pods.Where(pod =>
            pod.Spec.Key.Namespace == service.Spec.Key.Namespace
            && (pod.IsReady || service.Spec.PublishesNotReady)
            && service.Spec.Selects(pod.Manifest.Labels));
    }

    private static void WriteHosts(
        IEnumerable<NodeRuntime> nodes, IReadOnlyCollection<PodRuntime> pods, IReadOnlyCollection<ServiceRuntime> services)
    {
        NamedAddresses[] names = [.. services.Select(Names)];
        foreach (PodRuntime pod in pods.Where(pod => !pod.Spec.HostNetwork))
        {
            ObjectKey key = pod.Spec.Key;
            WriteNameFiles(pod.NetworkNamespace, HostsFile.Render(key.Namespace, key.Name, pod.Addresses, names));
        }

        foreach (NodeRuntime node in nodes)
        {
            WriteNameFiles(node.Name, HostsFile.Render("", node.Name, node.Addresses, names));
        }

        NamedAddresses Names(ServiceRuntime service)
        {
            IReadOnlyList<IPAddress> addresses = service.Spec.IsHeadless
                ? [.. Endpoints(service, pods).SelectMany(pod => (IPAddress[])[pod.Addresses.V4, pod.Addresses.V6])]
                : service.Addresses;
            return new NamedAddresses(service.Spec.Key.Namespace, service.Spec.Key.Name, addresses);
        }
    }

    // There is no name server: whatever is not in the hosts file fails at once and does not wait for one.
    private static void WriteNameFiles(string networkNamespace, string hosts)
    {
        Entry.WriteEtcFile(networkNamespace, "hosts", hosts);
        Entry.WriteEtcFile(networkNamespace, "resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    }

    private async Task WriteServiceRoutingAsync(
        IEnumerable<NodeRuntime> nodes, IReadOnlyCollection<PodRuntime> pods, IReadOnlyCollection<ServiceRuntime> services)
    {
        // A node routes nothing it was not asked to: no table before there is a service.
        string script = services.Count == 0 && _serviceRouting.Length == 0 ? "" : ServiceRouting.Render(Routes(pods, services));
        if (script != _serviceRouting)
        {
            await Task.WhenAll(nodes.Select(node => Command.RunAsync([.. Fabric.Inside(node.Name), "nft", "-f", "-"], script)));
            _serviceRouting = script;
        }
    }

    private static IEnumerable<ServiceRoute> Routes(IReadOnlyCollection<PodRuntime> pods, IEnumerable<ServiceRuntime> services)
    {
        foreach (ServiceRuntime service in services)
        {
            foreach (ServicePortSpec port in service.Spec.Ports)
            {
                foreach (IPAddress address in service.Addresses)
                {
                    IReadOnlyList<IPEndPoint> targets = Targets(Endpoints(service, pods), port, address.AddressFamily);
                    yield return new ServiceRoute(address, port.Protocol, port.Port, targets);
                }
            }
        }
    }

    private static List<IPEndPoint> Targets(IEnumerable<PodRuntime> pods, ServicePortSpec port, AddressFamily family)
    {
        var targets = new List<IPEndPoint>();
        foreach (PodRuntime pod in pods)
        {
            if (port.TryResolve(pod.Spec, out ushort number))
            {
                targets.Add(new IPEndPoint(pod.Addresses[family], number));
            }
        }

        return targets;
    }
}
