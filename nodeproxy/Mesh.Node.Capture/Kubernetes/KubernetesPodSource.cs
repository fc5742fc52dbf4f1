using System.Net;
using System.Runtime.CompilerServices;
using Mesh.Api.Enrolment;
using Mesh.Node.Capture.Pods;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>
/// The pods of this node that the API server says belong to the mesh, by <see cref="CaptureRule"/>. While it does not answer, what it said
/// last holds. A pod that is being deleted stays as it was until it is gone or has run to its end.
/// </summary>
internal sealed partial class KubernetesPodSource : IPodSource, IDisposable
{
    private const string StaticPodHash = "kubernetes.io/config.hash";
    private const string StaticPodMirror = "kubernetes.io/config.mirror";
    private const int AddressesMax = 64;

    // Several changes at once are one.
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(20);

    private readonly KubernetesOptions _options;
    private readonly string _node;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly HostProcesses _processes;
    private readonly ApiClient _api;
    private readonly WakeSignal _changed = new();
    private readonly ResourceFollower<PodObject> _pods;
    private readonly ResourceFollower<NamespaceObject> _namespaces;

    // Used by WatchAsync only: what was named last, by uid, and which refusals were said.
    private Dictionary<string, PodSpec> _named = new(StringComparer.Ordinal);
    private HashSet<string> _refused = new(StringComparer.Ordinal);

    /// <param name="options">Where the API server and the host's processes are.</param>
    /// <param name="node">Whose pods.</param>
    /// <param name="times">Limits.</param>
    /// <param name="onProblem">Called when <see cref="Problems"/> are others. Must not block.</param>
    /// <param name="logger">For the operator.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="CaptureException">An option is wrong; the message names it.</exception>
    public KubernetesPodSource(
        KubernetesOptions options, string node, FollowTimes times, Action onProblem, ILogger logger, TimeProvider time)
    {
        _options = options;
        _node = node;
        _logger = logger;
        _time = time;
        _processes = new HostProcesses(options.HostProc, time);
        _api = new ApiClient(options);
        Events = new PodEvents(_api, node, logger, time);
        Condition = new NodeCondition(_api, node, logger, time);
        _pods = new ResourceFollower<PodObject>(
            new ResourceKind<PodObject>(
                "pods",
                "/api/v1/pods",
                $"fieldSelector={Uri.EscapeDataString($"spec.nodeName={node}")}&",
                ApiJson.Default.PodList,
                ApiJson.Default.PodObject,
                pod => pod.Metadata),
            _api,
            times,
            _changed.Set,
            onProblem,
            logger,
            time);
        Notes = new CaptureNotes(_api, () => _pods.Objects, logger, time);
        _namespaces = new ResourceFollower<NamespaceObject>(
            new ResourceKind<NamespaceObject>(
                "namespaces",
                "/api/v1/namespaces",
                "",
                ApiJson.Default.NamespaceList,
                ApiJson.Default.NamespaceObject,
                space => space.Metadata),
            _api,
            times,
            _changed.Set,
            onProblem,
            logger,
            time);
    }

    /// <summary>What keeps it from knowing the pods as they are now; empty when nothing does. Any thread.</summary>
    public IReadOnlyList<string> Problems =>
        [.. new[] { _pods.Problem, _namespaces.Problem, Notes.Problem }.OfType<string>().Distinct()];

    /// <summary>Says what is wrong with pods where their owners look.</summary>
    public PodEvents Events { get; }

    /// <summary>Says how this node is.</summary>
    public NodeCondition Condition { get; }

    /// <summary>How often the watch of each kind failed or was to list anew. Any thread.</summary>
    public IReadOnlyList<(string Kind, long Count)> WatchRestarts => [("pods", _pods.Restarts), ("namespaces", _namespaces.Restarts)];

    /// <summary>Says which pods' capture stands.</summary>
    public CaptureNotes Notes { get; }

    public void Dispose() => _api.Dispose();

