using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json.Nodes;
using Mesh.Testing.Kubernetes;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>What kubectl would apply of a folder, kept for whoever asks again.</summary>
internal static class Kustomize
{
    private static readonly ConcurrentDictionary<string, Task<List<JsonObject>>> s_built = new(StringComparer.Ordinal);

    public static Task<List<JsonObject>> BuildAsync(string folder) => s_built.GetOrAdd(folder, RunAsync);

    private static async Task<List<JsonObject>> RunAsync(string folder)
    {
        using Process kubectl = Process.Start(new ProcessStartInfo("kubectl", ["kustomize", Path.Combine(Cli.Repository, folder)])
        {
            RedirectStandardOutput = true,
        })!;
        string output = await kubectl.StandardOutput.ReadToEndAsync();
        await kubectl.WaitForExitAsync();
        Assert.Equal(0, kubectl.ExitCode);
        return YamlManifests.Read(output);
    }
}
