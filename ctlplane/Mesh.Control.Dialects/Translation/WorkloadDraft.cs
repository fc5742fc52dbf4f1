using System.Net;
using System.Net.Sockets;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Translation;

/// <summary>A workload while its namespace is being translated: what selects it is collected here.</summary>
internal sealed class WorkloadDraft
{
    /// <summary>Says which network a pod's addresses belong to.</summary>
    public const string NetworkLabel = "topology.istio.io/network";

    private const string LatestRevision = "latest";

    private WorkloadDraft(Workload workload, Labels labels, PodSpec? pod, WorkloadEntrySpec? entry)
    {
        Workload = workload;
        Labels = labels;
        Pod = pod;
        Entry = entry;
    }

    public Workload Workload { get; }

    public Labels Labels { get; }

    public PodSpec? Pod { get; }

    public WorkloadEntrySpec? Entry { get; }

    public List<WorkloadService> Services { get; } = [];

    public List<string> Policies { get; } = [];

    /// <summary>Whether the pod is to be captured, and is not yet.</summary>
    public bool IsCaptureAwaited { get; private init; }

    /// <summary>What NetworkPolicies restrict; known of pods alone.</summary>
    public NetworkPolicyReach? NetworkPolicies { get; private set; }

    public static WorkloadDraft OfPod(PodSpec pod, TranslationOptions options, Labels namespaceLabels, Locality locality)
    {
        (TunnelProtocol tunnel, bool isNative) = CaptureDecision.Of(pod, namespaceLabels, options);
        (WorkloadController controller, string controllerName) = ControllerOf(pod);
        return new WorkloadDraft(
            new Workload
            {
                Uid = UidOf(pod, options),
                Name = pod.Name,
                Namespace = pod.Namespace,
                Addresses = pod.Addresses,
                Network = pod.Labels.Find(NetworkLabel) ?? options.Network,
                Tunnel = tunnel,
                IsNativeTunnel = isNative,
                ServiceAccount = pod.ServiceAccount,
                Node = pod.Node,
                CanonicalName = CanonicalName(pod.Labels, controllerName),
                CanonicalRevision = CanonicalRevision(pod.Labels),
                Controller = controller,
                ControllerName = controllerName,
                IsHealthy = pod.IsReady,
                IsHostNetwork = pod.IsHostNetwork,
                Locality = locality,
            },
            pod.Labels,
            pod,
            entry: null)
        {
            NetworkPolicies = NetworkPolicyReach.None,
            IsCaptureAwaited = CaptureDecision.IsAwaited(pod, namespaceLabels, options),
        };
    }

    public static WorkloadDraft OfWorkloadEntry(WorkloadEntrySpec entry, TranslationOptions options) =>
        OfEntry(entry, options, UidOf(entry, options));

    public static string UidOf(PodSpec pod, TranslationOptions options) => $"{options.Cluster}//Pod/{pod.Namespace}/{pod.Name}";

    public static string UidOf(WorkloadEntrySpec entry, TranslationOptions options) =>
        $"{options.Cluster}/networking.istio.io/WorkloadEntry/{entry.Namespace}/{entry.Name}";

    /// <summary>An endpoint of a service that is no pod: nothing is known of it but where it is.</summary>
    public static WorkloadDraft OfSlice(
        EndpointSliceSpec slice, SliceEndpoint endpoint, TranslationOptions options, Locality locality, bool isHostNetwork) => new(
        new Workload
        {
            Uid = UidOf(slice.Source.Key, endpoint, options),
            Name = slice.Source.Key.Name,
            Namespace = slice.Source.Key.Namespace,
            Addresses = [endpoint.Address],
            Network = options.Network,
            ServiceAccount = "default",
            Node = endpoint.Node,
            CanonicalName = slice.Service,
            CanonicalRevision = LatestRevision,
            ControllerName = slice.Service,
            IsHealthy = endpoint.IsReady,
            IsHostNetwork = isHostNetwork,
            Locality = locality,
        },
        Labels.Empty,
        pod: null,
        entry: null);

    public static WorkloadDraft OfEndpoint(WorkloadEntrySpec endpoint, TranslationOptions options) =>
        OfEntry(
            endpoint,
            options,
            $"{options.Cluster}/networking.istio.io/ServiceEntry/{endpoint.Namespace}/{endpoint.Name}/{endpoint.Place}");

    /// <summary>The port of this workload that a service's named port means, or 0.</summary>
    public int FindPort(string name)
    {
        if (Pod is not null)
        {
            foreach (ContainerPort port in Pod.NamedPorts)
            {
                if (port.Name == name)
                {
                    return port.Port;
                }
            }
        }

        return Entry is not null ? FindEntryPort(name) : 0;
    }

