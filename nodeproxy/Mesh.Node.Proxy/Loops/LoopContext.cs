using Mesh.Api.Identity;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Authentication;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Lookups;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Loops;

/// <summary>What the connections of one loop share: the loop, its counters, and the list of themselves.</summary>
/// <remarks>
/// Belongs to the loop's thread. Nothing here is shared with another loop but the process-wide services, which are read-only.
/// </remarks>
internal sealed class LoopContext : IOpenStreamCounts, IReadyHandler
{
    private readonly HashSet<ProxiedConnection> _connections = [];
    private readonly List<ConfigurationWait> _waits = [];
    private readonly Dictionary<string, int> _openByWorkload = new(StringComparer.Ordinal);
    private readonly Queue<EnrolledPod> _held = new();
    private RandomState _random;
    private bool _resumesHeld;

    /// <summary>One for each loop, made before the loop has work.</summary>
    public LoopContext(EventLoop loop, ConnectionTelemetry telemetry, RequestTelemetry requests, ProxyServices services)
    {
        Loop = loop;
        Telemetry = telemetry;
        Requests = requests;
        Services = services;
        _random = new RandomState((ulong)System.Random.Shared.NextInt64());
        loop.Handshakes.RoomMade += ResumeHeld;
    }

    public EventLoop Loop { get; }

    public ConnectionTelemetry Telemetry { get; }

    public RequestTelemetry Requests { get; }

    public ProxyServices Services { get; }

    /// <summary>For building one message at a time.</summary>
    public HeaderList Headers { get; } = new();

    /// <summary>
    /// Room for the value of a field that came in several lines: as much as all fields of a head may be, and those that routes add.
    /// </summary>
    public byte[] Joined => field ??= GC.AllocateUninitializedArray<byte>(2 * Services.Http.Http1.FieldsBytesMax);

    /// <summary>Answers what pods ask about names of the mesh.</summary>
    public DnsResponder Names => field ??= new DnsResponder(this);

    /// <summary>Tokens of requests that were accepted on this loop.</summary>
    public TokenCache Tokens => field ??= new TokenCache();

    /// <summary>Source of endpoint choices.</summary>
    public ref RandomState Random => ref _random;

    /// <summary>The configuration in force.</summary>
    public MeshSnapshot Snapshot => Services.Configuration.Current;

    private IEnumerable<TunnelPool> TunnelsHere => Services.Pods.All.Select(pod => pod.FindTunnelsOn(this)).OfType<TunnelPool>();

    private IEnumerable<UpstreamPool> UpstreamsHere => Services.Pods.All.Select(pod => pod.FindUpstreamsOn(this)).OfType<UpstreamPool>();

    int IOpenStreamCounts.OpenStreams(Workload workload) => _openByWorkload.GetValueOrDefault(workload.Uid);

    /// <summary>Counts a connection to an endpoint, so that the next choice knows it.</summary>
    public void CountOpen(Workload workload)
    {
        ref int open = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrAddDefault(_openByWorkload, workload.Uid, out _);
        open++;
    }

    /// <summary>Takes back what <see cref="CountOpen"/> counted.</summary>
    public void CountClosed(Workload workload)
    {
        if (_openByWorkload.TryGetValue(workload.Uid, out int open))
        {
            if (open <= 1)
            {
                _openByWorkload.Remove(workload.Uid);
            }
            else
            {
                _openByWorkload[workload.Uid] = open - 1;
            }
        }
    }

    /// <summary>Makes a connection known before anything is decided about it, so that nothing is open and unseen.</summary>
    public void Add(ProxiedConnection connection) => _connections.Add(connection);

    /// <summary>The connection is over.</summary>
    public void Remove(ProxiedConnection connection) => _connections.Remove(connection);

    /// <summary>Lets the listeners of a pod that is at home here go on when a handshake has ended.</summary>
    public void Hold(EnrolledPod pod)
    {
        if (!pod.IsHeld)
        {
            pod.IsHeld = true;
            _held.Enqueue(pod);
        }
    }

