using System.Runtime.CompilerServices;
using Mesh.Node.Capture.Cni;
using Mesh.Node.Capture.Kubernetes;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Pods;

/// <summary>All pods of this node, from every source of the options.</summary>
internal sealed class PodSources : IPodEnrolment, IDisposable
{
    private const string NamedDirectory = "/run/netns";

    private readonly IReadOnlyList<PodSpec> _named;
    private readonly KubernetesPodSource? _kubernetes;
    private readonly List<IPodSource> _sources = [];
    private readonly List<IPodEnrolment> _enrolments = [];

    /// <param name="options">Directory and named namespaces.</param>
    /// <param name="kubernetes">The API server.</param>
    /// <param name="node">This node's name, as the API server knows it.</param>
    /// <param name="onProblem">Called when <see cref="Problems"/> are others. Must not block.</param>
    /// <param name="logger">For the operator.</param>
    /// <param name="time">The clock.</param>
    /// <exception cref="CaptureException">An option is wrong; the message names it.</exception>
    public PodSources(
        PodSourceOptions options, KubernetesOptions kubernetes, string node, Action onProblem, ILogger logger, TimeProvider time)
    {
        _named = [.. options.Namespaces.Select((named, index) => ReadNamed(named, index))];
        string? twice = _named.GroupBy(pod => pod.Uid).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null)
        {
            throw new CaptureException($"pods.namespaces: uid {twice} is there more than once");
        }

        if (options.Directory is string directory)
        {
            _sources.Add(new DirectoryPodSource(directory, logger, time));
            _enrolments.Add(new DirectoryEnrolment(directory));
        }

        if (kubernetes.Enabled)
        {
            _kubernetes = new KubernetesPodSource(kubernetes, node, new FollowTimes(), onProblem, logger, time);
            _sources.Add(_kubernetes);
            _enrolments.Add(_kubernetes);
        }
    }

    /// <summary>What keeps a source from knowing its pods as they are now; empty when nothing does. Any thread.</summary>
    public IReadOnlyList<string> Problems => _kubernetes?.Problems ?? [];

    /// <summary>Whether some source can say of a pod that is about to start whether it is to be captured.</summary>
    public bool CanDecide => _enrolments.Count > 0;

    /// <summary>Says what is wrong with pods where their owners look; null where nobody does.</summary>
    public PodEvents? Events => _kubernetes?.Events;

    /// <summary>Says on the node how it is; null where nobody does.</summary>
    public NodeCondition? Condition => _kubernetes?.Condition;

    /// <summary>How often the watch of each kind failed or was to list anew. Any thread.</summary>
    public IReadOnlyList<(string Kind, long Count)> WatchRestarts => _kubernetes?.WatchRestarts ?? [];

    /// <summary>Says on pods whether their capture stands; null where nobody does.</summary>
    public CaptureNotes? Notes => _kubernetes?.Notes;

    public void Dispose() => _kubernetes?.Dispose();

    public async Task<PodSpec?> FindAsync(string podNamespace, string name, string? uid, CancellationToken cancellation)
    {
        foreach (IPodEnrolment enrolment in _enrolments)
        {
            if (await enrolment.FindAsync(podNamespace, name, uid, cancellation) is PodSpec pod)
            {
                return pod;
            }
        }

        return null;
    }

    /// <summary>
    /// All pods by UID, once every source has named its own, and each time something changed. Ends when cancelled.
    /// </summary>
    public async IAsyncEnumerable<IReadOnlyDictionary<string, PodSpec>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        if (_sources.Count == 0)
        {
            yield return Merge([]);
            yield break;
        }

        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        WakeSignal changed = new();
        var latest = new IReadOnlyList<PodSpec>?[_sources.Count];
        Task following = Task.WhenAny(_sources.Select((source, index) => FollowAsync(source, index, latest, changed, stop.Token))).Unwrap();
        try
        {
            while (true)
            {
                Task change = changed.WaitAsync(cancellation);
                if (await Task.WhenAny(change, following) == following)
                {
                    // A source ends only by a mistake of ours, or with this.
                    await following;
                }

                await change;
                IReadOnlyList<PodSpec>?[] named = [.. latest.Select((_, index) => Volatile.Read(ref latest[index]))];
                if (named.All(pods => pods is not null))
                {
                    yield return Merge([.. named.SelectMany(pods => pods!)]);
                }
            }
        }
        finally
        {
            await stop.CancelAsync();
            await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task FollowAsync(
        IPodSource source, int index, IReadOnlyList<PodSpec>?[] latest, WakeSignal changed, CancellationToken cancellation)
    {
        await foreach (IReadOnlyList<PodSpec> pods in source.WatchAsync(cancellation))
        {
            Volatile.Write(ref latest[index], pods);
            changed.Set();
        }
    }

    // The configuration's own come first: a file cannot take the place of one of them.
    private Dictionary<string, PodSpec> Merge(IReadOnlyList<PodSpec> found) =>
        _named.Concat(found).DistinctBy(pod => pod.Uid).ToDictionary(pod => pod.Uid, StringComparer.Ordinal);

    private static PodSpec ReadNamed(NamedNamespaceOptions options, int index)
    {
        string field = $"pods.namespaces[{index}]";
        if (!PodFileReader.IsName(options.Name)
            || !PodFileReader.IsName(options.Namespace)
            || !PodFileReader.IsName(options.ServiceAccount))
        {
            throw new CaptureException($"{field}: name, namespace and serviceAccount are letters, digits, dots, hyphens and underscores");
        }

        if (options.Path.Length == 0 || options.Path.Contains('\0', StringComparison.Ordinal))
        {
            throw new CaptureException($"{field}.path: must be a path, or a name under {NamedDirectory}");
        }

        string uid = options.Uid ?? $"{options.Namespace}.{options.Name}";
        if (!PodFileReader.IsName(uid, 128))
        {
            throw new CaptureException($"{field}.uid: must be 1 to 128 letters, digits, dots, hyphens or underscores");
        }

        return new PodSpec
        {
            Uid = uid,
            Name = options.Name,
            Namespace = options.Namespace,
            ServiceAccount = options.ServiceAccount,
            NetworkNamespace = Path.Combine(NamedDirectory, options.Path),
        };
    }
}
