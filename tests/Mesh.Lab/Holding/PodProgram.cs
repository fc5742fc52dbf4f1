using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Mesh.Lab.Processes;

namespace Mesh.Lab.Holding;

/// <summary>The program of a pod: how it is started, whether it answers its readiness probe, how nothing of it is left.</summary>
internal static class PodProgram
{
    /// <summary>
    /// The port a captured pod receives mutual TLS on; the proxy opens it in the pod's namespace, so it tells that there is one.
    /// </summary>
    public const ushort MeshPort = 15008;

    public static ProcessStartInfo Describe(PodRuntime pod, IReadOnlyList<string> toolDirectories)
    {
        ProcessStartInfo start = Entry.Describe(pod.NetworkNamespace, pod.Spec.Command, pod.Spec.WorkingDirectory);
        start.Environment["PATH"] = string.Join(':', [.. toolDirectories, Environment.GetEnvironmentVariable("PATH") ?? ""]);
        start.Environment["HOSTNAME"] = pod.Spec.Key.Name;
        foreach (EnvironmentEntry entry in pod.Spec.Environment)
        {
            start.Environment[entry.Name] = entry.FieldPath is null ? entry.Value : Field(pod, entry.FieldPath);
        }

        return start;
    }

    /// <summary>
    /// Asks as a kubelet would: from the node, to the pod's address. Without a probe a pod is ready while its program runs.
    /// </summary>
    public static async Task<bool> IsReadyAsync(PodRuntime pod, HttpClient http, CancellationToken cancellation)
    {
        if (pod.Process is { State: not ProcessState.Running })
        {
            return false;
        }

        foreach (Probe probe in pod.Spec.Probes.Where(probe => probe.DecidesReadiness))
        {
            try
            {
                if (!await AnswersAsync(pod, probe, http, cancellation))
                {
                    return false;
                }
            }
            catch (Exception exception) when (exception is HttpRequestException or SocketException or IOException
                || (exception is OperationCanceledException && !cancellation.IsCancellationRequested))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Kills whatever is left in a namespace: what a program started and left behind, and what was started by `lab exec`.
    /// </summary>
    public static async Task KillAllAsync(string networkNamespace)
    {
        CommandResult processes = await Command.TryRunAsync(["ip", "netns", "pids", networkNamespace]);
        string[] lines = processes.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        IEnumerable<int> ids = lines.Select(line => int.Parse(line, CultureInfo.InvariantCulture));
        await Signals.SendAsync("KILL", [.. ids.Where(id => id != Environment.ProcessId)]);
    }

    private static async Task<bool> AnswersAsync(PodRuntime pod, Probe probe, HttpClient http, CancellationToken cancellation)
    {
        if (probe.Kind != "http")
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(http.Timeout);
            var target = new IPEndPoint(pod.Addresses.V4, probe.Port);
            using Socket socket = await NamespaceSockets.ConnectAsync(pod.Node.Place, target, limit.Token);
            return true;
        }

        string port = probe.Port.ToString(CultureInfo.InvariantCulture);
        using HttpResponseMessage response = await http.GetAsync(new Uri($"http://{pod.Addresses.V4}:{port}{probe.Path}"), cancellation);
        return (int)response.StatusCode is >= 200 and < 400;
    }

    private static string Field(PodRuntime pod, string path) => path switch
    {
        "metadata.name" => pod.Spec.Key.Name,
        "metadata.namespace" => pod.Spec.Key.Namespace,
        "spec.nodeName" => pod.Node.Name,
        "spec.serviceAccountName" => pod.Spec.ServiceAccount,
        "status.podIP" => pod.Addresses.V4.ToString(),
        "status.hostIP" => pod.Node.Addresses.V4.ToString(),
        _ => throw new UnreachableException($"{path} was refused when the manifest was read."),
    };
}