    /// <summary>A handshake has ended, here or for a pod that is at home here: listeners that were held look again.</summary>
    public void ResumeHeld()
    {
        // In the next turn, since what they accept may end at once and bring us here again.
        if (_held.Count > 0 && !_resumesHeld)
        {
            _resumesHeld = true;
            Loop.RunNextTurnForAll(this);
        }
    }

    void IReadyHandler.OnReady(EpollEvents events)
    {
        _resumesHeld = false;
        for (int left = _held.Count; left > 0; left--)
        {
            // First come, first served; whoever may still not goes to the end.
            EnrolledPod pod = _held.Dequeue();
            pod.IsHeld = false;
            pod.ResumeListeners();
        }
    }

    /// <summary>Waits until the configuration satisfies the condition; false when the time limit came first.</summary>
    public async ValueTask<bool> WaitForConfigurationAsync(Func<MeshSnapshot, bool> condition, TimeSpan timeLimit)
    {
        if (condition(Snapshot))
        {
            return true;
        }

        var wait = new ConfigurationWait(Loop, condition);
        _waits.Add(wait);
        bool met = await wait.WaitAsync(timeLimit);
        _waits.Remove(wait);
        return met;
    }

    /// <summary>The certificate of a local identity; waits a bounded time for a first one. Null when there is none.</summary>
    public ValueTask<TlsContexts?> GetCertificateAsync(SpiffeId identity) =>
        Services.Certificates.TryGet(identity, out TlsContexts? contexts)
            ? ValueTask.FromResult<TlsContexts?>(contexts)
            : Loop.AwaitAsync(
                Services.Certificates.GetAsync(identity, TimeSpan.FromMilliseconds(Services.Options.ConfigurationWaitMs)), null);

    /// <summary>A new configuration is in force: whoever waited looks again, and every guarded connection is judged anew.</summary>
    public void OnConfigurationChanged()
    {
        MeshSnapshot snapshot = Snapshot;
        for (int i = _waits.Count - 1; i >= 0; i--)
        {
            _waits[i].Look(snapshot);
        }

        foreach (EnrolledPod pod in Services.Pods.All)
        {
            if (pod.Home == this)
            {
                pod.OnConfigurationChanged();
            }
        }

        // A copy, because a connection that is ended removes itself.
        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            connection.Reevaluate(snapshot);
        }

        foreach (TunnelPool tunnels in TunnelsHere)
        {
            tunnels.OnConfigurationChanged(snapshot);
        }

        foreach (UpstreamPool upstreams in UpstreamsHere)
        {
            upstreams.OnConfigurationChanged(snapshot);
        }
    }

    /// <summary>Roots or revocation lists of a trust domain were replaced: tunnels whose peer they no longer vouch for are ended.</summary>
    public void OnTrustChanged(TrustDomain domain)
    {
        if (Services.Certificates.FindTrust(domain) is not TlsTrust trust)
        {
            return;
        }

        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            connection.Recheck(domain, trust);
        }

        foreach (TunnelPool tunnels in TunnelsHere)
        {
            tunnels.Recheck(domain, trust);
        }
    }

    /// <summary>Tunnels say GOAWAY, those made to our pods and those of our pods; connections go on.</summary>
    public void BeginDrain()
    {
        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            connection.BeginDrain();
        }

        foreach (TunnelPool tunnels in TunnelsHere)
        {
            tunnels.BeginDrain();
        }

        foreach (UpstreamPool upstreams in UpstreamsHere)
        {
            upstreams.BeginDrain();
        }
    }

    /// <summary>Closes the connections to upstreams that requests of a pod used, and those to it that requests of others used.</summary>
    public void LetGoOf(EnrolledPod pod)
    {
        pod.FindUpstreamsOn(this)?.Close();
        foreach (UpstreamPool upstreams in UpstreamsHere)
        {
            upstreams.CloseTowards(pod.Identity.Namespace, pod.Identity.Name);
        }
    }

    /// <summary>Ends every connection the condition selects.</summary>
    public void AbortWhere(Func<ProxiedConnection, bool> condition, CloseReason reason, string? detail)
    {
        foreach (ProxiedConnection connection in _connections.ToArray())
        {
            if (condition(connection))
            {
                connection.Abort(reason, detail);
            }
        }
    }
}
