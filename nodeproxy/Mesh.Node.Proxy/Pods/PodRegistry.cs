using System.Collections.Concurrent;

namespace Mesh.Node.Proxy.Pods;

/// <summary>The pods this process serves. Written by the hand-over, read by every loop.</summary>
internal sealed class PodRegistry
{
    private readonly ConcurrentDictionary<string, EnrolledPod> _byUid = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string Namespace, string Name), EnrolledPod> _byName = new();

    /// <summary>All of them, as of now.</summary>
    public IEnumerable<EnrolledPod> All => _byUid.Values;

    /// <summary>How many.</summary>
    public int Count => _byUid.Count;

    public EnrolledPod? FindByUid(string uid) => _byUid.GetValueOrDefault(uid);

    public EnrolledPod? FindByName(string @namespace, string name) => _byName.GetValueOrDefault((@namespace, name));

    public void Add(EnrolledPod pod)
    {
        _byUid[pod.Identity.Uid] = pod;
        _byName[(pod.Identity.Namespace, pod.Identity.Name)] = pod;
    }

    public void Remove(EnrolledPod pod)
    {
        _byUid.TryRemove(KeyValuePair.Create(pod.Identity.Uid, pod));
        _byName.TryRemove(KeyValuePair.Create((pod.Identity.Namespace, pod.Identity.Name), pod));
    }
}
