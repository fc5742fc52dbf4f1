using System.Net;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Live;
using Mesh.Node.Proxy;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Otlp;
using Mesh.Node.Transport.EventLoops;
using Microsoft.Extensions.Logging;

namespace Mesh.Node;

/// <summary><c>mesh-node proxy</c>: puts the data plane together and runs it until it is told to stop.</summary>
internal static class ProxyCommand
{
    public static async Task<int> RunAsync(NodeConfiguration configuration)
    {
        if (configuration.ControlPlane is not ControlPlaneOptions controlPlane)
        {
            throw new NodeConfigurationException("the proxy needs the section controlPlane.");
        }

        if (configuration.Proxy.OpenSslDirectory is string directory)
        {
            OpenSslLibrary.UseDirectory(directory);
        }

        OpenSslLibrary.EnsureSupported();
        long openFilesMax = ResourceLimits.RaiseOpenFiles();
        int loopCount = configuration.Proxy.Loops > 0 ? configuration.Proxy.Loops : Processors.UsableCount;
        TimeProvider time = TimeProvider.System;

        using var stop = new StopSignal();
        using var telemetry = new NodeTelemetry(
            configuration.Telemetry, configuration.Log, loopCount, Console.OpenStandardOutput(), time);
        ILogger logger = telemetry.Loggers.CreateLogger("mesh-node");
        Log.Starting(logger, NodeTelemetry.Version, configuration.Node.Name, loopCount, OpenSslLibrary.VersionText, openFilesMax);
        if (!Capabilities.HasSysAdmin || !Capabilities.HasNetAdmin)
        {
            Log.MissingCapabilities(logger);
            return CommandLine.Failure;
        }

        using EventLoopGroup loops = EventLoopGroup.Start(loopCount, new EventLoopOptions());
        telemetry.AttachLoops(loops.Loops);

        var store = new ConfigurationStore(telemetry.Loggers.CreateLogger<ConfigurationStore>());
        using var channel = new ControlPlaneChannel(
            controlPlane, configuration.Node.Cluster, telemetry.Loggers.CreateLogger<ControlPlaneChannel>());
        await using CertificateStore certificates = CertificateStore.Create(
            channel, controlPlane, time, telemetry.Loggers.CreateLogger<CertificateStore>());
        using var identities = new LocalIdentities(store, certificates, configuration.Node.Name);
        store.Changed += change => telemetry.OnSnapshot(change.Current);

        using var predecessor = new ListenerTaker(ListenerSocketPath(configuration), telemetry.Loggers.CreateLogger<ListenerTaker>());
        using var proxy = new NodeProxy(
            configuration.Node.Name,
            configuration.Proxy,
            loops,
            store,
            certificates,
            telemetry,
            telemetry.Loggers.CreateLogger<NodeProxy>(),
            predecessor);
        var handover = new HandoverClient(configuration.Handover, proxy, telemetry.Loggers.CreateLogger<HandoverClient>(), time);
        var discovery = new XdsClient(channel, Describe(configuration.Node), controlPlane.RootNamespace, store, time, telemetry.Loggers);

        var live = new ConfigurationWatch(
            configuration, changed => TurnLog(changed, telemetry.Log, configuration), _ => { }, logger, time);
        var sources = new AdminSources
        {
            Telemetry = telemetry,
            Configuration = store,
            Readiness = [new StopPart(stop), new DiscoveryPart(store), new HandoverPart(handover), new DnsPart(proxy)],
            Certificates = certificates.Describe,
            Tunnels = proxy,
            Destinations = proxy,
            RateLimits = proxy.RateLimits,
            Explainer = proxy.Explainer,
            Pods = proxy,
            NodeConfigurationJson = () => live.SourceJson,
            NodeConfigurationProblem = () => live.Problem,
        };
        NodeMetrics.Register(sources);
        await using AdminPorts admin = await AdminPorts.OpenAsync(configuration.Admin, sources, predecessor, stop.Token);
        await using OtlpExport? push = OtlpExport.Start(configuration.Telemetry, telemetry, configuration.Node.Name, time);

        using var giver = new ListenerGiver(
            ListenerSocketPath(configuration),
            proxy.ListenersOf,
            admin,
            telemetry.Loggers.CreateLogger<ListenerGiver>());
        using var drained = new CancellationTokenSource();
        Task discovering = discovery.RunAsync(drained.Token);
        Task takingOver = handover.RunAsync(stop.Token);
        Task watching = live.RunAsync(drained.Token);
        Task parts = Task.WhenAll(discovering, takingOver, watching);
        Exception? fault = await stop.WaitAsync(discovering, takingOver, watching);
        if (fault is not null)
        {
            Log.PartEnded(logger, fault);
        }

        // What is drained can be looked at until it is: the admin ports stay, unless the next proxy asks for them. What is open goes on
        // being judged: policies and revocations arrive until the last connection has ended. Pods do not: each that came is drained.
        Log.Draining(logger, configuration.Proxy.DrainMs);
        await takingOver.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await proxy.DrainAsync(TimeSpan.FromMilliseconds(configuration.Proxy.DrainMs), time);
        await drained.CancelAsync();
        await parts.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (fault is null && parts.Exception?.InnerException is Exception late)
        {
            Log.PartEnded(logger, fault = late);
        }

        Log.Stopped(logger);
        return fault is null ? CommandLine.Success : CommandLine.Failure;
    }

    /// <summary>Where one proxy of the node gives its listeners to the next: beside the socket they both meet the agent at.</summary>
    internal static string ListenerSocketPath(NodeConfiguration configuration) =>
        Path.Combine(Path.GetDirectoryName(configuration.Handover.SocketPath) ?? "/", "listeners.sock");

    /// <summary>Unless the file's level is another, what an administrator has turned it to stays.</summary>
    internal static void TurnLog(IReadOnlySet<string> changed, LogWriter log, NodeConfiguration configuration)
    {
        if (changed.Contains("log.level"))
        {
            log.Level.Level = configuration.Log.Level;
        }
    }

    private static NodeDescription Describe(NodeSection node) => new()
    {
        NodeName = node.Name,
        Cluster = node.Cluster,
        Network = node.Network,
        ProxyName = $"mesh-node-{node.Name}",
        Address = node.Addresses.Count > 0 ? IPAddress.Parse(node.Addresses[0]) : IPAddress.Loopback,
    };

    /// <summary>Not ready from the moment the process is asked to end.</summary>
    private sealed class StopPart(StopSignal stop) : IReadinessPart
    {
        public string Name => "stopping";

        public string? Pending => stop.Token.IsCancellationRequested ? "open connections are brought to their end" : null;
    }

    /// <summary>Ready once the first complete configuration is in force.</summary>
    private sealed class DiscoveryPart(ConfigurationStore store) : IReadinessPart
    {
        public string Name => "configuration";

        public string? Pending => store.Current.IsComplete ? null : $"waiting for {string.Join(", ", store.Discovery.Awaited)}";
    }

    /// <summary>Ready once every pod of the node is served.</summary>
    private sealed class HandoverPart(HandoverClient handover) : IReadinessPart
    {
        public string Name => "pods";

        public string? Pending => handover.NotReadyReason;
    }

    /// <summary>Ready once DNS is served in every pod, so that the proxy before this one may end.</summary>
    private sealed class DnsPart(NodeProxy proxy) : IReadinessPart
    {
        public string Name => "dns";

        public string? Pending => proxy.HearsDns ? null : "DNS of some pods is left to the proxy before this one until the mesh is known";
    }
}