    /// <summary>What a WorkloadEntry's own port list says, or 0.</summary>
    public int FindEntryPort(string name)
    {
        if (Entry is not null)
        {
            foreach (NamedPort port in Entry.Ports)
            {
                if (port.Name == name)
                {
                    return port.Port;
                }
            }
        }

        return 0;
    }

    public bool HasFamily(AddressFamily family)
    {
        foreach (IPAddress address in Workload.Addresses)
        {
            if (address.AddressFamily == family)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Its connections may go to what the mesh knows and nowhere else.</summary>
    public bool IsRegistryOnly { get; set; }

    /// <summary>Whether its requests have lines in the log of its node.</summary>
    public RequestLogging Logging { get; set; }

    /// <summary>A NetworkPolicy selects this pod.</summary>
    public void Restrict(NetworkPolicySpec policy) => NetworkPolicies = NetworkPolicies
        | (policy.IsIngress ? NetworkPolicyReach.Ingress : NetworkPolicyReach.None)
        | (policy.IsEgress ? NetworkPolicyReach.Egress : NetworkPolicyReach.None);

    public Workload Finish()
    {
        Services.Sort(static (left, right) => ServiceKey.Compare(left.Service, right.Service));
        Policies.Sort(StringComparer.Ordinal);
        return Workload with
        {
            Services = [.. Services],
            Policies = [.. Policies],
            NetworkPolicies = NetworkPolicies,
            IsRegistryOnly = IsRegistryOnly,
            Logging = Logging,
        };
    }

    private static string UidOf(ObjectKey slice, SliceEndpoint endpoint, TranslationOptions options) =>
        $"{options.Cluster}/discovery.k8s.io/EndpointSlice/{slice.Namespace}/{slice.Name}/{endpoint.Address}";

    private static WorkloadDraft OfEntry(WorkloadEntrySpec entry, TranslationOptions options, string uid)
    {
        (TunnelProtocol tunnel, bool isNative) = CaptureDecision.Of(entry.Labels);
        return new WorkloadDraft(
            new Workload
            {
                Uid = uid,
                Name = entry.Name,
                Namespace = entry.Namespace,
                Addresses = entry.Address is null ? [] : [entry.Address],
                Hostname = entry.Hostname,
                Network = entry.Network ?? options.Network,
                Tunnel = tunnel,
                IsNativeTunnel = isNative,
                ServiceAccount = entry.ServiceAccount,
                CanonicalName = CanonicalName(entry.Labels, entry.Name),
                CanonicalRevision = CanonicalRevision(entry.Labels),
                ControllerName = entry.Name,
                Locality = entry.Locality,
                Weight = entry.Weight,
            },
            entry.Labels,
            pod: null,
            entry);
    }

    private static string CanonicalName(Labels labels, string fallback) =>
        labels.Find("service.istio.io/canonical-name") ?? labels.Find("app.kubernetes.io/name") ?? labels.Find("app") ?? fallback;

    private static string CanonicalRevision(Labels labels) =>
        labels.Find("service.istio.io/canonical-revision")
        ?? labels.Find("app.kubernetes.io/version")
        ?? labels.Find("version")
        ?? LatestRevision;

    /// <summary>A pod's owner is a ReplicaSet or a Job; people think of the Deployment or CronJob that made that.</summary>
    private static (WorkloadController Controller, string Name) ControllerOf(PodSpec pod)
    {
        switch (pod.Controller)
        {
            case { Kind: "ReplicaSet", Name: { } name } when pod.Labels.Find("pod-template-hash") is { } hash
                && name.EndsWith($"-{hash}", StringComparison.Ordinal):
                return (WorkloadController.Deployment, name[..^(hash.Length + 1)]);
            case { Kind: "Deployment", Name: { } name }:
                return (WorkloadController.Deployment, name);
            case { Kind: "Job", Name: { } name }:
                int dash = name.LastIndexOf('-');
                return dash > 0 && IsScheduleTime(name.AsSpan(dash + 1))
                    ? (WorkloadController.CronJob, name[..dash])
                    : (WorkloadController.Job, name);
            case { Kind: "CronJob", Name: { } name }:
                return (WorkloadController.CronJob, name);
            default:
                return (WorkloadController.Pod, pod.Name);
        }
    }

    /// <summary>What a CronJob appends to the names of its jobs: minutes since 1970.</summary>
    private static bool IsScheduleTime(ReadOnlySpan<char> text) =>
        text.Length is >= 8 and <= 10 && !text.ContainsAnyExceptInRange('0', '9');
}
