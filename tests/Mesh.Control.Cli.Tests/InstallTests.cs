using System.Text.Json.Nodes;
using Mesh.Control.Cli.Definitions;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>What meshctl install brings into a cluster is what kustomize makes of deploy/daemonset, and nothing of others is touched.</summary>
public sealed class InstallTests
{
    private const string DefinitionKind = "CustomResourceDefinition";

    /// <summary>Those that are installed and that the test's API server does not have by itself.</summary>
    private static readonly ApiResource[] s_others =
    [
        new("apiextensions.k8s.io", "v1", "customresourcedefinitions", DefinitionKind, IsNamespaced: false),
        new("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", IsNamespaced: false),
        new("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", IsNamespaced: false),
        new("rbac.authorization.k8s.io", "v1", "roles", "Role"),
        new("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
        new("admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", IsNamespaced: false),
        new("admissionregistration.k8s.io", "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", IsNamespaced: false),
        new("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", IsNamespaced: false),
        new("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
        new(string.Empty, "v1", "resourcequotas", "ResourceQuota"),
        new("apps", "v1", "statefulsets", "StatefulSet"),
        new("apps", "v1", "daemonsets", "DaemonSet"),
    ];

    [Fact]
    public async Task It_prints_what_kustomize_makes_of_the_folder()
    {
        CliResult printed = await Cli.RunAsync("install", "--dry-run");
        Assert.Equal(ExitCode.Fine, printed.Code);

        Dictionary<string, JsonObject> own = ByName(YamlManifests.Read(printed.Output));
        Dictionary<string, JsonObject> theirs = ByName(await Kustomize.BuildAsync("deploy/daemonset"));

        Assert.Equal(theirs.Keys.Order(StringComparer.Ordinal), own.Keys.Order(StringComparer.Ordinal));
        Assert.All(theirs, entry => Assert.True(
            JsonNode.DeepEquals(entry.Value, own[entry.Key]), $"{entry.Key}:\n{entry.Value}\n{own[entry.Key]}"));
    }

    [Fact]
    public async Task Images_are_of_the_place_and_tag_that_are_said()
    {
        CliResult printed = await Cli.RunAsync("install", "--dry-run", "-o", "json", "--registry", "r.example:5000/mesh/", "--tag", "7.8.9");

        Assert.Equal(
            ["r.example:5000/mesh/mesh-control:7.8.9", "r.example:5000/mesh/mesh-node-agent:7.8.9", "r.example:5000/mesh/mesh-node:7.8.9"],
            JsonNode.Parse(printed.Output)!["items"]!.AsArray()
                .SelectMany(manifest => manifest!["spec"]?["template"]?["spec"]?["containers"]?.AsArray() ?? [])
                .Select(container => container!["image"]!.GetValue<string>())
                .Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("--registry", "Not A Place")]
    [InlineData("--tag", "a:b")]
    [InlineData("--timeout", "-1")]
    public async Task What_cannot_be_is_refused_before_anything_is_done(string option, string value) =>
        Assert.Equal(ExitCode.Usage, (await Cli.RunAsync("install", option, value)).Code);

    [Fact]
    public async Task All_of_it_is_applied_and_again_without_a_change()
    {
        await using ApiServer server = await StartAsync();

        CliResult first = await InstallAsync(server, "--timeout", "0");
        CliResult second = await InstallAsync(server, "--timeout", "0");

        Assert.Equal((ExitCode.Fine, ""), (first.Code, first.Errors));
        Assert.Contains("StatefulSet mesh-control: created", first.Output, StringComparison.Ordinal);
        Assert.Contains("DaemonSet mesh-node-proxy: created", first.Output, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Fine, ""), (second.Code, second.Errors));
        Assert.Contains(", 0 of them changed.", second.Output, StringComparison.Ordinal);
        Assert.Equal(3, server.Of("ServiceAccount").List().Items.Count);
    }

    [Fact]
    public async Task Definitions_of_others_stay_and_are_named()
    {
        await using ApiServer server = await StartAsync();
        JsonObject theirs = DefinitionOf("virtualservices.networking.istio.io");
        theirs["metadata"]!.AsObject().Remove("labels");
        theirs["spec"]!["versions"]!.AsArray().RemoveAt(2);
        server.Of(DefinitionKind).Put(theirs);

        CliResult result = await InstallAsync(server, "--timeout", "0");

        Assert.Contains(
            $"{DefinitionKind} virtualservices.networking.istio.io: left as it is; it is not of this mesh. It serves v1, v1beta1.",
            result.Output,
            StringComparison.Ordinal);
        JsonObject after = server.Of(DefinitionKind).List().Items.Single(
            stored => stored["metadata"]!["name"]!.GetValue<string>() == "virtualservices.networking.istio.io");
        Assert.Null(after["metadata"]!["labels"]);
        Assert.Equal(2, after["spec"]!["versions"]!.AsArray().Count);
    }

    [Fact]
    public async Task It_is_waited_until_all_is_ready()
    {
        await using ApiServer server = await StartAsync();
        await InstallAsync(server, "--timeout", "0");

        CliResult early = await InstallAsync(server, "--timeout", "1");
        Say(server, "StatefulSet", "mesh-control", """{"observedGeneration": 1, "readyReplicas": 2, "updatedReplicas": 2}""");
        foreach (string name in new[] { "mesh-node-agent", "mesh-node-proxy" })
        {
            Say(server, "DaemonSet", name, """
                {"observedGeneration": 1, "desiredNumberScheduled": 3, "numberReady": 3, "updatedNumberScheduled": 3}
                """);
        }

        CliResult ready = await InstallAsync(server);

        Assert.Equal(ExitCode.Failed, early.Code);
        Assert.Contains("StatefulSet mesh-control is not ready after 1 s.", early.Errors, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Fine, ""), (ready.Code, ready.Errors));
        Assert.Contains("DaemonSet mesh-node-proxy: ready", ready.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_refused_is_said_by_its_name()
    {
        await using ApiServer server = await StartAsync();
        server.Fault(
            target => target.Contains("/clusterroles/mesh-control?fieldManager", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 403, "Forbidden", "user cannot patch clusterroles"));

        CliResult result = await InstallAsync(server);

        Assert.Equal(ExitCode.Failed, result.Code);
        Assert.Contains(
            "ClusterRole mesh-control: 403: user cannot patch clusterroles Installing needs the rights of a cluster administrator.",
            result.Errors,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_others_have_set_is_a_conflict_until_it_is_forced()
    {
        await using ApiServer server = await StartAsync();
        server.FaultWhile(
            () => true,
            target => target.Contains("/configmaps/mesh-node?fieldManager=meshctl&force=false", StringComparison.Ordinal),
            context => ApiServer.FailAsync(context, 409, "Conflict", "conflict with \"kubectl-edit\": .data.node.json"));

        CliResult refused = await InstallAsync(server);
        CliResult forced = await InstallAsync(server, "--force", "--timeout", "0");

        Assert.Equal(ExitCode.Failed, refused.Code);
        Assert.Contains(
            "ConfigMap mesh-node: 409: conflict with \"kubectl-edit\": .data.node.json --force sets it all the same.",
            refused.Errors,
            StringComparison.Ordinal);
        Assert.Equal((ExitCode.Fine, ""), (forced.Code, forced.Errors));
    }

    private static async Task<ApiServer> StartAsync()
    {
        ApiServer server = await ApiServer.StartAsync();
        foreach (ApiResource resource in s_others)
        {
            server.Define(resource);
        }

        // As if it had been installed before: nobody compiles definitions here.
        foreach (Definition definition in Kinds.All)
        {
            server.Of(DefinitionKind).Put(DefinitionOf(definition.Name));
        }

        return server;
    }

    private static JsonObject DefinitionOf(string name)
    {
        JsonObject definition = Kinds.All.Single(known => known.Name == name).ToJson();
        definition["status"] = JsonNode.Parse("""{"conditions": [{"type": "Established", "status": "True"}]}""");
        return definition;
    }

    private static void Say(ApiServer server, string kind, string name, string status)
    {
        JsonObject stored = server.Of(kind).List().Items.Single(item => item["metadata"]!["name"]!.GetValue<string>() == name);
        var changed = (JsonObject)stored.DeepClone();
        changed["status"] = JsonNode.Parse(status);
        server.Of(kind).Put(changed);
    }

    private static Task<CliResult> InstallAsync(ApiServer server, params string[] options) =>
        Cli.RunAsync(["install", "--kubeconfig", server.Kubeconfig, .. options]);

    private static Dictionary<string, JsonObject> ByName(List<JsonObject> objects) => objects.ToDictionary(
        manifest => $"{manifest["kind"]} {manifest["metadata"]!["namespace"]}/{manifest["metadata"]!["name"]}", StringComparer.Ordinal);
}
