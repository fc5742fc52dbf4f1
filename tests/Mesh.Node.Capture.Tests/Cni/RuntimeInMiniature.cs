using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Mesh.Testing;

namespace Mesh.Node.Capture.Tests.Cni;

/// <summary>
/// A container runtime's part by the conventions of CNI, on a node that is a namespace: runs the plug-ins of a network in order, hands
/// results on, and on an error takes down what was made.
/// </summary>
internal sealed class RuntimeInMiniature : IDisposable
{
    private const string ReferencePlugins = "/usr/lib/cni";

    private readonly DirectoryInfo _state = Directory.CreateTempSubdirectory("mesh-runtime-");

    private RuntimeInMiniature(ScratchNamespace node) => Node = node;

    public ScratchNamespace Node { get; }

    /// <summary>The file of the network's configuration.</summary>
    public string ConfigurationFile => Path.Combine(_state.FullName, "10-pods.conflist");

    public static async Task<RuntimeInMiniature> CreateAsync() => new(await ScratchNamespace.CreateAsync());

    /// <summary>A network of one of the reference plug-ins, with ours behind it.</summary>
    /// <param name="primary"><c>bridge</c> or <c>ptp</c>.</param>
    /// <param name="meshNode">Our own options.</param>
    public void Configure(string primary, JsonObject meshNode)
    {
        JsonObject first = new()
        {
            ["type"] = primary,
            ["ipam"] = new JsonObject
            {
                ["type"] = "host-local",
                ["dataDir"] = Path.Combine(_state.FullName, "addresses"),
                ["ranges"] = new JsonArray(new JsonArray(new JsonObject { ["subnet"] = "10.77.0.0/24" })),
                ["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" }),
            },
        };
        if (primary == "bridge")
        {
            first["bridge"] = "cni0";
            first["isGateway"] = true;
        }

        File.WriteAllText(ConfigurationFile, new JsonObject
        {
            ["cniVersion"] = "1.0.0",
            ["name"] = "pods",
            ["plugins"] = new JsonArray(first, new JsonObject { ["type"] = "mesh-cni", ["meshNode"] = meshNode }),
        }.ToJsonString());
    }

    /// <returns>The error object of the plug-in that failed; null on success.</returns>
    public async Task<JsonNode?> AddAsync(PodSandbox pod)
    {
        JsonNode network = ReadConfiguration();
        JsonNode? result = null;
        foreach (JsonNode? plugin in network["plugins"]!.AsArray())
        {
            (int status, string output) = await RunAsync("ADD", network, plugin!, pod, result);
            if (status != 0)
            {
                return JsonNode.Parse(output);
            }

            result = JsonNode.Parse(output);
        }

        pod.Result = result;
        return null;
    }

    /// <returns>The error object; null on success.</returns>
    public async Task<JsonNode?> CheckAsync(PodSandbox pod)
    {
        JsonNode network = ReadConfiguration();
        foreach (JsonNode? plugin in network["plugins"]!.AsArray())
        {
            (int status, string output) = await RunAsync("CHECK", network, plugin!, pod, pod.Result);
            if (status != 0)
            {
                return JsonNode.Parse(output);
            }
        }

        return null;
    }

    /// <summary>Takes a pod's network down: the last plug-in first, and each whatever the others said.</summary>
    public async Task DeleteAsync(PodSandbox pod)
    {
        JsonNode network = ReadConfiguration();
        foreach (JsonNode? plugin in network["plugins"]!.AsArray().Reverse())
        {
            (int status, string output) = await RunAsync("DEL", network, plugin!, pod, pod.Result);
            Xunit.Assert.Equal((0, ""), (status, output));
        }
    }

    /// <summary>Runs one plug-in with variables of its own.</summary>
    public async Task<(int Status, string Output)> RunAsync(
        string command, JsonNode network, JsonNode plugin, PodSandbox? pod, JsonNode? result)
    {
        JsonObject input = plugin.DeepClone().AsObject();
        input["cniVersion"] = network["cniVersion"]!.DeepClone();
        input["name"] = network["name"]!.DeepClone();
        if (result is not null)
        {
            input["prevResult"] = result.DeepClone();
        }

        string type = (string)plugin["type"]!;
        string own = Path.Combine(AppContext.BaseDirectory, type);
        string file = File.Exists(own) ? own : Path.Combine(ReferencePlugins, type);
        ProcessStartInfo start = new("nsenter", ["--net=" + Node.Network.DescriptorPath, "--", file])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        start.Environment["CNI_COMMAND"] = command;
        start.Environment["CNI_PATH"] = ReferencePlugins;
        if (pod is not null)
        {
            start.Environment["CNI_CONTAINERID"] = pod.Id;
            start.Environment["CNI_NETNS"] = pod.Pod.Network.DescriptorPath;
            start.Environment["CNI_IFNAME"] = "eth0";
            start.Environment["CNI_ARGS"] = string.Create(
                CultureInfo.InvariantCulture,
                $"IgnoreUnknown=1;K8S_POD_NAMESPACE={pod.Namespace};K8S_POD_NAME={pod.Name};K8S_POD_UID={pod.Uid};"
                + $"K8S_POD_INFRA_CONTAINER_ID={pod.Id}");
        }

        using Process process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(input.ToJsonString());
        process.StandardInput.Close();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        process.StandardOutput.Dispose();
        return (process.ExitCode, output);
    }

    public JsonNode ReadConfiguration() => JsonNode.Parse(File.ReadAllText(ConfigurationFile))!;

    public void Dispose()
    {
        Node.Dispose();
        _state.Delete(recursive: true);
    }
}
