using System.Net;
using System.Text.Json.Nodes;
using Mesh.Control.Cluster;
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
        .Where(resource => resource != Definitions)
        .SelectMany(file => YamlManifests.Read(File.ReadAllText(Path.Combine(Folder, file))))
        .ToDictionary(manifest => $"{Text(manifest, "kind")} {Text(manifest, "metadata", "name")}", StringComparer.Ordinal);

    /// <summary>A folder of its own, which the tests of meshctl hold.</summary>
    private const string Definitions = "../crds";

    /// <summary>Verbs, resource and names, apart from what is followed.</summary>
    private static readonly string[] s_othersAllowed =
    [
        "create configmaps",
        "create tokenreviews.authentication.k8s.io",
        "get pods",
        $"get update configmaps {ReadOptions().RootBundle}",
        "get update validatingwebhookconfigurations.admissionregistration.k8s.io mesh-control",
        "list watch configmaps istio",
    ];

    private static string Folder => Path.Combine(DocumentedTables.Root, "deploy", "daemonset");

    private static JsonObject Replicas => s_objects["StatefulSet mesh-control"];

    private static JsonObject Pod => At(Replicas, "spec", "template", "spec").AsObject();

    private static JsonObject Container => Assert.Single(At(Pod, "containers").AsArray())!.AsObject();

    [Fact]
    public void Every_manifest_of_the_folder_is_applied()
    {
        IEnumerable<string> files = Directory.GetFiles(Folder, "*.yaml").Select(path => Path.GetFileName(path)!);

        Assert.Equal(
            files.Where(file => file != "kustomization.yaml").Append(Definitions).Order(StringComparer.Ordinal),
            Resources().Order(StringComparer.Ordinal));
        Assert.All(s_objects.Values, manifest => Assert.NotEmpty(Text(manifest, "apiVersion")));
    }

    [Fact]
    public void It_may_read_what_it_follows_and_write_what_it_writes_and_nothing_else()
    {
        var followed = new SortedSet<string>(StringComparer.Ordinal);
        var others = new SortedSet<string>(StringComparer.Ordinal);
        foreach (JsonNode? rule in At(s_objects["ClusterRole mesh-control"], "rules").AsArray())
        {
            if (rule!["resourceNames"] is null && Texts(rule, "verbs").Order().SequenceEqual(["list", "watch"]))
            {
                followed.UnionWith(Resources(rule));
            }
            else
            {
                others.UnionWith(Allowed(rule));
            }
        }

        Assert.Equal(WatchedKinds.All.Select(kind => kind.Resource).Order(StringComparer.Ordinal), followed);
        Assert.Equal(
            s_othersAllowed
                .Concat(WantedStatus.Kinds.Select(kind => $"get {kind.Resource}"))
                .Concat(WantedStatus.Kinds.Select(kind => $"update {kind.Plural}/status.{kind.Group}"))
                .Order(StringComparer.Ordinal),
            others);
    }

    [Fact]
    public void In_its_own_namespace_it_may_write_the_lease_and_the_secret_and_nothing_else()
    {
        JsonObject role = s_objects["Role mesh-control"];

        Assert.Equal(
            [
                "create leases.coordination.k8s.io",
                "create secrets",
                $"get update leases.coordination.k8s.io {LeaderElection.LeaseName}",
                $"get update secrets {SharedState.SecretName}",
            ],
            At(role, "rules").AsArray().SelectMany(rule => Allowed(rule!)).Order(StringComparer.Ordinal));
        Assert.Equal(Text(Replicas, "metadata", "namespace"), Text(role, "metadata", "namespace"));
        Assert.Equal("Role mesh-control", string.Join(' ', new[] { "kind", "name" }.Select(
            field => Text(s_objects["RoleBinding mesh-control"], "roleRef", field))));
    }

    [Fact]
    public void Several_replicas_share_their_state_and_are_not_all_taken_away()
    {
        Assert.True(At(Replicas, "spec", "replicas").GetValue<long>() > 1);
        Assert.True(ReadOptions().IsWriting);
        Assert.Equal(Text(Replicas, "metadata", "namespace"), ReadOptions().OwnNamespace);
        Assert.Contains($"Service {Text(Replicas, "spec", "serviceName")}", s_objects.Keys);
        Assert.Equal(1, At(s_objects["PodDisruptionBudget mesh-control"], "spec", "minAvailable").GetValue<long>());
    }

    [Fact]
    public void The_role_is_bound_to_the_account_the_pod_runs_as()
    {
        JsonObject binding = s_objects["ClusterRoleBinding mesh-control"];
        JsonNode subject = Assert.Single(At(binding, "subjects").AsArray())!;

        Assert.Equal("ClusterRole mesh-control", $"{Text(binding, "roleRef", "kind")} {Text(binding, "roleRef", "name")}");
        Assert.Equal(Text(Pod, "serviceAccountName"), Text(subject, "name"));
        Assert.Equal(Text(Replicas, "metadata", "namespace"), Text(subject, "namespace"));
        Assert.Contains($"PriorityClass {Text(Pod, "priorityClassName")}", s_objects.Keys);
        Assert.Contains($"ServiceAccount {Text(subject, "name")}", s_objects.Keys);
        Assert.Contains($"Namespace {Text(subject, "namespace")}", s_objects.Keys);
    }

    [Fact]
    public void The_arguments_are_options_and_the_state_lies_in_the_volume()
    {
        ServeOptions options = ReadOptions();
        Assert.Equal(new KubernetesOptions(ConfigurationFile: null, Context: null), options.Kubernetes);
        JsonNode mount = Assert.Single(At(Container, "volumeMounts").AsArray())!;
        Assert.StartsWith($"{Text(mount, "mountPath")}/", options.StateDirectory, StringComparison.Ordinal);
        JsonNode volume = Assert.Single(At(Replicas, "spec", "volumeClaimTemplates").AsArray())!;
        Assert.Equal(Text(mount, "name"), Text(volume, "metadata", "name"));
        Assert.Equal(
            [options.Listen.Port, options.Admin.Port, options.Webhook!.Port],
            At(Container, "ports").AsArray().Select(port => At(port!, "containerPort").GetValue<long>()));
        Assert.Equal(IPAddress.IPv6Any, options.Listen.Address);
        Assert.Contains($"mesh-control.{Text(Replicas, "metadata", "namespace")}.svc", options.ServerNames);
    }

    [Fact]
    public void The_proxy_mounts_the_roots_that_are_put_there_and_no_other_meshs()
    {
        string[] mounted =
        [
            .. At(s_objects["DaemonSet mesh-node-proxy"], "spec", "template", "spec", "volumes").AsArray()
                .Where(volume => Text(volume!, "name") == "root")
                .Select(volume => Text(volume!, "configMap", "name")),
        ];

        Assert.Equal([ReadOptions().RootBundle], mounted);
        Assert.Equal("mesh-node-root-cert", ReadOptions().RootBundle);
        Assert.Contains(
            $"`{ReadOptions().RootBundle}`", File.ReadAllText(Path.Combine(Folder, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_page_does_to_all_namespaces_touches_no_label_of_other_meshes()
    {
        string[] commands =
        [
            .. File.ReadLines(Path.Combine(Folder, "README.md"))
                .Where(line => line.StartsWith("kubectl label namespace --all ", StringComparison.Ordinal)),
        ];

        Assert.NotEmpty(commands);
        Assert.All(
            commands.SelectMany(command => command.Split(' ')[4..]).Where(word => word != "--overwrite"),
            label => Assert.StartsWith("mesh-node.io/", label, StringComparison.Ordinal));
    }

    [Fact]
    public void Selectors_select_the_pod_and_ports_lead_to_it()
    {
        JsonObject labels = At(Replicas, "spec", "template", "metadata", "labels").AsObject();
        JsonObject service = s_objects["Service mesh-control"];
        JsonObject policy = s_objects["NetworkPolicy mesh-control"];
        JsonNode[] selectors =
        [
            At(Replicas, "spec", "selector", "matchLabels"),
            At(service, "spec", "selector"),
            At(s_objects["Service mesh-control-replicas"], "spec", "selector"),
            At(s_objects["PodDisruptionBudget mesh-control"], "spec", "selector", "matchLabels"),
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
        Assert.Equal(
            [discovery[0], ReadOptions().Webhook!.Port],
            At(Assert.Single(At(policy, "spec", "ingress").AsArray())!, "ports").AsArray().Select(open => At(open!, "port").GetValue<long>()));
    }

    [Fact]
    public void What_is_told_of_itself_is_validated_before_at_the_port_there_is_and_let_through_without_it()
    {
        JsonNode webhook = Assert.Single(At(s_objects["ValidatingWebhookConfiguration mesh-control"], "webhooks").AsArray())!;
        JsonObject service = s_objects[$"Service {Text(webhook, "clientConfig", "service", "name")}"];
        JsonNode port = Assert.Single(At(service, "spec", "ports").AsArray())!;

        Assert.Equal("Ignore", Text(webhook, "failurePolicy"));
        Assert.Equal("None", Text(webhook, "sideEffects"));
        Assert.Equal(
            WantedStatus.Kinds.Select(kind => kind.Resource).Order(StringComparer.Ordinal),
            At(webhook, "rules").AsArray().SelectMany(rule => Resources(rule!)).Order(StringComparer.Ordinal));
        Assert.Equal(At(port, "port").GetValue<long>(), At(webhook, "clientConfig", "service", "port").GetValue<long>());
        Assert.Equal(
            ReadOptions().Webhook!.Port,
            At(Container, "ports").AsArray().Where(known => Text(known!, "name") == Text(port, "targetPort"))
                .Select(known => At(known!, "containerPort").GetValue<long>()).Single());
        Assert.Contains(
            $"{Text(webhook, "clientConfig", "service", "name")}.{Text(webhook, "clientConfig", "service", "namespace")}.svc",
            ReadOptions().ServerNames);
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

    private static ServeOptions ReadOptions()
    {
        (ServeOptions? options, IReadOnlyList<string> problems) = ServeOptions.Read(
            Arguments.Of([.. Texts(Container, "args")], "--kubernetes"));
        Assert.Empty(problems);
        return options!;
    }

    private static IEnumerable<string> Resources(JsonNode rule)
    {
        string group = Assert.Single(Texts(rule, "apiGroups"));
        return Texts(rule, "resources").Select(plural => group.Length == 0 ? plural : $"{plural}.{group}");
    }

    /// <summary>Verbs, resource and names.</summary>
    private static IEnumerable<string> Allowed(JsonNode rule)
    {
        string names = rule["resourceNames"] is null ? string.Empty : $" {string.Join(' ', Texts(rule, "resourceNames"))}";
        return Resources(rule).Select(resource => $"{string.Join(' ', Texts(rule, "verbs").Order())} {resource}{names}");
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
