using System.Net;
using System.Text.Json;
using System.Threading.Channels;
using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Kubernetes;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Capture.Rules;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Agent;

/// <summary>
/// The agent of a node: keeps the pods that sources name captured, and hands them to the proxy. No traffic passes through it: pods stay
/// captured and served while it is away.
/// </summary>
public sealed partial class NodeAgent
{
    private static readonly TimeSpan s_reportPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan s_eventPause = TimeSpan.FromSeconds(1);

    // For what somebody else changes on a pod.
    private static readonly TimeSpan s_noteAgain = TimeSpan.FromSeconds(1);

    private readonly string _node;
    private readonly IReadOnlyList<IPAddress> _nodeAddresses;
    private readonly CaptureOptions _capture;
    private readonly PodSourceOptions _sources;
    private readonly KubernetesOptions _kubernetes;
    private readonly HandoverOptions _handover;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;

    // Told that something is to be written down. Bounded by one: what is written is always the newest.
    private readonly Channel<bool> _reportChanges =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    private readonly WakeSignal _noteChanges = new();
    private volatile string? _otherProblem;

    // Made anew when options change.
    private volatile CapturePlanner? _planner;

    private readonly TaskCompletionSource _firstLook = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _fault = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();

    // Guarded by _gate.
    private readonly Dictionary<string, (PodCapture Pod, Task Running)> _pods = new(StringComparer.Ordinal);

    /// <param name="node">The node's name, for reports.</param>
    /// <param name="nodeAddresses">
    /// The node's own addresses, from which probes come; none for those of the network this process is in.
    /// </param>
    /// <param name="capture">What is captured.</param>
    /// <param name="sources">Where pods are named.</param>
    /// <param name="kubernetes">The API server that names pods.</param>
    /// <param name="handover">Where proxies connect.</param>
    /// <param name="logger">For the operator.</param>
    /// <param name="time">For waits and limits.</param>
    public NodeAgent(
        string node,
        IReadOnlyList<IPAddress> nodeAddresses,
        CaptureOptions capture,
        PodSourceOptions sources,
        KubernetesOptions kubernetes,
        HandoverOptions handover,
        ILogger logger,
        TimeProvider time)
    {
        _node = node;
        _nodeAddresses = nodeAddresses;
        _capture = capture;
        _sources = sources;
        _kubernetes = kubernetes;
        _handover = handover;
        _logger = logger;
        _time = time;
    }

    /// <summary>How new pods are captured before they start.</summary>
    public CniOptions Cni { get; init; } = new();

    /// <summary>Where the report is written, beside the socket.</summary>
    public string StatusPath => Path.Combine(RuntimeDirectory, "agent-status.json");

    private string RuntimeDirectory => Path.GetDirectoryName(Path.GetFullPath(_handover.SocketPath)) ?? "/";

    /// <summary>Where lock files of iptables-legacy go, beside the socket.</summary>
    public static string LockDirectoryOf(HandoverOptions handover) =>
        Path.Combine(Path.GetDirectoryName(Path.GetFullPath(handover.SocketPath)) ?? "/", "xtables");

    /// <summary>Reads every pod's rules back now, and repairs what differs. Any thread.</summary>
    public void VerifyNow()
    {
        lock (_gate)
        {
            foreach ((PodCapture pod, Task _) in _pods.Values)
            {
                pod.RequestVerification();
            }
        }
    }

    /// <summary>Options of capture are others now, except mode and back-end: brings every pod's rules to them. Any thread.</summary>
    /// <exception cref="CaptureException">They are wrong; the message names each.</exception>
    public void OnOptionsChanged()
    {
        _planner = new CapturePlanner(_capture);
        VerifyNow();
    }

    /// <summary>Says in the report what else is wrong on the node; null when nothing is. Any thread.</summary>
    public void ReportProblem(string? problem)
    {
        _otherProblem = problem;
        SignalReport();
    }

