using Mesh.Interop.Linux;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Authentication;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Enforcement.Limits;
using Mesh.Node.Proxy.Explain;
using Mesh.Node.Proxy.Http;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Origination;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Resolution;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy;

/// <summary>The data plane of one node: its loops and the pods it serves.</summary>
/// <remarks>Members may be called from any thread; what they do to a pod is done on the pod's home loop.</remarks>
public sealed class NodeProxy : IPodSink, ITunnelLister, IPodLister, IDestinationLister, IDisposable
{
    private readonly EventLoopGroup _loops;
    private readonly LoopContext[] _contexts;
    private readonly ProxyServices _services;
    private readonly DestinationUpkeep _upkeep;
    private readonly ResolvedConfiguration _configuration;
    private readonly IListenerSource? _predecessor;

    /// <summary>Ready to take pods over. Subscribes to changes; nothing is decided before the first complete configuration.</summary>
    /// <param name="nodeName">This node, as the control plane names it.</param>
    /// <param name="options">Limits and modes.</param>
    /// <param name="loops">The loops, which the caller owns.</param>
    /// <param name="configuration">The mesh as last told.</param>
    /// <param name="certificates">Certificates of local workloads.</param>
    /// <param name="telemetry">Sees every connection and every request.</param>
    /// <param name="logger">Where faults are told.</param>
    /// <param name="predecessor">The proxy before this one, whose listeners go on; null where there is none to ask.</param>
    /// <param name="clock">By which tokens of requests expire; the machine's unless said otherwise.</param>
    /// <param name="names">Who knows the addresses of names; the system's resolver unless said otherwise.</param>
    public NodeProxy(
        string nodeName,
        ProxyOptions options,
        EventLoopGroup loops,
        IConfigurationReader configuration,
        ICertificateReader certificates,
        NodeTelemetry telemetry,
        ILogger logger,
        IListenerSource? predecessor = null,
        TimeProvider? clock = null,
        INameLookup? names = null)
    {
        _configuration = new ResolvedConfiguration(
            configuration,
            new NameResolver(names ?? new SystemNameLookup(), TimeSpan.FromMilliseconds(options.NameRefreshMs), logger),
            logger);
        _predecessor = predecessor;
        _loops = loops;
        _services = new ProxyServices(
            nodeName,
            options,
            _configuration,
            certificates,
            new PodRegistry(),
            new DestinationRegistry(),
            new BufferBudget(options.NodeBufferBytesMax),
            new NodeLimits(options),
            HttpLimits.Of(options),
            new RateLimiters(clock ?? TimeProvider.System),
            new TokenWorker(clock ?? TimeProvider.System),
            telemetry.Dns,
            new PortHints(),
            new OriginationContexts(new OriginationFiles(options.TlsFilesDirectory)),
            logger);
        Explainer = new RequestExplainer(_configuration, _services.Destinations, static () => Environment.TickCount64);

        // Before the loops hear of a change, destinations are ready for it.
        _upkeep = new DestinationUpkeep(
            _services.Destinations, _configuration, TimeProvider.System, static () => Environment.TickCount64);
        _contexts =
        [
            .. loops.Loops.Select(loop => new LoopContext(
                loop, telemetry.ForLoop(loop.Index), telemetry.RequestsForLoop(loop.Index), _services)),
        ];
        _configuration.Changed += change => _services.RateLimiters.OnConfigurationChanged(change.Current);
        _configuration.Changed += _ => OnEveryLoop(static context => context.OnConfigurationChanged());
        certificates.TrustChanged += domain => OnEveryLoop(context => context.OnTrustChanged(domain));
    }

    /// <summary>Looks after nothing any more. The loops, and what is open on them, are the caller's.</summary>
    public void Dispose()
    {
        _configuration.Dispose();
        _upkeep.Dispose();
        _services.Tokens.Dispose();
        _services.Originations.Dispose();
    }

    IReadOnlyList<DestinationStatus> IDestinationLister.List() => _services.Destinations.Describe(Environment.TickCount64);

    /// <summary>What came of limits on requests.</summary>
    public IRateLimitLister RateLimits => _services.RateLimiters;

    /// <summary>Says what would become of a request.</summary>
    public IRequestExplainer Explainer { get; }

    /// <summary>Whether what pods ask of DNS servers is heard in all of them: after another proxy, once the mesh is known.</summary>
    public bool HearsDns => _services.Pods.All.All(pod => pod.HearsDns || pod.IsStopped);

    DestinationTotals IDestinationLister.Totals => _services.Destinations.Totals;

    IReadOnlyList<TunnelStatus> ITunnelLister.List() => [.. _services.Pods.All.SelectMany(pod => pod.DescribeTunnels())];

    IReadOnlyList<PodStatus> IPodLister.List() =>
    [
        .. _services.Pods.All.Select(pod => new PodStatus(
            pod.Identity.Uid, pod.Identity.Name, pod.Identity.Namespace, pod.Identity.ServiceAccount, pod.IsStopped ? "Draining" : "Up")),
    ];

