using System.Text.Json.Nodes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>What kustomize makes of the folders beside deploy/daemonset is what their first lines say.</summary>
public sealed class OverlayTests
{
    private static readonly string[] s_runs = ["StatefulSet", "DaemonSet"];

    public static TheoryData<string> Overlays =>
    [
        .. Directory.GetDirectories(Path.Combine(Cli.Repository, "deploy", "overlays"))
            .Select(path => $"deploy/overlays/{Path.GetFileName(path)}").Order(StringComparer.Ordinal),
    ];

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Every_overlay_is_the_mesh_with_no_more_rights_than_it_has(string folder)
    {
        JsonObject[] pods = [.. (await Kustomize.BuildAsync(folder)).Where(IsRun).Select(PodOf)];

        Assert.Equal(3, pods.Length);
        Assert.All(pods, pod => Assert.Equal("RuntimeDefault", Text(pod, "securityContext", "seccompProfile", "type")));
        Assert.All(pods.SelectMany(pod => At(pod, "containers").AsArray()), container =>
        {
            Assert.True(At(container!, "securityContext", "readOnlyRootFilesystem").GetValue<bool>());
            Assert.Equal("ALL", Assert.Single(At(container!, "securityContext", "capabilities", "drop").AsArray())!.GetValue<string>());
            Assert.NotEmpty(At(container!, "resources", "requests").AsObject());
        });
    }

    [Fact]
    public async Task Production_has_three_replicas_apart_of_which_two_stay()
    {
        List<JsonObject> objects = await Kustomize.BuildAsync("deploy/overlays/production-ha");
        JsonObject control = objects.Single(manifest => Text(manifest, "kind") == "StatefulSet");

        Assert.Equal(3, At(control, "spec", "replicas").GetValue<long>());
        JsonNode apart = Assert.Single(
            At(PodOf(control), "affinity", "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution").AsArray())!;
        Assert.Equal("kubernetes.io/hostname", Text(apart, "topologyKey"));
        Assert.True(JsonNode.DeepEquals(
            At(control, "spec", "selector", "matchLabels"), At(apart, "labelSelector", "matchLabels")));
        Assert.Equal(
            2, At(objects.Single(manifest => Text(manifest, "kind") == "PodDisruptionBudget"), "spec", "minAvailable").GetValue<long>());
    }

    [Fact]
    public async Task Development_has_one_replica_without_a_volume_that_nothing_holds()
    {
        List<JsonObject> objects = await Kustomize.BuildAsync("deploy/overlays/dev");
        JsonObject control = objects.Single(manifest => Text(manifest, "kind") == "StatefulSet");

        Assert.Equal(1, At(control, "spec", "replicas").GetValue<long>());
        Assert.Null(control["spec"]!["volumeClaimTemplates"]);
        Assert.Equal(
            Text(At(PodOf(control), "containers")[0]!["volumeMounts"]![0]!, "name"), Text(At(PodOf(control), "volumes")[0]!, "name"));
        Assert.DoesNotContain(objects, manifest => Text(manifest, "kind") == "PodDisruptionBudget");
    }

    [Fact]
    public async Task Istios_name_leads_to_the_control_plane_which_answers_to_it()
    {
        List<JsonObject> objects = await Kustomize.BuildAsync("deploy/overlays/istio-compatible");
        JsonObject istiod = objects.Single(manifest => Text(manifest, "metadata", "name") == "istiod");
        JsonObject own = objects.Single(
            manifest => Text(manifest, "kind") == "Service" && Text(manifest, "metadata", "name") == "mesh-control");

        Assert.Equal("istio-system", Text(istiod, "metadata", "namespace"));
        Assert.Equal(
            $"{Text(own, "metadata", "name")}.{Text(own, "metadata", "namespace")}.svc.cluster.local", Text(istiod, "spec", "externalName"));
        Assert.Equal(At(own, "spec", "ports")[0]!["port"]!.GetValue<long>(), At(istiod, "spec", "ports")[0]!["port"]!.GetValue<long>());
        JsonObject control = objects.Single(manifest => Text(manifest, "kind") == "StatefulSet");
        string[] arguments =
            [.. At(PodOf(control), "containers")[0]!["args"]!.AsArray().Select(argument => argument!.GetValue<string>())];
        Assert.Contains("--server-name=istiod.istio-system.svc", arguments);
        Assert.Contains("--server-name=mesh-control.mesh-node.svc", arguments);
    }

