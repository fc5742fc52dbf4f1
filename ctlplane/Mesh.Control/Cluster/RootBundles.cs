using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Mesh.Control.Configuration;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// Puts the roots into a ConfigMap of every namespace, where proxies find what to verify the control plane with before they have spoken to
/// it. What somebody else has made, or has written into ours, is left as it is. One loop, which works while this replica leads.
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

    /// <summary>SHA-256 of what we wrote last, in hexadecimal: labels stay when somebody else replaces the data.</summary>
    private const string Written = "mesh-node.io/root-bundle-sha256";

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(1);

    /// <summary>Between two namespaces: 50 a second at most.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>After which a bundle is looked at again: somebody may have changed it.</summary>
    private static readonly TimeSpan s_checkInterval = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_retryInterval = TimeSpan.FromSeconds(30);

    private readonly Dictionary<string, (string Roots, DateTimeOffset DueAt)> _done = new(StringComparer.Ordinal);

    /// <summary>The last problem of each namespace.</summary>
    private readonly Dictionary<string, string> _said = new(StringComparer.Ordinal);

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
            ImmutableArray<string> namespaces = configuration.Current.Namespaces;
            Forget(namespaces);
            foreach (string @namespace in namespaces.Where(@namespace => IsDue(@namespace, wanted)))
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

    /// <summary>A namespace that is made again has nothing of what its predecessor had.</summary>
    private void Forget(ImmutableArray<string> namespaces)
    {
        foreach (string gone in _done.Keys.Concat(_said.Keys).Except(namespaces, StringComparer.Ordinal).ToList())
        {
            _done.Remove(gone);
            _said.Remove(gone);
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
                    ["annotations"] = new JsonObject { [Written] = HashOf(wanted) },
                },
                ["data"] = new JsonObject { [Key] = wanted },
            };
            return await objects.CreateAsync(path[..path.LastIndexOf('/')], created, cancellation) is not null;
        }

        string? data = present["data"]?[Key]?.GetValue<string>();
        if (data == wanted)
        {
            return true;
        }

        if (present["metadata"]?["labels"]?[Label]?.GetValue<string>() != "true")
        {
            Say(@namespace, $"It is there, and is not ours: it has no label {Label}. Choose another name with --root-bundle.");
            return false;
        }

        string? written = present["metadata"]!["annotations"]?[Written]?.GetValue<string>();
        if (data is not null
            && written != HashOf(data)
            && CertificatesOf(data) is { Count: > 0 } found
            && !found.Overlaps(CertificatesOf(wanted)))
        {
            Say(@namespace, "Somebody else has put other certificates into it. Choose another name with --root-bundle.");
            return false;
        }

        (present["data"] ??= new JsonObject())[Key] = wanted;
        (present["metadata"]!["annotations"] ??= new JsonObject())[Written] = HashOf(wanted);
        return await objects.ReplaceAsync(path, present, cancellation) is not null;
    }

    private static string HashOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <returns>The certificates, in base64 of one line.</returns>
    private static HashSet<string> CertificatesOf(string pem)
    {
        var certificates = new HashSet<string>(StringComparer.Ordinal);
        ReadOnlySpan<char> rest = pem;
        while (PemEncoding.TryFind(rest, out PemFields found))
        {
            if (rest[found.Label] is "CERTIFICATE")
            {
                certificates.Add(string.Concat(rest[found.Base64Data].ToString().Where(character => !char.IsWhiteSpace(character))));
            }

            rest = rest[found.Location.End..];
        }

        return certificates;
    }

    private void Say(string @namespace, string problem)
    {
        if (!_said.TryGetValue(@namespace, out string? last) || last != problem)
        {
            _said[@namespace] = problem;
            NotWritten(logger, @namespace, name, problem);
        }
    }

    [LoggerMessage(
        EventId = 1731, Level = LogLevel.Warning, Message = "The roots cannot be put into the ConfigMap {Namespace}/{Name}: {Problem}")]
    private static partial void NotWritten(ILogger logger, string @namespace, string name, string problem);
}
