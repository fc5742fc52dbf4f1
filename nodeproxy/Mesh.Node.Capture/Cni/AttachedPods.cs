using Mesh.Node.Capture.Pods;

namespace Mesh.Node.Capture.Cni;

/// <summary>
/// What the runtime has said of pods, on top of what sources say: in which namespace a pod is, before a source can know, and that one has
/// ended, before a source hears of it. Not safe on several threads at once.
/// </summary>
internal sealed class AttachedPods
{
    private readonly Dictionary<string, Entry> _attached = new(StringComparer.Ordinal);

    // Pods whose network the runtime has taken down, while a source still names them.
    private readonly HashSet<string> _ended = new(StringComparer.Ordinal);

    /// <summary>A pod has got a network.</summary>
    /// <param name="pod">As it is to be captured.</param>
    /// <param name="attachment">How the runtime made it.</param>
    /// <returns>The pod in this namespace.</returns>
    public PodSpec Add(PodSpec pod, PodAttachment attachment)
    {
        _ended.Remove(pod.Uid);
        if (!_attached.TryGetValue(pod.Uid, out Entry? entry) || !entry.Attachment.IsOfSameSandbox(attachment))
        {
            entry = new Entry(attachment);
            _attached[pod.Uid] = entry;
        }

        return entry.Place(pod);
    }

    /// <summary>
    /// The pod of an interface; null when it is none we know. Other interfaces of a pod are not the one it was captured by.
    /// </summary>
    public string? Find(string containerId, string interfaceName) =>
        _attached.FirstOrDefault(entry => entry.Value.Attachment.Is(containerId, interfaceName)).Key;

    /// <summary>A pod's network is taken down.</summary>
    public void End(string uid)
    {
        _attached.Remove(uid);
        _ended.Add(uid);
    }

    /// <summary>The pods of a network that are attached by none of those sandboxes.</summary>
    public IReadOnlyList<string> Except(string network, IReadOnlySet<string> containerIds) =>
    [
        .. _attached.Where(entry => entry.Value.Attachment.Network == network && !containerIds.Contains(entry.Value.Attachment.ContainerId))
            .Select(entry => entry.Key),
    ];

    /// <summary>
    /// All pods to be captured. A pod that a source has named once leaves when the source names it no more; one that no source has named
    /// yet stays.
    /// </summary>
    /// <param name="named">What sources say.</param>
    public IReadOnlyDictionary<string, PodSpec> Over(IReadOnlyDictionary<string, PodSpec> named)
    {
        _ended.RemoveWhere(uid => !named.ContainsKey(uid));
        Dictionary<string, PodSpec> all = new(StringComparer.Ordinal);
        foreach ((string uid, PodSpec pod) in named)
        {
            if (!_ended.Contains(uid))
            {
                all.Add(uid, _attached.TryGetValue(uid, out Entry? entry) ? entry.PlaceNamed(pod) : pod);
            }
        }

        foreach ((string uid, Entry entry) in _attached)
        {
            if (!entry.WasNamed && entry.Placed is PodSpec placed)
            {
                all.TryAdd(uid, placed);
            }
        }

        return all;
    }

    private sealed class Entry(PodAttachment attachment)
    {
        private PodSpec? _source;

        public PodAttachment Attachment { get; } = attachment;

        public bool WasNamed { get; private set; }

        public PodSpec? Placed { get; private set; }

        public PodSpec PlaceNamed(PodSpec pod)
        {
            WasNamed = true;
            return Place(pod);
        }

        /// <summary>The same object for as long as the source says the same.</summary>
        public PodSpec Place(PodSpec pod)
        {
            if (Placed is null || _source is null || !(ReferenceEquals(_source, pod) || _source.Says(pod)))
            {
                _source = pod;
                Placed = pod.In(Attachment.Path, Attachment.Addresses);
            }

            return Placed;
        }
    }
}
