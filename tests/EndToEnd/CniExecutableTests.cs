using System.Diagnostics;
using System.Text.Json.Nodes;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd;

/// <summary>
/// Goal: the plug-in that is installed on hosts needs nothing of them but the kernel. Method: what `./run.sh publish` makes, run in a root
/// directory that has this one file.
/// </summary>
public sealed class CniExecutableTests : IDisposable
{
    private const string Input = """
        {"cniVersion":"1.0.0","name":"pods","type":"mesh-cni","meshNode":{"timeoutSeconds":5},
         "prevResult":{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.2/24"}]}}
        """;

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("mesh-cni-");

    public CniExecutableTests() => File.Copy(Repository.Published("mesh-cni", "mesh-cni"), Path.Combine(_root.FullName, "mesh-cni"));

    public void Dispose() => _root.Delete(recursive: true);

    [LabFact]
    public async Task It_decides_in_an_empty_root()
    {
        (int status, string output) = await RunAsync("VERSION", "");
        Assert.Equal(0, status);
        Assert.Contains("1.1.0", output, StringComparison.Ordinal);

        (status, output) = await RunAsync("ADD", "K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=dns");
        Assert.Equal((0, """{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.2/24"}]}"""), (status, output));

        (status, output) = await RunAsync("ADD", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart");
        JsonNode error = JsonNode.Parse(output)!;
        Assert.Equal((1, 11), (status, (int)error["code"]!));
        Assert.Contains("there is no such socket", (string)error["details"]!, StringComparison.Ordinal);

        (status, output) = await RunAsync("DEL", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart");
        Assert.Equal((0, ""), (status, output));
    }

    private async Task<(int Status, string Output)> RunAsync(string command, string arguments)
    {
        ProcessStartInfo start = new("unshare", [$"--root={_root.FullName}", "--wd=/", "/mesh-cni"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        string? path = Environment.GetEnvironmentVariable("PATH");
        start.Environment.Clear();
        start.Environment["PATH"] = path;
        start.Environment["CNI_COMMAND"] = command;
        start.Environment["CNI_CONTAINERID"] = "sandbox";
        start.Environment["CNI_NETNS"] = "/run/netns/sandbox";
        start.Environment["CNI_IFNAME"] = "eth0";
        start.Environment["CNI_ARGS"] = arguments;
        using Process process = Process.Start(start)!;
        await process.StandardInput.WriteAsync(Input);
        process.StandardInput.Close();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output);
    }
}
