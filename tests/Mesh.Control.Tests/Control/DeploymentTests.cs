using System.Net;
using System.Text.Json.Nodes;
using Mesh.Control.Commands;
using Mesh.Control.Sources.Kubernetes;
using Mesh.Control.Tests.Support;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>The manifests of deploy/daemonset say what the code takes, and fit each other.</summary>
public sealed class DeploymentTests
{
    private static readonly Dictionary<string, JsonObject> s_objects = Resources()
        .SelectMany(file => YamlManifests.Read(File.ReadAllText(Path.Combine(Folder, file))))
        .ToDictionary(manifest => $"{Text(manifest, "kind")} {Text(manifest, "metadata", "name")}", StringComparer.Ordinal);

    /// <summary>Verbs, resource and names, apart from what is followed.</summary>
    private static readonly string[] s_othersAllowed =
    [
        "create tokenreviews.authentication.k8s.io",
        "get pods",
        "list watch configmaps istio",
    ];

    private static string Folder => Path.Combine(DocumentedTables.Root, "deploy", "daemonset");

    private static JsonObject Deployment => s_objects["Deployment mesh-control"];

    private static JsonObject Pod => At(Deployment, "spec", "template", "spec").AsObject();

    private static JsonObject Container => Assert.Single(At(Pod, "containers").AsArray())!.AsObject();

    [Fact]
    public void Every_manifest_of_the_folder_is_applied()
    {
        IEnumerable<string> files = Directory.GetFiles(Folder, "*.yaml").Select(path => Path.GetFileName(path)!);

        Assert.Equal(files.Where(file => file != "kustomization.yaml").Order(), Resources().Order());
        Assert.All(s_objects.Values, manifest => Assert.NotEmpty(Text(manifest, "apiVersion")));
    }

    [Fact]
    public void It_may_read_what_it_follows_and_write_what_it_writes_and_nothing_else()
    {
        var followed = new SortedSet<string>(StringComparer.Ordinal);
        var others = new SortedSet<string>(StringComparer.Ordinal);
        foreach (JsonNode? rule in At(s_objects["ClusterRole mesh-control"], "rules").AsArray())
        {
            string group = Assert.Single(Texts(rule!, "apiGroups"));
            IEnumerable<string> resources = Texts(rule!, "resources").Select(plural => group.Length == 0 ? plural : $"{plural}.{group}");
            string[] verbs = [.. Texts(rule!, "verbs").Order()];
            if (rule!["resourceNames"] is null && verbs.SequenceEqual(["list", "watch"]))
            {
                followed.UnionWith(resources);
            }
            else
            {
                string names = rule["resourceNames"] is null ? string.Empty : $" {string.Join(' ', Texts(rule, "resourceNames"))}";
                others.UnionWith(resources.Select(resource => $"{string.Join(' ', verbs)} {resource}{names}"));
            }
        }

        Assert.Equal(WatchedKinds.All.Select(kind => kind.Resource).Order(StringComparer.Ordinal), followed);
        Assert.Equal(s_othersAllowed.Order(StringComparer.Ordinal), others);
    }

    [Fact]
    public void The_role_is_bound_to_the_account_the_pod_runs_as()
    {
        JsonObject binding = s_objects["ClusterRoleBinding mesh-control"];
        JsonNode subject = Assert.Single(At(binding, "subjects").AsArray())!;

        Assert.Equal("ClusterRole mesh-control", $"{Text(binding, "roleRef", "kind")} {Text(binding, "roleRef", "name")}");
        Assert.Equal(Text(Pod, "serviceAccountName"), Text(subject, "name"));
        Assert.Equal(Text(Deployment, "metadata", "namespace"), Text(subject, "namespace"));
        Assert.Contains($"PriorityClass {Text(Pod, "priorityClassName")}", s_objects.Keys);
        Assert.Contains($"ServiceAccount {Text(subject, "name")}", s_objects.Keys);
        Assert.Contains($"Namespace {Text(subject, "namespace")}", s_objects.Keys);
    }

