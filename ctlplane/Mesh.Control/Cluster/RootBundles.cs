using System.Text.Json.Nodes;
using Mesh.Control.Configuration;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Puts the roots into a ConfigMap of every namespace, where proxies find what to verify the control plane with before they have spoken to
/// it. Under ambient's name, so that what mounts it there works here; one of that name that somebody else has made is left as it is. One
/// loop, which works while this replica leads.
/// </summary>
/// <param name="objects">The API server.</param>
/// <param name="name">Of the ConfigMaps.</param>
/// <param name="roots">What is trusted, as PEM.</param>
/// <param name="configuration">Which namespaces there are.</param>
/// <param name="isLeader">Whether this process may write.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says what cannot be written.</param>
internal sealed partial class RootBundles(
    KubernetesObjects objects,
    string name,
    Func<string> roots,
    ConfigurationState configuration,
    Func<bool> isLeader,
    TimeProvider time,
    ILogger<RootBundles> logger)
{
    private const string Key = "root-cert.pem";

    /// <summary>Marks what is ours.</summary>
    private const string Label = "mesh-node.io/root-bundle";

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    /// <summary>Between two namespaces: 50 a second at most.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>After which a bundle is looked at again: somebody may have changed it.</summary>
    private static readonly TimeSpan s_checkInterval = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_retryInterval = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, (string Roots, DateTimeOffset DueAt)> _done = new(StringComparer.Ordinal);
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);

    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(s_interval, time);
        while (await timer.WaitForNextTickAsync(cancellation))
        {
            if (!isLeader())
            {
                // Whoever leads meanwhile may have written something else.
                _done.Clear();
                continue;
            }

            string wanted = roots();
            foreach (string @namespace in configuration.Current.Namespaces.Where(@namespace => IsDue(@namespace, wanted)))
            {
                if (!isLeader())
                {
                    break;
                }

                TimeSpan until = await TryWriteAsync(@namespace, wanted, cancellation) ? s_checkInterval : s_retryInterval;
                _done[@namespace] = (wanted, time.GetUtcNow() + until);
                await Task.Delay(s_pause, time, cancellation);
            }
        }
    }

    private bool IsDue(string @namespace, string wanted) =>
        !_done.TryGetValue(@namespace, out (string Roots, DateTimeOffset DueAt) done)
        || done.Roots != wanted
        || time.GetUtcNow() >= done.DueAt;

    /// <returns>Whether the namespace has it now.</returns>
    private async Task<bool> TryWriteAsync(string @namespace, string wanted, CancellationToken cancellation)
    {
        try
        {
            return await WriteAsync(@namespace, wanted, cancellation);
        }
        catch (Exception exception) when (exception is ApiException or HttpRequestException or IOException or InvalidOperationException)
        {
            Say(@namespace, exception.Message);
            return false;
        }
    }

    private async Task<bool> WriteAsync(string @namespace, string wanted, CancellationToken cancellation)
    {
        string path = KubernetesObjects.PathOf("v1", "configmaps", @namespace, name);
        JsonObject? present = await objects.FindAsync(path, cancellation);
        if (present is null)
        {
            var created = new JsonObject
            {
                ["apiVersion"] = "v1",
                ["kind"] = "ConfigMap",
                ["metadata"] = new JsonObject
                {
                    ["name"] = name,
                    ["namespace"] = @namespace,
                    ["labels"] = new JsonObject { [Label] = "true" },
                },
                ["data"] = new JsonObject { [Key] = wanted },
            };
            return await objects.CreateAsync(path[..path.LastIndexOf('/')], created, cancellation) is not null;
        }

        if (present["data"]?[Key]?.GetValue<string>() == wanted)
        {
            return true;
        }

        if (present["metadata"]?["labels"]?[Label]?.GetValue<string>() != "true")
        {
            Say(@namespace, $"It is there, and is not ours: it has no label {Label}. Choose another name with --root-bundle.");
            return false;
        }

        present["data"] = new JsonObject { [Key] = wanted };
        return await objects.ReplaceAsync(path, present, cancellation) is not null;
    }

    private void Say(string @namespace, string problem)
    {
        if (_said.Add($"{@namespace}: {problem}"))
        {
            NotWritten(logger, @namespace, name, problem);
        }
    }

    [LoggerMessage(
        EventId = 1731, Level = LogLevel.Warning, Message = "The roots cannot be put into the ConfigMap {Namespace}/{Name}: {Problem}")]
    private static partial void NotWritten(ILogger logger, string @namespace, string name, string problem);
}
