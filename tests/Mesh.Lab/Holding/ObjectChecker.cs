using System.Net;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;

namespace Mesh.Lab.Holding;

/// <summary>A manifest that may be acted on, with what the lab takes from it when it is of a kind the lab makes something of.</summary>
internal sealed record CheckedObject(Manifest Manifest, PodSpec? Pod, ServiceSpec? Service);

/// <summary>Looks through a whole set of manifests before any of it is acted on. Every problem is found, not only the first.</summary>
internal sealed class ObjectChecker(IReadOnlyList<NodeRuntime> nodes)
{
    private static readonly HashSet<string> s_podMakers = new(StringComparer.Ordinal)
    {
        "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "ReplicationController",
    };

    private readonly List<string> _problems = [];
    private readonly Dictionary<ObjectKey, string> _places = [];

    /// <exception cref="LabException">Something is wrong with them; the message has every problem.</exception>
    public IReadOnlyList<CheckedObject> Check(IEnumerable<Manifest> manifests)
    {
        CheckedObject[] result = [.. manifests.Select(Check)];
        return _problems.Count == 0 ? result : throw LabException.FromProblems("nothing was applied:", _problems);
    }

    private CheckedObject Check(Manifest manifest)
    {
        if (!_places.TryAdd(manifest.Key, manifest.Source))
        {
            _problems.Add($"{manifest.Source}: {manifest.Key} stands in {_places[manifest.Key]} too");
        }

        switch (manifest.Key.Kind)
        {
            case "Pod":
                var pod = PodSpec.Parse(manifest, _problems);
                CheckPlace(manifest, pod);
                return new CheckedObject(manifest, pod, Service: null);
            case "Service":
                return new CheckedObject(manifest, Pod: null, ServiceSpec.Parse(manifest, _problems));
            case var kind when s_podMakers.Contains(kind):
                AddProblem(manifest, $"the lab makes no pods from a {kind}; write the Pods themselves, with spec.nodeName");
                break;
            case "Node" when nodes.All(node => node.Name != manifest.Key.Name):
                AddProblem(manifest, $"nodes are made by `lab up`; this lab has {NodeNames()}");
                break;
        }

        return new CheckedObject(manifest, Pod: null, Service: null);
    }

    private void CheckPlace(Manifest manifest, PodSpec pod)
    {
        NodeRuntime? node = nodes.FirstOrDefault(node => node.Name == pod.NodeName);
        if (pod.NodeName is not null && node is null)
        {
            AddProblem(manifest, $"spec.nodeName '{pod.NodeName}' is not a node of this lab: {NodeNames()}");
        }

        foreach (string text in pod.DemandedAddresses)
        {
            if (!IPAddress.TryParse(text, out IPAddress? address))
            {
                AddProblem(manifest, $"status.podIPs: '{text}' is not an IP address");
            }
            else if (node is null)
            {
                AddProblem(manifest, $"status.podIPs: {address}: say on which node by spec.nodeName");
            }
            else if (!LabAddresses.PodRange4(node.Index).Contains(address) && !LabAddresses.PodRange6(node.Index).Contains(address))
            {
                AddProblem(manifest, $"status.podIPs: {address} is not of {node.Name}, which has {LabAddresses.PodRange4(node.Index)}");
            }
        }
    }

    private void AddProblem(Manifest manifest, string problem) => _problems.Add($"{manifest.Source}: {manifest.Key}: {problem}");

    private string NodeNames() => string.Join(", ", nodes.Select(node => node.Name));
}