    /// <summary>Runs until cancelled. Pods stay captured then.</summary>
    /// <exception cref="CaptureException">
    /// The agent cannot do its work on this node: wrong options, another agent, no usable rule interface, no socket.
    /// </exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        // 1. What can be wrong with the options or the node is said before anything is touched.
        _planner = new CapturePlanner(_capture);
        using PodSources sources = new(_sources, _kubernetes, _node, SignalReport, _logger, _time);
        if (!Capabilities.HasNetAdmin || !Capabilities.HasSysAdmin)
        {
            throw new CaptureException(
                "The agent needs the capabilities NET_ADMIN and SYS_ADMIN to enter pods' namespaces and write rules there.");
        }

        Directory.CreateDirectory(RuntimeDirectory);
        using AgentLock held = AgentLock.Take(_handover.SocketPath + ".lock");
        NamespaceRules rules =
            await NamespaceRules.DetectAsync(
                _capture.Backend, _capture.Mode, LockDirectoryOf(_handover), _time, cancellation, _kubernetes.HostProc);
        using NetNamespace own = NetNamespace.OpenCurrent();
        HandoverServer server = new(_handover, OnHandoverChanged, _logger, _time);
        _server = server;
        _podSources = sources;
        AgentServices services = new()
        {
            Options = _capture,
            Planner = () => _planner,
            Rules = rules,
            Server = server,
            NodeAddresses = new NodeAddresses(_nodeAddresses),
            OwnNamespace = own.Id,
            Metrics = _metrics,
            Logger = _logger,
            Time = _time,
            OnReportChanged = SignalReport,
        };
        Log.AgentStarted(_logger, rules.Backend, _capture.Mode, _handover.SocketPath);
        if (_capture.Dns && rules.DnsObstacle is string obstacle)
        {
            Log.DnsNotCaptured(_logger, obstacle);
        }

        // 2. None of these ends by itself; the first that does ends the others.
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task[] parts =
        [
            FollowSourcesAsync(sources, services, stop.Token),
            ServeAsync(server, stop.Token),
            WriteReportsAsync(rules.Backend, server, stop.Token),
            ServeRuntimeAsync(sources, services, stop.Token),
            SayEventsAsync(sources.Events, stop.Token),
            NoteCaptureAsync(sources.Notes, stop.Token),
            SayConditionAsync(sources.Condition, stop.Token),
            _fault.Task,
        ];
        Task ended = await Task.WhenAny(parts);
        await stop.CancelAsync();
        foreach (Task part in parts[..^1])
        {
            await part.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (!cancellation.IsCancellationRequested)
        {
            await ended;
        }
    }

    /// <summary>
    /// Takes proxies in once every pod known at the start has been looked at: a proxy that comes back drops what it is not told of.
    /// </summary>
    private async Task ServeAsync(HandoverServer server, CancellationToken cancellation)
    {
        await _firstLook.Task.WaitAsync(cancellation);
        await server.RunAsync(cancellation);
    }

    /// <summary>Starts, changes and ends pods as the sources say.</summary>
    private async Task FollowSourcesAsync(PodSources sources, AgentServices services, CancellationToken cancellation)
    {
        try
        {
            await foreach (IReadOnlyDictionary<string, PodSpec> wanted in sources.WatchAsync(cancellation))
            {
                Apply(wanted, services, cancellation);
                if (!_firstLook.Task.IsCompleted)
                {
                    await LookAtAllAsync(cancellation);
                    _firstLook.TrySetResult();
                }
            }

            // Sources that never change have said everything.
            await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
        }
        finally
        {
            Task[] running;
            lock (_gate)
            {
                running = [.. _pods.Values.Select(entry => entry.Running)];
            }

            await Task.WhenAll(running);
        }
    }

    private async Task LookAtAllAsync(CancellationToken cancellation)
    {
        Task[] looks;
        lock (_gate)
        {
            looks = [.. _pods.Values.Select(entry => entry.Pod.Looked)];
        }

        await Task.WhenAll(looks).WaitAsync(cancellation);
    }

