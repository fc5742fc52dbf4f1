using System.Text.Json;
using Mesh.Lab;
using Mesh.Testing;
using Xunit;

namespace Mesh.EndToEnd.Support;

/// <summary>Applications of tests as manifests, and programs that speak their protocols and are not ours.</summary>
internal static class Applications
{
    /// <summary>Where applications listen; services of <see cref="Service"/> lead there from port 80.</summary>
    public const int Port = 8080;

    /// <summary>Debian's interpreter, whose packages are Debian's too.</summary>
    private const string Python = "/usr/bin/python3";

    private static readonly TimeSpan s_listenLimit = TimeSpan.FromSeconds(60);

    /// <summary>A script of the folder Programs as a command.</summary>
    public static string[] Script(string name, params IReadOnlyList<string> arguments) =>
        [Python, Path.Combine(AppContext.BaseDirectory, "Programs", name), .. arguments];

    /// <summary>A pod of namespace mesh.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="node">1 or 2.</param>
    /// <param name="app">Its label app.</param>
    /// <param name="version">Its label version.</param>
    /// <param name="command">What runs in it; empty: it is a place for sockets of the test.</param>
    /// <param name="account">Its service account.</param>
    public static string Pod(
        string name, int node, string app, string version = "v1", IReadOnlyList<string>? command = null, string account = "server")
    {
        return $$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{name}}, namespace: mesh, labels: {app: {{app}}, version: {{version}}} }
            spec:
              nodeName: node-{{node}}
              serviceAccountName: {{account}}
              restartPolicy: Never
              containers: [{name: main, command: {{JsonSerializer.Serialize(command ?? [])}}}]
            ---

            """;
    }

    /// <summary>A service of namespace mesh whose pods have its name as their label app.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="portName">The name of its port, which may declare a protocol.</param>
    public static string Service(string name, string portName = "http")
    {
        return $$"""
            apiVersion: v1
            kind: Service
            metadata: {name: {{name}}, namespace: mesh}
            spec: {selector: {app: {{name}}}, ports: [{name: {{portName}}, port: 80, targetPort: {{Port}}}]}
            ---

            """;
    }

    /// <summary>The IPv4 address of a service, which a client dials.</summary>
    public static async Task<string> AddressAsync(this MeshLab lab, string service) =>
        (await lab.StatusAsync()).Services.Single(candidate => candidate.Name == service).Addresses[0];

    /// <summary>Returns once a pod's program listens.</summary>
    public static async Task WaitForListenerAsync(this MeshLab lab, string pod)
    {
        LabPod place = await lab.PodAsync(pod);
        await Eventually.TrueAsync(() => place.IsListeningAsync(Port), s_listenLimit, $"{pod} listens");
    }

    /// <summary>Runs a program in a pod and returns what it wrote; one that fails is the test's failure.</summary>
    public static async Task<string> OutputAsync(this LabPod pod, params IReadOnlyList<string> command)
    {
        Mesh.Lab.Processes.CommandResult result = await pod.ExecuteAsync(command);
        Assert.True(result.ExitCode == 0, $"{string.Join(' ', command)}: status {result.ExitCode}: {result.Errors}{result.Output}");
        return result.Output;
    }
}
