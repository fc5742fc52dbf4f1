using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Pods;

/// <summary>All pods of this node, from every source of the options.</summary>
internal sealed class PodSources
{
    private const string NamedDirectory = "/run/netns";

    private readonly IReadOnlyList<PodSpec> _named;
    private readonly DirectoryPodSource? _directory;

    /// <exception cref="CaptureException">An option is wrong; the message names it.</exception>
    public PodSources(PodSourceOptions options, ILogger logger, TimeProvider time)
    {
        _named = [.. options.Namespaces.Select((named, index) => ReadNamed(named, index))];
        string? twice = _named.GroupBy(pod => pod.Uid).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null)
        {
            throw new CaptureException($"pods.namespaces: uid {twice} is there more than once");
        }

        _directory = options.Directory is string directory ? new DirectoryPodSource(directory, logger, time) : null;
    }

    /// <summary>All pods by UID, at the beginning and each time something changed. Ends when cancelled.</summary>
    public async IAsyncEnumerable<IReadOnlyDictionary<string, PodSpec>> WatchAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        if (_directory is null)
        {
            yield return Merge([]);
            yield break;
        }

        await foreach (IReadOnlyList<PodSpec> found in _directory.WatchAsync(cancellation))
        {
            yield return Merge(found);
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