    /// <summary>The listening sockets of the pod whose namespace this is; none where no pod of this process has it. Any thread.</summary>
    public IReadOnlyList<PodListener> ListenersOf((ulong Device, ulong Inode) network) =>
        _services.Pods.All.FirstOrDefault(pod => pod.NetworkId == network && !pod.IsStopped)?.Listening ?? [];

    /// <summary>Opens the pod's listeners; answers once they listen, so that an Ack means the pod may start.</summary>
    public async ValueTask<string?> AddAsync(PodHandover pod, CancellationToken cancellation)
    {
        var identity = new PodIdentity(pod.Uid, pod.Name, pod.Namespace, pod.ServiceAccount);
        EnrolledPod? existing = _services.Pods.FindByUid(pod.Uid);
        if (existing is not null)
        {
            if (existing.NetworkId == pod.Network.Id && existing.Identity == identity)
            {
                pod.Network.Dispose();
                existing.Details = pod.Details;
                return null;
            }

            // The sandbox was made anew under the same uid, and what we hold leads nowhere any more; or the pod is said to be another, and
            // nothing may go on in the old one's name.
            await RemoveAsync(pod.Uid, cancellation);
        }

        IReadOnlyList<PodListener> inherited = _predecessor?.Take(pod.Network.Id) ?? [];
        EventLoop loop = _loops.PickHome();
        try
        {
            EnrolledPod started = await OnLoopAsync(loop, () =>
            {
                var enrolled = EnrolledPod.Start(identity, pod.Details, pod.Network, _contexts[loop.Index], PlaceFor, inherited);
                _services.Pods.Add(enrolled);
                return enrolled;
            });
            Log.PodStarted(_services.Logger, started.Identity.ToString(), started.Identity.Uid, loop.Index);
            return null;
        }
        catch (PosixException failed)
        {
            return $"{identity}: {failed.Message}";
        }
    }

    /// <summary>Closes the pod's listeners and ends its connections.</summary>
    public async ValueTask RemoveAsync(string uid, CancellationToken cancellation)
    {
        if (_services.Pods.FindByUid(uid) is not EnrolledPod pod)
        {
            return;
        }

        // Out of the registry first: no loop may begin a same-node connection to it while it goes.
        _services.Pods.Remove(pod);
        await OnLoopAsync(pod.Home.Loop, () =>
        {
            pod.BeginDrain();
            return 0;
        });
        foreach (LoopContext context in _contexts)
        {
            await OnLoopAsync(context.Loop, () =>
            {
                context.AbortWhere(c => c.Pod == pod || c.ServingPod == pod, CloseReason.WorkloadRemoved, null);
                context.LetGoOf(pod);
                pod.FindTunnelsOn(context)?.Abort(CloseReason.WorkloadRemoved);
                return 0;
            });
        }

        await OnLoopAsync(pod.Home.Loop, () =>
        {
            pod.Stop();
            return 0;
        });
        Log.PodStopped(_services.Logger, pod.Identity.ToString(), pod.Identity.Uid);
    }

    /// <summary>Removes the pods the agent did not name again.</summary>
    public async ValueTask SnapshotCompleteAsync(IReadOnlySet<string> uids, CancellationToken cancellation)
    {
        foreach (EnrolledPod pod in _services.Pods.All.ToArray())
        {
            if (!uids.Contains(pod.Identity.Uid))
            {
                await RemoveAsync(pod.Identity.Uid, cancellation);
            }
        }
    }

    /// <summary>Stops accepting, says GOAWAY, waits for connections to end, and ends the rest when the time is up.</summary>
    public async Task DrainAsync(TimeSpan limit, TimeProvider clock)
    {
        foreach (EnrolledPod pod in _services.Pods.All)
        {
            await OnLoopAsync(pod.Home.Loop, () =>
            {
                pod.BeginDrain();
                return 0;
            });
        }

        foreach (LoopContext context in _contexts)
        {
            await OnLoopAsync(context.Loop, () =>
            {
                context.BeginDrain();
                return 0;
            });
        }

        long started = clock.GetTimestamp();
        while (_contexts.Any(context => context.Telemetry.Open.Count > 0) && clock.GetElapsedTime(started) < limit)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), clock, CancellationToken.None);
        }

        foreach (LoopContext context in _contexts)
        {
            await OnLoopAsync(context.Loop, () =>
            {
                context.AbortWhere(_ => true, CloseReason.DrainTimeout, null);
                return 0;
            });
        }
    }

    /// <summary>Where the next connection of a pod with this home lives.</summary>
    private LoopContext PlaceFor(LoopContext home, Placement placement) =>
        _contexts[(placement == Placement.Anywhere ? _loops.PickEvenly(home.Loop) : _loops.PickFor(home.Loop)).Index];

    private void OnEveryLoop(Action<LoopContext> body)
    {
        foreach (LoopContext context in _contexts)
        {
            context.Loop.Post(() => body(context));
        }
    }

    private static Task<T> OnLoopAsync<T>(EventLoop loop, Func<T> body)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() =>
        {
            try
            {
                done.SetResult(body());
            }
            catch (PosixException failed)
            {
                done.SetException(failed);
            }
        });
        return done.Task;
    }
}
