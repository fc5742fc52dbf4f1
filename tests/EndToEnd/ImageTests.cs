using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.EndToEnd.Support;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Goal: what `./run.sh image` builds runs where nodes run it. Method: Debian's containerd and runc import the archives and run control
/// plane, agent and proxy with the security settings of deploy/daemonset, until a pod is captured.
/// </summary>
public sealed class ImageTests(ContainerNode node) : IClassFixture<ContainerNode>, IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    /// <summary>Numbers of capabilities (linux/capability.h), those that manifests name.</summary>
    private static readonly Dictionary<string, int> s_capabilityNumbers = new()
    {
        ["NET_ADMIN"] = 12,
        ["NET_RAW"] = 13,
        ["SYS_PTRACE"] = 19,
        ["SYS_ADMIN"] = 21,
    };

    private readonly string _id = Guid.NewGuid().ToString("N")[..8];

    private string NodeNetwork => $"node-{_id}";

    private string PodNetwork => $"pod-{_id}";

    private static string Tag => (string)Sbom("mesh-node")["packages"]![0]!["versionInfo"]!;

    public async ValueTask InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("CI") != "true")
        {
            Assert.SkipWhen(ContainerNode.Obstacle is not null, ContainerNode.Obstacle ?? "");
        }

        Assert.Null(ContainerNode.Obstacle);
        foreach (string network in new[] { NodeNetwork, PodNetwork })
        {
            await Host.RunAsync("ip", "netns", "add", network);
            await Host.RunAsync("ip", "-n", network, "link", "set", "lo", "up");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string network in new[] { NodeNetwork, PodNetwork })
        {
            await Host.TryAsync("ip", "netns", "delete", network);
        }
    }

    [LabFact]
    public async Task A_node_of_containers_captures_a_pod_with_the_settings_of_the_manifests()
    {
        foreach (string image in new[] { "mesh-control", "mesh-node", "mesh-node-agent" })
        {
            string digest = await node.ImportAsync(image);
            string named = (string)Sbom(image)["packages"]![0]!["externalRefs"]![0]!["referenceLocator"]!;
            Assert.Equal($"pkg:oci/{image}@{Uri.EscapeDataString(digest)}", named);
        }

        await RunControlPlaneAsync();
        await RunNodeAsync();
        foreach ((string name, string manifest) in new[] { ("control", "control.yaml"), ("agent", "agent.yaml"), ("proxy", "proxy.yaml") })
        {
            await CheckSettingsAsync(name, ContainerManifest.Read(manifest));
        }

        Assert.Matches("OpenSSL 3\\.([5-9]|\\d\\d)", await node.LogAsync("proxy"));
        await CheckToolsAsync();
    }

    [LabFact]
    public async Task The_same_packages_and_executables_are_the_same_images_again()
    {
        DateTime published = File.GetLastWriteTimeUtc(Repository.Published(".complete"));
        DateTime built = File.GetLastWriteTimeUtc(ContainerNode.Archive("mesh-node"));
        Assert.True(built >= published, "What is published is newer than the images: run ./run.sh image");
        DirectoryInfo output = Directory.CreateDirectory(Path.Combine(node.Folder, "again"));
        string builder = Path.Combine(Repository.Root, "deploy", "Mesh.Images", "bin", "Debug", "net10.0", "mesh-images");
        JsonNode config = await ConfigOfAsync("mesh-node");
        string revision = (string)config["config"]!["Labels"]!["org.opencontainers.image.revision"]!;
        long time = DateTimeOffset.Parse((string)config["created"]!, CultureInfo.InvariantCulture).ToUnixTimeSeconds();

        await Host.RunAsync(
            "env", $"SOURCE_DATE_EPOCH={time}", builder,
            "--root", Repository.Root, "--offline", "--revision", revision, "--output", output.FullName);

        foreach (string image in new[] { "mesh-control", "mesh-node", "mesh-node-agent" })
        {
            foreach (string file in new[] { $"{image}.tar", $"{image}.spdx.json" })
            {
                await Host.RunAsync("cmp", ContainerNode.Output(file), Path.Combine(output.FullName, file));
            }
        }
    }

    private async Task RunControlPlaneAsync()
    {
        // As a volume of a pod is given to its group.
        string state = Directory.CreateDirectory(Path.Combine(node.Folder, "control")).FullName;
        await Host.RunAsync("chown", "65532:65532", state);
        string manifests = Directory.CreateDirectory(Path.Combine(node.Folder, "manifests")).FullName;
        await node.StartAsync(
            "control", ContainerManifest.Read("control.yaml"), Tag, NodeNetwork,
            [(state, "/var/lib/mesh-control"), (manifests, "/etc/mesh-control:ro")],
            "mesh-control", "--config", "/etc/mesh-control", "--allow-empty", "true", "--state", "/var/lib/mesh-control/state",
            "--listen", "127.0.0.1:15012", "--server-name", "127.0.0.1");
        await WaitForAsync("control", "http://127.0.0.1:15014/healthz/ready");
    }

    private async Task RunNodeAsync()
    {
        const string State = "/var/lib/mesh-control/state";
        string token = await node.ExecuteAsync("control", "mesh-control", "token", "create", "--state", State, "--node", "node-1");
        string configuration = Directory.CreateDirectory(Path.Combine(node.Folder, "configuration")).FullName;
        await File.WriteAllTextAsync(Path.Combine(configuration, "token"), token.Trim());
        string root = await node.ExecuteAsync("control", "cat", $"{State}/root-cert.pem");
        await File.WriteAllTextAsync(Path.Combine(configuration, "root-cert.pem"), root);
        await File.WriteAllTextAsync(Path.Combine(configuration, "node.json"), """
            {
              "node": {"name": "node-1", "addresses": ["127.0.0.1"]},
              "controlPlane": {
                "address": "https://127.0.0.1:15012",
                "rootCertificateFile": "/etc/mesh-node/root-cert.pem",
                "tokenFile": "/etc/mesh-node/token"
              },
              "handover": {"socketPath": "/run/mesh-node/handover.sock"},
              "kubernetes": {"hostProc": "/host/proc"},
              "pods": {"directory": "/etc/mesh-node/pods"}
            }
            """);
        string pods = Directory.CreateDirectory(Path.Combine(configuration, "pods")).FullName;
        await File.WriteAllTextAsync(Path.Combine(pods, "uid-1.json"), $$"""
            {
              "uid": "uid-1", "name": "web", "namespace": "shop", "serviceAccount": "web", "addresses": ["10.9.0.1"],
              "networkNamespace": "/host/run/netns/{{PodNetwork}}"
            }
            """);
        string run = Directory.CreateDirectory(Path.Combine(node.Folder, "run")).FullName;
        await node.StartAsync(
            "agent", ContainerManifest.Read("agent.yaml"), Tag, NodeNetwork,
            [(configuration, "/etc/mesh-node:ro"), (run, "/run/mesh-node"), ("/proc", "/host/proc"), ("/run/netns", "/host/run/netns")],
            "mesh-node", "agent", "--config", "/etc/mesh-node/node.json");
        await node.StartAsync(
            "proxy", ContainerManifest.Read("proxy.yaml"), Tag, NodeNetwork,
            [(configuration, "/etc/mesh-node:ro"), (run, "/run/mesh-node")],
            "mesh-node", "proxy", "--config", "/etc/mesh-node/node.json");
        await WaitForAsync("proxy", "http://127.0.0.1:15021/healthz/ready");
        // Replaced whole, never written in place.
        string status = Path.Combine(run, "agent-status.json");
        await WaitAsync("agent", async () =>
            File.Exists(status) && (await File.ReadAllTextAsync(status)).Contains("\"captured\"", StringComparison.Ordinal));
    }

    private async Task CheckSettingsAsync(string name, ContainerManifest manifest)
    {
        IReadOnlyDictionary<string, string> status = await node.StatusAsync(name);
        ulong capabilities = manifest.Capabilities.Aggregate(0UL, (all, capability) => all | (1UL << s_capabilityNumbers[capability]));

        Assert.Equal(string.Join('\t', Enumerable.Repeat(manifest.User, 4)), status["Uid"]);
        Assert.Equal(capabilities.ToString("x16", CultureInfo.InvariantCulture), manifest.User == 0 ? status["CapEff"] : status["CapBnd"]);
        Assert.Equal(manifest.IsPrivilegeGained ? "0" : "1", status["NoNewPrivs"]);
        Assert.Equal("2", status["Seccomp"]);
    }

    private async Task CheckToolsAsync()
    {
        foreach (string tool in new[] { "iptables", "ip6tables" })
        {
            Assert.Contains("(legacy)", await node.ExecuteAsync("agent", $"{tool}-legacy", "--version"), StringComparison.Ordinal);
            Assert.Contains("(nf_tables)", await node.ExecuteAsync("agent", $"{tool}-nft", "--version"), StringComparison.Ordinal);
            Assert.Contains("*filter", await node.ExecuteAsync("agent", $"{tool}-legacy-save", "-t", "filter"), StringComparison.Ordinal);
        }

        Assert.Contains("Debian GNU/Linux", await node.ExecuteAsync("agent", "cat", "/etc/os-release"), StringComparison.Ordinal);
        string rules = await node.ExecuteAsync("agent", "nsenter", $"--net=/host/run/netns/{PodNetwork}", "nft", "list", "ruleset");
        Assert.Contains("15001", rules, StringComparison.Ordinal);
    }

    private Task WaitForAsync(string container, string page) => WaitAsync(container, async () =>
        (await Host.TryAsync("ip", "netns", "exec", NodeNetwork, "curl", "-sf", "--max-time", "5", page)).Status == 0);

    private async Task WaitAsync(string container, Func<Task<bool>> condition)
    {
        try
        {
            await Eventually.TrueAsync(condition, s_patience);
        }
        catch (TimeoutException late)
        {
            throw new LabException(
                $"The container {container} did not come to what it was waited for. It wrote:\n{await node.LogAsync(container)}", late);
        }
    }

    private static JsonNode Sbom(string image) => JsonNode.Parse(File.ReadAllText(ContainerNode.Output($"{image}.spdx.json")))!;

    private static async Task<JsonNode> ConfigOfAsync(string image)
    {
        JsonNode index = await JsonInAsync(image, "index.json");
        JsonNode manifest = await JsonInAsync(image, PathOf(index["manifests"]![0]!));
        return await JsonInAsync(image, PathOf(manifest["config"]!));

        static string PathOf(JsonNode descriptor) => "blobs/" + ((string)descriptor["digest"]!).Replace(':', '/');
    }

    private static async Task<JsonNode> JsonInAsync(string image, string path) =>
        JsonNode.Parse(await Host.RunAsync("tar", "--extract", "--to-stdout", "--file", ContainerNode.Archive(image), path))!;
}