    public async IAsyncEnumerable<IReadOnlyList<PodSpec>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] followers = [_pods.RunAsync(stop.Token), _namespaces.RunAsync(stop.Token)];
        Task following = Task.WhenAny(followers).Unwrap();
        try
        {
            bool isFirst = true;
            while (true)
            {
                if (_pods.Objects is { } pods && _namespaces.Objects is { } namespaces && (Name(pods, namespaces) || isFirst))
                {
                    isFirst = false;
                    yield return [.. _named.Values];
                }

                await WaitAsync(following, cancellation);
            }
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(followers).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task WaitAsync(Task following, CancellationToken cancellation)
    {
        Task changed = _changed.WaitAsync(cancellation);
        if (await Task.WhenAny(changed, following) == following)
        {
            // They end only by a mistake of ours, or with this.
            await following;
        }

        await changed;
        await Task.Delay(s_settle, _time, cancellation);
    }

    /// <returns>Whether anything is different.</returns>
    private bool Name(IReadOnlyList<PodObject> pods, IReadOnlyList<NamespaceObject> namespaces)
    {
        var labels = new Dictionary<string, Dictionary<string, string>?>(StringComparer.Ordinal);
        foreach (NamespaceObject space in namespaces)
        {
            labels[space.Metadata!.Name!] = space.Metadata.Labels;
        }

        var named = new Dictionary<string, PodSpec>(StringComparer.Ordinal);
        var refused = new HashSet<string>(StringComparer.Ordinal);
        bool isNews = false;
        foreach (PodObject pod in pods)
        {
            if (IsOurs(pod) && Decide(pod, labels, refused) is PodSpec spec)
            {
                isNews |= !_named.TryGetValue(spec.Uid, out PodSpec? earlier) || !ReferenceEquals(earlier, spec);
                named[spec.Uid] = spec;
            }
        }

        isNews |= named.Count != _named.Count;
        _named = named;
        _refused = refused;
        return isNews;
    }

    private bool IsOurs(PodObject pod) =>
        pod.Spec?.NodeName == _node
        && pod.Metadata is { Uid: { } uid, Name: { } name, Namespace: { } space }
        && PodFileReader.IsName(uid, 128) && PodFileReader.IsName(name) && PodFileReader.IsName(space);

    /// <returns>Null for a pod that is not to be captured.</returns>
    private PodSpec? Decide(PodObject pod, Dictionary<string, Dictionary<string, string>?> namespaces, HashSet<string> refused)
    {
        ObjectMetadata metadata = pod.Metadata!;
        PodSpec? earlier = _named.GetValueOrDefault(metadata.Uid!);
        bool isNamespaceKnown = namespaces.ContainsKey(metadata.Namespace!);
        if (!IsFinished(pod) && ((metadata.DeletionTimestamp is not null && earlier is not null) || !isNamespaceKnown))
        {
            // A namespace comes before its pods and goes after them; here one may arrive before the other. What ends stays as it was, as
            // far as that is known: an agent that has just begun decides, lest the proxy drop what still has to finish.
            return earlier;
        }

        CaptureVerdict verdict = VerdictOf(pod, namespaces.GetValueOrDefault(metadata.Namespace!));
        if (verdict != CaptureVerdict.Captured)
        {
            SayWhyNot(metadata, verdict, refused);
            return null;
        }

        PodSpec spec = SpecOf(pod);
        return earlier is not null && earlier.Says(spec) ? earlier : spec;
    }

    private CaptureVerdict VerdictOf(PodObject pod, Dictionary<string, string>? namespaceLabels)
    {
        ObjectMetadata metadata = pod.Metadata!;
        return CaptureRule.Of(new CaptureSubject(
            metadata.Namespace!,
            name => metadata.Labels?.GetValueOrDefault(name),
            name => metadata.Annotations?.GetValueOrDefault(name),
            name => namespaceLabels?.GetValueOrDefault(name),
            pod.Spec!.HostNetwork,
            IsFinished(pod),
            _options.ExcludedNamespaces));
    }

    private static bool IsFinished(PodObject pod) => pod.Status?.Phase is "Succeeded" or "Failed";

    /// <summary>Of pods that ask themselves, since the namespace's wish is not meant for each.</summary>
    private void SayWhyNot(ObjectMetadata metadata, CaptureVerdict verdict, HashSet<string> refused)
    {
        string? reason = verdict switch
        {
            CaptureVerdict.HostNetwork => "it uses its node's network",
            CaptureVerdict.Sidecar => "it has a sidecar",
            CaptureVerdict.ExcludedNamespace => "its namespace is excluded",
            _ => null,
        };
        if (reason is null || CaptureRule.Asked(name => metadata.Labels?.GetValueOrDefault(name)) != true)
        {
            return;
        }

        refused.Add(metadata.Uid!);
        if (!_refused.Contains(metadata.Uid!))
        {
            Log.NotCapturable(_logger, $"{metadata.Namespace}/{metadata.Name}", metadata.Uid!, reason);
        }
    }

    private PodSpec SpecOf(PodObject pod)
    {
        ObjectMetadata metadata = pod.Metadata!;
        List<IPAddress> addresses = AddressesOf(pod.Status);
        string account = pod.Spec!.ServiceAccountName ?? "";
        return new PodSpec
        {
            Uid = metadata.Uid!,
            Name = metadata.Name!,
            Namespace = metadata.Namespace!,
            ServiceAccount = PodFileReader.IsName(account) ? account : "default",
            NetworkNamespace = $"the network of pod {metadata.Uid}",
            Network = new ProcessNetwork(_processes, HashOf(metadata) ?? metadata.Uid!, isStatic: HashOf(metadata) is not null, addresses),
            Incarnation = IncarnationOf(pod.Status),
            Addresses = addresses,
            Annotations = (metadata.Annotations ?? []).Where(entry => CaptureAnnotations.IsRelevant(entry.Key))
                .ToDictionary(StringComparer.Ordinal),
            Probes = PodProbes.Of(pod.Spec),
        };
    }

    /// <summary>Another one when the pod's sandbox was made anew, which takes its containers along, those of its beginning too.</summary>
    private static string IncarnationOf(PodObjectStatus? status) => string.Join(
        ',', (status?.InitContainerStatuses ?? []).Concat(status?.ContainerStatuses ?? []).Select(container => container.ContainerID));

    /// <summary>
    /// By which control groups name a static pod, which the kubelet knows by the hash of its manifest. Anybody may write the annotation
    /// on a pod of his: it counts beside the kubelet's other marks only, and is never the UID of another pod.
    /// </summary>
    private static string? HashOf(ObjectMetadata metadata) =>
        metadata.Annotations?.GetValueOrDefault(StaticPodHash) is { Length: 32 } hash
        && hash.All(char.IsAsciiHexDigitLower)
        && metadata.Annotations.GetValueOrDefault(StaticPodMirror) == hash
        && metadata.OwnerReferences is [{ Kind: "Node" }]
            ? hash
            : null;

    private static List<IPAddress> AddressesOf(PodObjectStatus? status)
    {
        IEnumerable<string?> texts = status?.PodIPs is { Count: > 0 } several ? several.Select(address => address.Ip) : [status?.PodIP];
        var found = new List<IPAddress>();
        foreach (string? text in texts.Take(AddressesMax))
        {
            if (IPAddress.TryParse(text, out IPAddress? address))
            {
                found.Add(address);
            }
        }

        return found;
    }
}