    [Fact]
    public async Task Beside_definitions_of_others_there_is_our_own_kind_alone() => Assert.Equal(
        ["ratelimits.mesh-node.io"],
        (await Kustomize.BuildAsync("deploy/overlays/existing-definitions"))
            .Where(manifest => Text(manifest, "kind") == "CustomResourceDefinition")
            .Select(manifest => Text(manifest, "metadata", "name")));

    [Fact]
    public async Task Prometheus_finds_the_port_of_the_proxies()
    {
        JsonObject monitor = Assert.Single(YamlManifests.Read(await File.ReadAllTextAsync(
            Path.Combine(Cli.Repository, "deploy/components/monitoring/pod-monitor.yaml"), TestContext.Current.CancellationToken)));
        JsonObject[] selected =
        [
            .. (await Kustomize.BuildAsync("deploy/daemonset")).Where(IsRun).Where(manifest => At(monitor, "spec", "selector", "matchLabels")
                .AsObject().All(label => At(manifest, "spec", "template", "metadata", "labels")[label.Key]?.GetValue<string>()
                    == label.Value!.GetValue<string>())),
        ];

        Assert.Equal("mesh-node-proxy", Text(Assert.Single(selected), "metadata", "name"));
        Assert.Contains(
            Text(At(monitor, "spec", "podMetricsEndpoints")[0]!, "port"),
            At(PodOf(selected[0]), "containers")[0]!["ports"]!.AsArray().Select(port => Text(port!, "name")));
    }

    /// <summary>On GKE and wherever priority classes are limited, such pods start only where a quota of their namespace has them.</summary>
    [Fact]
    public async Task The_quota_lets_the_pods_of_nodes_have_their_priority()
    {
        List<JsonObject> objects = await Kustomize.BuildAsync("deploy/daemonset");
        JsonNode scope = Assert.Single(At(
            objects.Single(manifest => Text(manifest, "kind") == "ResourceQuota"), "spec", "scopeSelector", "matchExpressions").AsArray())!;

        Assert.Equal(("PriorityClass", "In"), (Text(scope, "scopeName"), Text(scope, "operator")));
        Assert.Equal(
            objects.Where(manifest => Text(manifest, "kind") == "DaemonSet").Select(manifest => Text(PodOf(manifest), "priorityClassName"))
                .Distinct(),
            At(scope, "values").AsArray().Select(value => value!.GetValue<string>()));
    }

    [Fact]
    public async Task Nothing_is_wrong_with_the_sample()
    {
        CliResult result = await Cli.RunAsync("analyze", Path.Combine(Cli.Repository, "deploy/sample"), "--failure-threshold", "info");

        Assert.True(result.Code == ExitCode.Fine, result.Output + result.Errors);
        Assert.NotEmpty(await Kustomize.BuildAsync("deploy/sample"));
    }

    private static bool IsRun(JsonObject manifest) => s_runs.Contains(Text(manifest, "kind"), StringComparer.Ordinal);

    private static JsonObject PodOf(JsonObject manifest) => At(manifest, "spec", "template", "spec").AsObject();

    private static JsonNode At(JsonNode node, params string[] path) => path.Aggregate(node, (at, name) =>
        at[name] ?? throw new InvalidOperationException($"{name} of {string.Join('.', path)} is missing."));

    private static string Text(JsonNode node, params string[] path) => At(node, path).GetValue<string>();
}
