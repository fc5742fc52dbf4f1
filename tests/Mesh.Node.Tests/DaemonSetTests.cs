using System.Text.Json.Nodes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Node.Tests;

/// <summary>The manifests of the node in deploy/daemonset say what the executable takes, and fit each other.</summary>
public sealed class DaemonSetTests
{
    private static readonly string s_folder = FindFolder();

    private static readonly Dictionary<string, JsonObject> s_objects = new[] { "agent.yaml", "proxy.yaml", "configmap.yaml", "namespace.yaml" }
        .SelectMany(file => YamlManifests.Read(File.ReadAllText(Path.Combine(s_folder, file))))
        .ToDictionary(manifest => $"{Text(manifest, "kind")} {Text(manifest, "metadata", "name")}", StringComparer.Ordinal);

    private static string NodeJson => Text(s_objects["ConfigMap mesh-node"], "data", "node.json");

    [Fact]
    public void The_configuration_is_one_the_node_starts_with()
    {
        string file = Path.GetTempFileName();
        try
        {
            // The name comes from the pod's environment.
            File.WriteAllText(file, $$"""{"node": {"name": "node-1"}, {{NodeJson.TrimStart()[1..]}}""");
            NodeConfiguration read = NodeConfiguration.Read(file);

            Assert.True(read.Kubernetes.Enabled);
            Assert.Contains(read.Kubernetes.HostProc, Mounts("agent").Keys);
            Assert.Contains(Path.GetDirectoryName(read.ControlPlane!.TokenFile)!, Mounts("proxy").Keys);
            Assert.Contains(Path.GetDirectoryName(read.ControlPlane.RootCertificateFile)!, Mounts("proxy").Keys);
            Assert.Equal("root-cert.pem", Path.GetFileName(read.ControlPlane.RootCertificateFile));
            foreach (string part in new[] { "agent", "proxy" })
            {
                Assert.Contains(Path.GetDirectoryName(read.Handover.SocketPath)!, Mounts(part).Keys);
            }

            // The same path for the plug-in, which the host runs, and what the agent reaches of the host.
            Assert.True(read.Cni.Enabled && read.Cni.Installs);
            Assert.Equal("/run/mesh-node/cni", Path.GetDirectoryName(read.Cni.SocketPath));
            Assert.Contains(read.Cni.OwnPodPrefixes, prefix => "mesh-node-agent-x2b7k".StartsWith(prefix, StringComparison.Ordinal));
            Assert.Equal(Text(s_objects["Namespace mesh-node"], "metadata", "name"), read.Cni.OwnNamespace);
            foreach (string path in new[] { read.Cni.BinDirectory, read.Cni.ConfigurationDirectory, "/run/netns", "/proc" })
            {
                Assert.Equal(path, Text(Mounts("agent")[read.Cni.HostPrefix + path], "hostPath", "path"));
            }

            double graceSeconds = At(Pod("proxy"), "terminationGracePeriodSeconds").GetValue<long>();
            Assert.True(read.Proxy.DrainMs / 1000.0 <= graceSeconds - 5, "A proxy that drains would be killed.");
            int readiness = At(Container("proxy"), "ports").AsArray()
                .Where(port => Text(port!, "name") == Text(Container("proxy"), "readinessProbe", "httpGet", "port"))
                .Select(port => (int)At(port!, "containerPort").GetValue<long>()).Single();
            Assert.EndsWith($":{readiness}", read.Admin.Readiness, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void The_plug_in_can_be_taken_off_by_what_is_beside()
    {
        string manifests = File.ReadAllText(Path.Combine(s_folder, "..", "remove-cni", "remove-cni.yaml"));
        JsonObject[] objects = [.. YamlManifests.Read(manifests)];
        string text = Text(objects.Single(manifest => Text(manifest, "kind") == "ConfigMap"), "data", "node.json");
        string own = Path.GetTempFileName();
        string theirs = Path.GetTempFileName();
        try
        {
            File.WriteAllText(own, $$"""{"node": {"name": "node-1"}, {{text.TrimStart()[1..]}}""");
            File.WriteAllText(theirs, $$"""{"node": {"name": "node-1"}, {{NodeJson.TrimStart()[1..]}}""");
            NodeConfiguration read = NodeConfiguration.Read(own);
            NodeConfiguration installed = NodeConfiguration.Read(theirs);
            Assert.Equal(
                (installed.Handover.SocketPath, installed.Cni.HostPrefix, installed.Cni.BinDirectory, installed.Cni.ConfigurationDirectory),
                (read.Handover.SocketPath, read.Cni.HostPrefix, read.Cni.BinDirectory, read.Cni.ConfigurationDirectory));
            JsonNode pod = At(objects.Single(manifest => Text(manifest, "kind") == "DaemonSet"), "spec", "template", "spec");
            foreach (string path in new[] { read.Cni.BinDirectory, read.Cni.ConfigurationDirectory })
            {
                JsonNode container = At(pod, "containers").AsArray().Single()!;
                JsonNode mount = At(container, "volumeMounts").AsArray()
                    .Single(mount => Text(mount!, "mountPath") == read.Cni.HostPrefix + path)!;
                JsonNode volume = At(pod, "volumes").AsArray().Single(volume => Text(volume!, "name") == Text(mount, "name"))!;
                Assert.Equal(path, Text(volume, "hostPath", "path"));
            }
        }
        finally
        {
            File.Delete(own);
            File.Delete(theirs);
        }
    }

    [Theory]
    [InlineData("agent")]
    [InlineData("proxy")]
    public void The_command_is_one_and_what_it_needs_is_mounted(string part)
    {
        string[] args = [.. At(Container(part), "args").AsArray().Select(word => word!.GetValue<string>())];
        Assert.Equal([part, "--config", "/etc/mesh-node/node.json"], args);
        Assert.Equal("mesh-node", Text(Mounts(part)["/etc/mesh-node"], "configMap", "name"));

        // A path of the host is the same in every pod that mounts it, so that sockets meet.
        Assert.Equal("/run/mesh-node", Text(Mounts(part)["/run/mesh-node"], "hostPath", "path"));
        string[] variables = [.. At(Container(part), "env").AsArray().Select(variable => Text(variable!, "name"))];
        Assert.Contains(NodeSection.NameVariable, variables);
        Assert.All(variables, variable => Assert.Contains(variable, new[] { NodeSection.NameVariable, NodeSection.AddressesVariable }));

        // Sandboxes of other pods ask the node's, never these.
        Assert.Equal("mesh-node", Text(At(s_objects[$"DaemonSet mesh-node-{part}"], "spec", "template"), "metadata", "labels", "app.kubernetes.io/part-of"));
    }

    [Fact]
    public void Privileges_are_the_least_that_do()
    {
        Assert.Equal(["NET_ADMIN", "NET_RAW", "SYS_ADMIN", "SYS_PTRACE"], Capabilities("agent", "add"));
        Assert.Equal(["NET_ADMIN", "NET_RAW", "SYS_ADMIN"], Capabilities("proxy", "add"));
        foreach (string part in new[] { "agent", "proxy" })
        {
            Assert.Equal(["ALL"], Capabilities(part, "drop"));
            Assert.True(At(Container(part), "securityContext", "readOnlyRootFilesystem").GetValue<bool>());
            Assert.Equal("RuntimeDefault", Text(Pod(part), "securityContext", "seccompProfile", "type"));
            Assert.Equal("system-node-critical", Text(Pod(part), "priorityClassName"));
            Assert.Equal($"mesh-node-{part}", Text(Pod(part), "serviceAccountName"));
            Assert.Contains($"ServiceAccount mesh-node-{part}", s_objects.Keys);
        }

        Assert.True(At(Pod("agent"), "hostNetwork").GetValue<bool>());
        Assert.False(At(Pod("proxy"), "automountServiceAccountToken").GetValue<bool>());
        JsonNode source = Assert.Single(At(Mounts("proxy")["/var/run/secrets/mesh-node"], "projected", "sources").AsArray())!;
        Assert.Equal(("istio-ca", "token"), (Text(source, "serviceAccountToken", "audience"), Text(source, "serviceAccountToken", "path")));
        Assert.Equal(
            "privileged", Text(s_objects["Namespace mesh-node"], "metadata", "labels", "pod-security.kubernetes.io/enforce"));
    }

    [Fact]
    public void A_proxy_comes_before_the_last_one_goes_and_there_is_one_agent()
    {
        JsonNode proxy = At(s_objects["DaemonSet mesh-node-proxy"], "spec", "updateStrategy", "rollingUpdate");
        Assert.Equal((1, 0), (At(proxy, "maxSurge").GetValue<long>(), At(proxy, "maxUnavailable").GetValue<long>()));
        JsonNode agent = At(s_objects["DaemonSet mesh-node-agent"], "spec", "updateStrategy", "rollingUpdate");
        Assert.Equal(1, At(agent, "maxUnavailable").GetValue<long>());
        Assert.Null(agent["maxSurge"]);
    }

    /// <summary>What the agent asks for is what the source of pods does: list, watch, and get for single pods; what it says on them; events.</summary>
    [Fact]
    public void The_agent_may_read_pods_and_namespaces_and_say_what_became_of_them_and_nothing_else()
    {
        JsonArray rules = At(s_objects["ClusterRole mesh-node-agent"], "rules").AsArray();
        Assert.All(rules, rule => Assert.Equal([""], Texts(rule!, "apiGroups")));
        Assert.Equal(
            ["namespaces pods: get list watch", "pods/status: patch", "nodes/status: patch", "events: create"],
            rules.Select(rule => $"{string.Join(' ', Texts(rule!, "resources"))}: {string.Join(' ', Texts(rule!, "verbs"))}"));
        JsonObject binding = s_objects["ClusterRoleBinding mesh-node-agent"];
        Assert.Equal("mesh-node-agent", Text(binding, "roleRef", "name"));
        JsonNode subject = Assert.Single(At(binding, "subjects").AsArray())!;
        Assert.Equal(("mesh-node-agent", "mesh-node"), (Text(subject, "name"), Text(subject, "namespace")));
    }

    private static JsonNode Pod(string part) => At(s_objects[$"DaemonSet mesh-node-{part}"], "spec", "template", "spec");

    private static JsonNode Container(string part) => Assert.Single(At(Pod(part), "containers").AsArray())!;

    private static IEnumerable<string> Capabilities(string part, string change) =>
        Texts(At(Container(part), "securityContext", "capabilities"), change);

    /// <summary>The volumes by where they are mounted.</summary>
    private static Dictionary<string, JsonNode> Mounts(string part) => At(Container(part), "volumeMounts").AsArray().ToDictionary(
        mount => Text(mount!, "mountPath"),
        mount => At(Pod(part), "volumes").AsArray().Single(volume => Text(volume!, "name") == Text(mount!, "name"))!);

    private static JsonNode At(JsonNode node, params string[] path) => path.Aggregate(node, (at, name) =>
        at[name] ?? throw new InvalidOperationException($"{name} of {string.Join('.', path)} is missing."));

    private static string Text(JsonNode node, params string[] path) => At(node, path).GetValue<string>();

    private static IEnumerable<string> Texts(JsonNode node, string name) =>
        At(node, name).AsArray().Select(text => text!.GetValue<string>());

    private static string FindFolder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder!.FullName, "deploy", "daemonset");
    }
}