    private void Apply(IReadOnlyDictionary<string, PodSpec> wanted, AgentServices services, CancellationToken cancellation)
    {
        lock (_gate)
        {
            IReadOnlyDictionary<string, PodSpec> all = _attached.Over(wanted);
            foreach (PodSpec spec in all.Values)
            {
                Want(spec, services, cancellation);
            }

            foreach ((string uid, (PodCapture pod, Task _)) in _pods)
            {
                if (!all.ContainsKey(uid))
                {
                    pod.Want(null);
                }
            }
        }
    }

    /// <summary>Starts a pod or changes it. Under the gate.</summary>
    private PodCapture Want(PodSpec spec, AgentServices services, CancellationToken cancellation)
    {
        if (_pods.TryGetValue(spec.Uid, out (PodCapture Pod, Task Running) existing))
        {
            existing.Pod.Want(spec);
            return existing.Pod;
        }

        PodCapture pod = new(spec, services);
        _pods[spec.Uid] = (pod, RunPodAsync(spec.Uid, pod, cancellation));
        return pod;
    }

    private async Task RunPodAsync(string uid, PodCapture pod, CancellationToken cancellation)
    {
        // Not under the caller's lock.
        await Task.Yield();
        try
        {
            while (true)
            {
                await pod.RunAsync(cancellation);
                lock (_gate)
                {
                    // It may have been wanted again in the moment it had left.
                    if (pod.Wanted is null || cancellation.IsCancellationRequested)
                    {
                        _pods.Remove(uid);
                        break;
                    }
                }
            }

            SignalReport();
        }
        catch (Exception fault)
        {
            // Our mistake. A pod that nobody looks after is worse than an agent that is started again.
            _fault.TrySetException(fault);
        }
    }

    private void OnHandoverChanged()
    {
        lock (_gate)
        {
            foreach ((PodCapture pod, Task _) in _pods.Values)
            {
                pod.OnProxyChanged();
            }
        }

        SignalReport();
    }

    private void SignalReport()
    {
        _reportChanges.Writer.TryWrite(true);
        _noteChanges.Set();
    }

    /// <summary>Not before every pod known at the start has been looked at: until then no pod is one that left.</summary>
    private async Task NoteCaptureAsync(CaptureNotes? notes, CancellationToken cancellation)
    {
        await _firstLook.Task.WaitAsync(cancellation);
        while (notes is not null)
        {
            Dictionary<string, PodReport> reports = Reports().ToDictionary(report => report.Uid, StringComparer.Ordinal);
            if (await notes.WriteAsync(reports, cancellation))
            {
                _reportChanges.Writer.TryWrite(true);
            }

            await _noteChanges.WaitAsync(s_noteAgain, _time, cancellation);
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
    }

    private async Task SayEventsAsync(PodEvents? events, CancellationToken cancellation)
    {
        while (events is not null)
        {
            await Task.Delay(s_eventPause, _time, cancellation);
            await events.SayAsync(Reports(), cancellation);
        }

        await Task.Delay(Timeout.InfiniteTimeSpan, _time, cancellation);
    }

    private async Task WriteReportsAsync(CaptureBackend backend, HandoverServer server, CancellationToken cancellation)
    {
        while (await _reportChanges.Reader.WaitToReadAsync(cancellation))
        {
            _reportChanges.Reader.TryRead(out _);
            WriteReport(backend, server);
            await Task.Delay(s_reportPause, _time, cancellation);
        }
    }

    private void WriteReport(CaptureBackend backend, HandoverServer server)
    {
        AgentReport report = new()
        {
            Node = _node,
            WrittenAt = _time.GetUtcNow(),
            Backend = backend,
            Proxies = server.SessionCount,
            Problems = Problems(),
            Pods = [.. Reports().OrderBy(pod => pod.Pod, StringComparer.Ordinal)],
        };

        try
        {
            // Readers see the old report or the new one, never half of one.
            string temporary = StatusPath + ".new";
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(report, AgentReportJson.Default.AgentReport));
            File.Move(temporary, StatusPath, overwrite: true);
        }
        catch (Exception refused) when (refused is IOException or UnauthorizedAccessException)
        {
            Log.StatusNotWritten(_logger, StatusPath, refused.Message);
        }
    }
}
