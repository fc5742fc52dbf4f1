using System.Net;
using System.Runtime.InteropServices;
using Mesh.Interop.Linux;
using Mesh.Node.AgentPages;
using Mesh.Node.Capture;
using Mesh.Node.Capture.Agent;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Live;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Telemetry.Logging;
using Microsoft.Extensions.Logging;

namespace Mesh.Node;

/// <summary>
/// <c>mesh-node agent</c>: captures the pods of this node, or removes what was captured. SIGHUP makes it read all rules back at once.
/// </summary>
internal static class AgentCommand
{
    public static async Task<int> RunAsync(NodeConfiguration configuration)
    {
        using var stop = new StopSignal();
        using var log = new LogWriter(Console.OpenStandardOutput(), configuration.Log, loops: 1);
        using var loggers = new NodeLoggerProvider(log, TimeProvider.System);
        ILogger logger = loggers.CreateLogger("mesh-node");
        if (!Capabilities.HasSysAdmin || !Capabilities.HasNetAdmin)
        {
            Log.MissingCapabilities(logger);
            return CommandLine.Failure;
        }

        var agent = new NodeAgent(
            configuration.Node.Name,
            [.. configuration.Node.Addresses.Select(IPAddress.Parse)],
            configuration.Capture,
            configuration.Pods,
            configuration.Kubernetes,
            configuration.Handover,
            loggers.CreateLogger(typeof(NodeAgent).FullName!),
            TimeProvider.System)
        {
            Cni = configuration.Cni,
        };
        using PosixSignalRegistration onHangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            // The runtime would end the process.
            context.Cancel = true;
            agent.VerifyNow();
        });
        var live = new ConfigurationWatch(
            configuration,
            changed =>
            {
                ProxyCommand.TurnLog(changed, log, configuration);
                if (changed.Any(key => key.StartsWith("capture.", StringComparison.Ordinal)))
                {
                    agent.OnOptionsChanged();
                }
            },
            agent.ReportProblem,
            logger,
            TimeProvider.System);
        AgentServer? pages = AdminOptions.Parse("agent", configuration.Admin.Agent) is IPEndPoint endpoint
            ? await AgentServer.StartAsync(endpoint, agent, stop.Token)
            : null;
        await using IAsyncDisposable? served = pages;
        Task watching = live.RunAsync(stop.Token);
        await agent.RunAsync(stop.Token);
        await watching;
        Log.Stopped(logger);
        return CommandLine.Success;
    }

    /// <summary>Takes the CNI plug-in off the host.</summary>
    /// <param name="configuration">Says where it is.</param>
    /// <param name="stays">Whether to wait then to be stopped, as a pod of a DaemonSet should.</param>
    public static async Task<int> RemovePluginAsync(NodeConfiguration configuration, bool stays)
    {
        IReadOnlyList<string> changes =
            NodeAgent.RemovePlugin(configuration.Cni, configuration.Handover, out IReadOnlyList<string> problems);
        foreach (string change in changes)
        {
            await Console.Out.WriteLineAsync($"mesh-node: {change}");
        }

        foreach (string problem in problems)
        {
            await Console.Error.WriteLineAsync($"mesh-node: {problem}");
        }

        if (problems.Count > 0)
        {
            return CommandLine.Failure;
        }

        if (stays)
        {
            using var stop = new StopSignal();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, stop.Token)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return CommandLine.Success;
    }

    /// <summary>Removes every rule and route of the mesh, of any version, from one network namespace.</summary>
    public static async Task<int> RemoveAsync(string path)
    {
        try
        {
            using NetNamespace network = NetNamespace.OpenPath(path);
            await NamespaceRules.RemoveAllAsync(
                network, NodeAgent.LockDirectoryOf(new HandoverOptions()), TimeProvider.System, CancellationToken.None);
            return CommandLine.Success;
        }
        catch (Exception failed) when (failed is PosixException or CaptureException or IOException)
        {
            await Console.Error.WriteLineAsync($"mesh-node: {path}: {failed.Message}");
            return CommandLine.Failure;
        }
    }
}