    [Fact]
    public void The_arguments_are_options_and_the_state_lies_in_the_volume()
    {
        (ServeOptions? options, IReadOnlyList<string> problems) = ServeOptions.Read(
            Arguments.Of([.. Texts(Container, "args")], "--kubernetes"));

        Assert.Empty(problems);
        Assert.Equal(new KubernetesOptions(ConfigurationFile: null, Context: null), options!.Kubernetes);
        JsonNode mount = Assert.Single(At(Container, "volumeMounts").AsArray())!;
        Assert.StartsWith($"{Text(mount, "mountPath")}/", options.StateDirectory, StringComparison.Ordinal);
        JsonNode volume = Assert.Single(At(Pod, "volumes").AsArray())!;
        Assert.Equal(Text(mount, "name"), Text(volume, "name"));
        Assert.Contains($"PersistentVolumeClaim {Text(volume, "persistentVolumeClaim", "claimName")}", s_objects.Keys);
        Assert.Equal(
            [options.Listen.Port, options.Admin.Port],
            At(Container, "ports").AsArray().Select(port => At(port!, "containerPort").GetValue<long>()));
        Assert.Equal(IPAddress.IPv6Any, options.Listen.Address);
        Assert.Contains($"mesh-control.{Text(Deployment, "metadata", "namespace")}.svc", options.ServerNames);
    }

    [Fact]
    public void Selectors_select_the_pod_and_ports_lead_to_it()
    {
        JsonObject labels = At(Deployment, "spec", "template", "metadata", "labels").AsObject();
        JsonObject service = s_objects["Service mesh-control"];
        JsonObject policy = s_objects["NetworkPolicy mesh-control"];
        JsonNode[] selectors =
        [
            At(Deployment, "spec", "selector", "matchLabels"),
            At(service, "spec", "selector"),
            At(policy, "spec", "podSelector", "matchLabels"),
        ];
        Assert.All(selectors, selector => Assert.All(
            selector.AsObject(), wanted => Assert.Equal(wanted.Value!.GetValue<string>(), Text(labels, wanted.Key))));

        JsonNode port = Assert.Single(At(service, "spec", "ports").AsArray())!;
        long[] discovery =
        [
            .. At(Container, "ports").AsArray()
                .Where(known => Text(known!, "name") == Text(port, "targetPort"))
                .Select(known => At(known!, "containerPort").GetValue<long>()),
        ];
        Assert.Equal([At(port, "port").GetValue<long>()], discovery);
        JsonNode open = Assert.Single(At(Assert.Single(At(policy, "spec", "ingress").AsArray())!, "ports").AsArray())!;
        Assert.Equal(discovery[0], At(open, "port").GetValue<long>());
    }

    [Fact]
    public async Task Probes_ask_for_pages_there_are()
    {
        await using var control = new TestControlPlane { AllowsEmpty = true };
        await control.StartAsync();
        await control.WaitUntilReadyAsync();
        foreach (string probe in new[] { "startupProbe", "livenessProbe", "readinessProbe" })
        {
            Assert.Equal("admin", Text(Container, probe, "httpGet", "port"));
            Assert.Equal(HttpStatusCode.OK, (await control.AdminAsync(Text(Container, probe, "httpGet", "path"))).Status);
        }
    }

    [Fact]
    public void It_has_no_privileges_and_its_image_is_named_by_the_kustomization()
    {
        Assert.True(At(Pod, "securityContext", "runAsNonRoot").GetValue<bool>());
        Assert.Equal("OnRootMismatch", Text(Pod, "securityContext", "fsGroupChangePolicy"));
        Assert.Equal("RuntimeDefault", Text(Pod, "securityContext", "seccompProfile", "type"));
        Assert.True(At(Container, "securityContext", "readOnlyRootFilesystem").GetValue<bool>());
        Assert.False(At(Container, "securityContext", "allowPrivilegeEscalation").GetValue<bool>());
        Assert.Equal(["ALL"], Texts(At(Container, "securityContext", "capabilities"), "drop"));
        Assert.Contains(Text(Container, "image"), At(Kustomization(), "images").AsArray().Select(image => Text(image!, "name")));
    }

    private static JsonObject Kustomization() =>
        Assert.Single(YamlManifests.Read(File.ReadAllText(Path.Combine(Folder, "kustomization.yaml"))));

    private static IEnumerable<string> Resources() => Texts(Kustomization(), "resources");

    private static JsonNode At(JsonNode node, params string[] path) => path.Aggregate(node, (at, name) =>
        at[name] ?? throw new InvalidOperationException($"{name} of {string.Join('.', path)} is missing."));

    private static string Text(JsonNode node, params string[] path) => At(node, path).GetValue<string>();

    private static IEnumerable<string> Texts(JsonNode node, string name) =>
        At(node, name).AsArray().Select(text => text!.GetValue<string>());
}
