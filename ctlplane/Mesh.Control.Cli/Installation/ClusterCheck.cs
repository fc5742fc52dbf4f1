using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Control.Cli.Definitions;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cli.Installation;

/// <summary>Whether a cluster can have the mesh. Reads only; what the user may not read is said and passed over.</summary>
internal sealed class ClusterCheck(KubernetesObjects cluster)
{
    /// <summary>The first that knows the field appArmorProfile.</summary>
    private const int MinorMin = 30;

    private const string Reviews = "apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

    /// <summary>What installing takes, beyond a namespace's own objects.</summary>
    private static readonly (string Verb, string Group, string Resource)[] s_rights =
    [
        ("create", "", "namespaces"),
        ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
        ("create", "rbac.authorization.k8s.io", "clusterroles"),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        ("create", "rbac.authorization.k8s.io", "clusterrolebindings"),
        ("create", "admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("create", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("create", "admissionregistration.k8s.io", "validatingadmissionpolicybindings"),
        ("create", "scheduling.k8s.io", "priorityclasses"),
        ("create", "apps", "daemonsets"),
    ];

    /// <summary>Where other meshes lie as a rule, and what of theirs stands in the way.</summary>
    private static readonly (string Path, string What, string Advice)[] s_others =
    [
        ("apis/apps/v1/namespaces/istio-system/daemonsets/ztunnel", "Istio's ztunnel", OneMeshAdvice),
        ("apis/apps/v1/namespaces/istio-system/daemonsets/istio-cni-node", "Istio's CNI plug-in", OneMeshAdvice),
        ("apis/apps/v1/namespaces/kube-system/daemonsets/istio-cni-node", "Istio's CNI plug-in", OneMeshAdvice),
        ("apis/apps/v1/namespaces/istio-system/deployments/istiod", "Istio's control plane", OneMeshAdvice),
        ("apis/apps/v1/namespaces/linkerd/deployments/linkerd-destination", "Linkerd", OneMeshAdvice),
    ];

    private const string OneMeshAdvice = "A pod can be in one mesh alone: label no namespace for both.";

    /// <exception cref="HttpRequestException">The API server does not answer.</exception>
    public async Task<List<CheckResult>> RunAsync(CancellationToken cancellation)
    {
        var results = new List<CheckResult>();
        await AddAsync(results, "API server", VersionAsync, cancellation);
        await AddAsync(results, "rights", RightsAsync, cancellation);
        await AddAsync(results, "definitions", DefinitionsAsync, cancellation);
        await AddAsync(results, "other meshes", OthersAsync, cancellation);
        await AddAsync(results, "Cilium", CiliumAsync, cancellation);
        await AddAsync(results, "nodes", NodesAsync, cancellation);
        return results;
    }

    private static async Task AddAsync(
        List<CheckResult> results,
        string about,
        Func<CancellationToken, Task<IEnumerable<CheckResult>>> check,
        CancellationToken cancellation)
    {
        try
        {
            results.AddRange(await check(cancellation));
        }
        catch (ApiException exception)
        {
            results.Add(CheckResult.Warn(about, exception.Message, "Ask somebody who may read it to run this."));
        }
    }

    private async Task<IEnumerable<CheckResult>> VersionAsync(CancellationToken cancellation)
    {
        JsonObject? version = await cluster.FindAsync("version", cancellation);
        string text = $"{TextOf(version?["major"])}.{TextOf(version?["minor"])}";

        // Some providers write a plus sign behind it.
        bool isNew = int.TryParse(
            TextOf(version?["minor"]).TrimEnd('+'), NumberStyles.None, CultureInfo.InvariantCulture, out int minor) && minor >= MinorMin;
        return
        [
            isNew
                ? CheckResult.Ok("API server", $"Kubernetes {text}")
                : CheckResult.Fail("API server", $"Kubernetes {text}", $"Upgrade it: manifests need 1.{MinorMin} or newer."),
        ];
    }

    private async Task<IEnumerable<CheckResult>> RightsAsync(CancellationToken cancellation)
    {
        var missing = new List<string>();
        foreach ((string verb, string group, string resource) in s_rights)
        {
            JsonObject? answer = await cluster.CreateAsync(
                Reviews,
                new JsonObject
                {
                    ["apiVersion"] = "authorization.k8s.io/v1",
                    ["kind"] = "SelfSubjectAccessReview",
                    ["spec"] = new JsonObject
                    {
                        ["resourceAttributes"] = new JsonObject { ["verb"] = verb, ["group"] = group, ["resource"] = resource },
                    },
                },
                cancellation);
            if (answer?["status"]?["allowed"]?.GetValue<bool>() != true)
            {
                missing.Add($"{verb} {resource}");
            }
        }

        return
        [
            missing.Count == 0
                ? CheckResult.Ok("rights", "all that installing takes")
                : CheckResult.Fail("rights", $"not allowed: {string.Join(", ", missing)}", "Install as a cluster administrator."),
        ];
    }

    private async Task<IEnumerable<CheckResult>> DefinitionsAsync(CancellationToken cancellation)
    {
        var results = new List<CheckResult>();
        int absent = 0;
        foreach (Definition definition in Kinds.All)
        {
            JsonObject? present = await cluster.FindAsync(
                $"apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition.Name}", cancellation);
            if (present is null)
            {
                absent++;
            }
            else if (!Served(present).Intersect(definition.Versions, StringComparer.Ordinal).Any())
            {
                results.Add(CheckResult.Fail(
                    definition.Name,
                    $"there already, with {string.Join(", ", Served(present))}",
                    $"Its objects are not seen; upgrade it to one that serves {string.Join(" or ", definition.Versions)}."));
            }
            else if (present["metadata"]?["labels"]?[Definition.PartOfLabel]?.GetValue<string>() != Definition.PartOf)
            {
                results.Add(CheckResult.Ok(definition.Name, $"there already, with {string.Join(", ", Served(present))}; left as it is"));
            }
        }

        return results.Prepend(CheckResult.Ok("definitions", $"{absent} of {Kinds.All.Length} will be installed"));
    }

    private async Task<IEnumerable<CheckResult>> OthersAsync(CancellationToken cancellation)
    {
        var results = new List<CheckResult>();
        foreach ((string path, string what, string advice) in s_others)
        {
            if (await cluster.FindAsync(path, cancellation) is not null)
            {
                results.Add(CheckResult.Warn("other meshes", $"{what} is there", advice));
            }
        }

        return results.Count == 0 ? [CheckResult.Ok("other meshes", "none found")] : results;
    }

    private async Task<IEnumerable<CheckResult>> CiliumAsync(CancellationToken cancellation)
    {
        JsonObject? settings = await cluster.FindAsync("api/v1/namespaces/kube-system/configmaps/cilium-config", cancellation);
        if (settings?["data"] is not JsonObject data)
        {
            return [];
        }

        var results = new List<CheckResult>();
        if (TextOf(data["cni-exclusive"]) == "true")
        {
            results.Add(CheckResult.Fail(
                "Cilium", "cni-exclusive is true: it takes other plug-ins out of the nodes' configuration", "Set cni.exclusive=false."));
        }

        if (TextOf(data["kube-proxy-replacement"]) is "true" or "strict" && TextOf(data["bpf-lb-sock-hostns-only"]) != "true")
        {
            results.Add(CheckResult.Warn(
                "Cilium",
                "it chooses endpoints of services inside pods' sockets, so the mesh sees connections to endpoints and not to services",
                "Set socketLB.hostNamespaceOnly=true."));
        }

        return results.Count == 0 ? [CheckResult.Ok("Cilium", "set as the mesh needs it")] : results;
    }

    private async Task<IEnumerable<CheckResult>> NodesAsync(CancellationToken cancellation)
    {
        JsonObject? list = await cluster.FindAsync("api/v1/nodes", cancellation);
        JsonObject[] infos = [.. (list?["items"] as JsonArray ?? []).Select(node => node!["status"]?["nodeInfo"]).OfType<JsonObject>()];
        JsonObject[] linux = [.. infos.Where(info => TextOf(info["operatingSystem"]) == "linux")];
        string kernels = string.Join(", ", linux.Select(info => TextOf(info["kernelVersion"])).Distinct());
        return linux.Length == 0
            ? [CheckResult.Fail("nodes", "none of them runs Linux", "The mesh runs on nodes of Linux alone.")]
            : [
                CheckResult.Ok("nodes", $"{linux.Length} of Linux, kernels {kernels}"),
                .. infos.Length > linux.Length
                    ? [CheckResult.Warn("nodes", $"{infos.Length - linux.Length} of another system", "Their pods are not in the mesh.")]
                    : (CheckResult[])[],
            ];
    }

    private static IEnumerable<string> Served(JsonObject definition) => definition["spec"]!["versions"]!.AsArray()
        .Where(version => version!["served"]!.GetValue<bool>()).Select(version => TextOf(version!["name"]));

    private static string TextOf(JsonNode? node) => node?.GetValue<string>() ?? string.Empty;
}
