using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Definitions;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cli.Installation;

/// <summary>Brings objects into a cluster, again as often as one likes, and waits until what they describe is there.</summary>
/// <param name="cluster">Where.</param>
/// <param name="takesOver">Whether fields that others have set otherwise are set all the same.</param>
/// <param name="output">What was done.</param>
/// <param name="lookInterval">Between two looks whether it is there.</param>
internal sealed class Installer(KubernetesObjects cluster, bool takesOver, TextWriter output, TimeSpan lookInterval)
{
    private const string Manager = "meshctl";

    /// <exception cref="ApiException">The API server refuses one; those before it are there.</exception>
    /// <exception cref="HttpRequestException">The API server does not answer.</exception>
    public async Task ApplyAsync(ImmutableArray<JsonObject> objects, TimeSpan timeout, CancellationToken cancellation)
    {
        int changed = 0;
        foreach (JsonObject manifest in objects.OrderBy(OrderOf))
        {
            string path = ClusterKinds.PathOf(manifest);
            string name = $"{ClusterKinds.KindOf(manifest)} {ClusterKinds.NameOf(manifest)}";
            JsonObject? present = await cluster.FindAsync(path, cancellation);
            if (present is not null && IsOfOthers(present))
            {
                await output.WriteLineAsync($"{name}: left as it is; it is not of this mesh. It serves {VersionsOf(present)}.");
                continue;
            }

            JsonObject now = await ApplyAsync(path, name, manifest, cancellation);
            if (VersionOf(present) != VersionOf(now))
            {
                changed++;
                await output.WriteLineAsync($"{name}: {(present is null ? "created" : "changed")}");
            }

            if (ClusterKinds.KindOf(manifest) == ClusterKinds.Definition)
            {
                await WaitAsync(path, name, "is not served", IsServed, timeout, cancellation);
            }
        }

        await output.WriteLineAsync($"{objects.Length} objects, {changed} of them changed.");
    }

    /// <summary>Waits until the control plane and the pods of every node run as described.</summary>
    /// <exception cref="CommandException">They do not in time.</exception>
    public async Task WaitAsync(ImmutableArray<JsonObject> objects, TimeSpan timeout, CancellationToken cancellation)
    {
        foreach (JsonObject manifest in objects)
        {
            string kind = ClusterKinds.KindOf(manifest);
            string name = $"{kind} {ClusterKinds.NameOf(manifest)}";
            Func<JsonObject, bool>? isReady = kind switch
            {
                "StatefulSet" => IsStatefulSetReady,
                "DaemonSet" => IsDaemonSetReady,
                _ => null,
            };
            if (isReady is not null)
            {
                await WaitAsync(ClusterKinds.PathOf(manifest), name, "is not ready", isReady, timeout, cancellation);
                await output.WriteLineAsync($"{name}: ready");
            }
        }
    }

    private async Task<JsonObject> ApplyAsync(string path, string name, JsonObject manifest, CancellationToken cancellation)
    {
        try
        {
            return await cluster.ApplyAsync(path, manifest, Manager, takesOver, cancellation);
        }
        catch (ApiException exception)
        {
            string advice = exception.Code switch
            {
                HttpStatusCode.Forbidden => " Installing needs the rights of a cluster administrator.",
                HttpStatusCode.Conflict => " --force sets it all the same.",
                _ => string.Empty,
            };
            throw new CommandException($"{name}: {exception.Message}{advice}");
        }
    }

    private async Task WaitAsync(
        string path, string name, string otherwise, Func<JsonObject, bool> isThere, TimeSpan timeout, CancellationToken cancellation)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (await cluster.FindAsync(path, cancellation) is not { } present || !isThere(present))
        {
            if (TimeProvider.System.GetElapsedTime(start) > timeout)
            {
                throw new CommandException($"{name} {otherwise} after {timeout.TotalSeconds:0} s. What was applied stays.");
            }

            await Task.Delay(lookInterval, TimeProvider.System, cancellation);
        }
    }

    /// <summary>The namespace and definitions first, what runs last.</summary>
    private static int OrderOf(JsonObject manifest) => ClusterKinds.KindOf(manifest) switch
    {
        "Namespace" => 0,
        ClusterKinds.Definition => 1,
        "StatefulSet" or "DaemonSet" => 3,

        // It leads to the control plane.
        "ValidatingWebhookConfiguration" => 4,
        _ => 2,
    };

    private static bool IsOfOthers(JsonObject present) => ClusterKinds.KindOf(present) == ClusterKinds.Definition
        && present["metadata"]!["labels"]?[Definition.PartOfLabel]?.GetValue<string>() != Definition.PartOf;

    private static string VersionsOf(JsonObject definition) => string.Join(
        ", ",
        definition["spec"]!["versions"]!.AsArray()
            .Where(version => version!["served"]!.GetValue<bool>())
            .Select(version => version!["name"]!.GetValue<string>()));

    private static string? VersionOf(JsonObject? stored) => stored?["metadata"]!["resourceVersion"]?.GetValue<string>();

    private static bool IsServed(JsonObject definition) => (definition["status"]?["conditions"] as JsonArray ?? []).Any(condition =>
        condition!["type"]!.GetValue<string>() == "Established" && condition["status"]!.GetValue<string>() == "True");

    private static bool IsStatefulSetReady(JsonObject stored) => IsObserved(stored)
        && Count(stored["spec"]?["replicas"]) is var wanted
        && Count(stored["status"]!["readyReplicas"]) >= wanted
        && Count(stored["status"]!["updatedReplicas"]) >= wanted;

    private static bool IsDaemonSetReady(JsonObject stored) => IsObserved(stored)
        && Count(stored["status"]!["desiredNumberScheduled"]) is var wanted
        && Count(stored["status"]!["numberReady"]) >= wanted
        && Count(stored["status"]!["updatedNumberScheduled"]) >= wanted;

    /// <summary>Whether the status is about what was written last.</summary>
    private static bool IsObserved(JsonObject stored) =>
        stored["status"]?["observedGeneration"] is { } observed && Count(observed) >= Count(stored["metadata"]!["generation"]);

    private static long Count(JsonNode? node) => node?.GetValue<long>() ?? 0;
}
