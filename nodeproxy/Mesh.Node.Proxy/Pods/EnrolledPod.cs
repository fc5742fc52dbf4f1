using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Capture;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Probes;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Http.Upstreams;
using Mesh.Node.Proxy.Inbound;
using Mesh.Node.Proxy.Lookups;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Outbound;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Upstream;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Listeners;
using TcpListener = Mesh.Node.Transport.Listeners.TcpListener;

namespace Mesh.Node.Proxy.Pods;

/// <summary>
/// A pod this process serves: its namespace, its listeners on its home loop, its tunnels on each loop it has connections on.
/// </summary>
/// <remarks>Made and ended on the home loop. Its facts are immutable; its counters are read by any thread.</remarks>
internal sealed class EnrolledPod
{
    private readonly List<TcpListener> _listeners = [];
    private readonly PodDns _dns;
    private readonly Func<LoopContext, Placement, LoopContext> _place;

    // Each loop makes its own when first needed, and only it; any thread may look.
    private readonly ConcurrentDictionary<LoopContext, TunnelPool> _tunnels = new();
    private readonly ConcurrentDictionary<LoopContext, UpstreamPool> _upstreams = new();
    private readonly ConcurrentDictionary<LoopContext, LoopShare> _shares = new();

    // Replaced whole by the home loop, read by any.
    private ImmutableArray<PodListener> _listening = [];
    private PodDetails _details;

    // Set by any loop, once.
    private volatile bool _wasKnown;

    // Set before the first use, never again.
    private bool _hadPredecessor;

    // Kept by the home loop, read by any.
    private volatile bool _hearsDns;

    private EnrolledPod(
        PodIdentity identity, PodDetails details, NetNamespace network, LoopContext home, Func<LoopContext, Placement, LoopContext> place)
    {
        _place = place;
        Identity = identity;
        _details = details;
        Home = home;
        Sockets = new PodSockets(network, home.Services.Options);
        NetworkId = network.Id;
        Pipes = new PipeBudget(home.Services.Options.PodPipesMax);
        Buffers = new BufferBudget(home.Services.Options.PodBufferBytesMax, home.Services.Buffers);
        Limits = new PodLimits(home.Services.Options);
        _dns = new PodDns(this);
    }

    public PodIdentity Identity { get; }

    /// <summary>
    /// What the agent told beyond who the pod is: addresses, probes, capture mode. Replaced whole when it tells anew. Any thread.
    /// </summary>
    public PodDetails Details
    {
        get => Volatile.Read(ref _details);
        set => Volatile.Write(ref _details, value);
    }

    /// <summary>Where its listeners are; connections may live on other loops.</summary>
    public LoopContext Home { get; }

    public PodSockets Sockets { get; }

    /// <summary>The namespace itself, by device and inode.</summary>
    public (ulong Device, ulong Inode) NetworkId { get; }

    /// <summary>Its share of the pipes for splicing. Any thread.</summary>
    public PipeBudget Pipes { get; }

    /// <summary>Its share of the bytes that may be held. Any thread.</summary>
    public BufferBudget Buffers { get; }

    /// <summary>Whether its listeners wait for a handshake to end. Home loop; kept by it.</summary>
    public bool IsHeld { get; set; }

    /// <summary>Whether it is being removed; nothing new is begun for it.</summary>
    public bool IsStopped { get; private set; }

    /// <summary>How many connections it has, and how many it may have. Any thread.</summary>
    public PodLimits Limits { get; }

    /// <summary>
    /// Whether it may serve what the pod asks of DNS servers: after another proxy, which still answers, only once the mesh is known. Before
    /// that nothing would be ours, and names of the mesh would be asked of servers that say they do not exist.
    /// </summary>
    public bool MayServeDns => _hearsDns || !_hadPredecessor || Home.Snapshot.IsComplete;

    /// <summary>Whether it hears what the pod asks over UDP. Any thread.</summary>
    public bool HearsDns => _hearsDns;

    /// <summary>The sockets it listens on, to be shared with the next proxy. Any thread.</summary>
    public ImmutableArray<PodListener> Listening => _listening;

    /// <summary>Opens the listeners of the pod. Home loop.</summary>
    /// <param name="identity">Who it is.</param>
    /// <param name="details">What the agent told beyond.</param>
    /// <param name="network">Its namespace, owned from here on.</param>
    /// <param name="home">Where its listeners are to be.</param>
    /// <param name="place">Where a connection of a loop may begin instead, while that loop is loaded.</param>
    /// <param name="inherited">Listeners of the proxy before this one, used in place of new ones; owned from here on.</param>
    /// <exception cref="PosixException">A listener could not be opened; none is left open, and the namespace is released.</exception>
    public static EnrolledPod Start(
        PodIdentity identity,
        PodDetails details,
        NetNamespace network,
        LoopContext home,
        Func<LoopContext, Placement, LoopContext> place,
        IReadOnlyList<PodListener> inherited)
    {
        List<PodListener> left = [.. inherited];
        var pod = new EnrolledPod(identity, details, network, home, place) { _hadPredecessor = inherited.Count > 0 };
        try
        {
            pod.Listen(MeshPorts.Outbound, new OutboundAcceptor(pod), left);
            pod.Listen(MeshPorts.InboundPlaintext, new InboundPlaintextAcceptor(pod), left);
            pod.Listen(MeshPorts.Hbone, new InboundHboneAcceptor(pod), left);
            pod.Listen(MeshPorts.Dns, new DnsAcceptor(pod), left);
            if (pod.MayServeDns)
            {
                pod.HearDns();
            }

            return pod;
        }
        catch
        {
            pod.CloseListeners();
            pod._dns.Close();
            pod.Sockets.Dispose();
            throw;
        }
        finally
        {
            left.ForEach(listener => listener.Socket.Dispose());
        }
    }

    /// <summary>The workload the control plane knows this pod as; null until it has arrived.</summary>
    public Workload? FindWorkload(MeshSnapshot snapshot)
    {
        Workload? workload = snapshot.FindPod(Home.Services.NodeName, Identity.Namespace, Identity.Name, Identity.ServiceAccount);
        if (workload is not null && !_wasKnown)
        {
            _wasKnown = true;
        }

        return workload;
    }

    /// <summary>
    /// Whether the control plane has known this pod and knows it no longer: then it is about to end, and nothing is to be waited for.
    /// </summary>
    public bool HasLeft(MeshSnapshot snapshot) => snapshot.IsComplete && FindWorkload(snapshot) is null && _wasKnown;

    /// <summary>The original destination of a captured connection, by the way the rules captured it.</summary>
    public IPEndPoint? OriginalDestination(SocketHandle accepted, AddressFamily family)
    {
        if (Details.CaptureMode == CaptureMode.Redirect)
        {
            return Mesh.Interop.Linux.SocketOptions.TryGetOriginalDestination(accepted, family, out IPEndPoint? original).Ok
                ? original
                : null;
        }

        return Mesh.Interop.Linux.Sockets.LocalEndPoint(accepted);
    }

    /// <summary>
    /// Whether the address is the only one of its family that the pod is known to have, so that the kernel chooses no other.
    /// </summary>
    public bool HasNoOtherThan(IPAddress address)
    {
        int others = 0;
        bool has = false;
        foreach (IPAddress own in Details.Addresses)
        {
            has |= own.Equals(address);
            others += own.AddressFamily == address.AddressFamily && !own.Equals(address) ? 1 : 0;
        }

        return has && others == 0;
    }

    /// <summary>
    /// What a client may ask of a port as a probe, whatever policy says: what the pod declares for the port, when the client is the pod's
    /// own node. Null when it may ask nothing.
    /// </summary>
    /// <param name="client">The client's address.</param>
    /// <param name="port">The pod's port.</param>
    /// <param name="mayBeSilent">Whether a probe of the port opens a connection and says nothing.</param>
    public ProbeRequests? ProbesOf(IPAddress client, int port, out bool mayBeSilent)
    {
        mayBeSilent = false;
        PodDetails details = Details;
        if (!details.NodeAddresses.Contains(client) || !details.Probes.Any(probe => probe.Port == port))
        {
            return null;
        }

        PodProbe[] probes = [.. details.Probes.Where(probe => probe.Port == port)];
        mayBeSilent = probes.Any(probe => probe.Kind == PodProbeKind.Tcp);
        return new ProbeRequests(
            [.. probes.Where(probe => probe.Kind == PodProbeKind.Http).Select(probe => probe.Path)],
            [.. probes.Where(probe => probe.Kind == PodProbeKind.Grpc).Select(probe => probe.Service)]);
    }

    /// <summary>
    /// Whether a peer of the pod may begin a handshake on a loop: while the pod has fewer under way than others could still begin there.
    /// One pod thus gets half of a loop's places, two get a third each, and peers that connect and say nothing, which nobody is needed for,
    /// leave room for those of other pods. Any thread.
    /// </summary>
    public bool MayBeginHandshake(LoopContext context) => Limits.HandshakeCount < context.Loop.Handshakes.RoomLeft;

    /// <summary>A limit that kept connections in the listeners' queues is no longer reached. Home loop.</summary>
    public void ResumeListeners()
    {
        foreach (TcpListener listener in _listeners)
        {
            listener.Resume();
        }
    }

    /// <summary>Begins to serve DNS once the mesh is known, if it has waited for that. Home loop.</summary>
    public void OnConfigurationChanged()
    {
        if (IsStopped || _hearsDns || !MayServeDns)
        {
            return;
        }

        try
        {
            HearDns();
        }
        catch (PosixException failed)
        {
            // Tried again at the next change; the proxy is not ready until then.
            _dns.BeginDrain();
            Log.DnsNotHeard(Home.Services.Logger, Identity.ToString(), failed.Message);
        }

        ResumeListeners();
    }

    /// <summary>
    /// Begins an accepted connection on the loop it will stay on. Home loop; owns the socket.
    /// </summary>
    /// <param name="socket">Ready to be used.</param>
    /// <param name="placement">What it asks of that loop; home has it, or the connection would not have been accepted.</param>
    /// <param name="create">Makes it, on that loop.</param>
    public void Begin(SocketHandle socket, Placement placement, Func<LoopContext, TcpChannel, ProxiedConnection> create)
    {
        LoopContext context = _place(Home, placement);
        if (context == Home || (placement == Placement.Handshake && !MayBeginHandshake(context)))
        {
            Begin(Home);
            return;
        }

        Home.Loop.SpilledCount++;
        context.Loop.Post(() => Begin(context));

        void Begin(LoopContext home)
        {
            if (TcpChannel.TryAttach(ShareOf(home), socket, out TcpChannel? channel).Ok)
            {
                _ = create(home, channel!).RunAsync();
            }
        }
    }

    /// <summary>
    /// Its part of a loop's time: what its applications ask of the proxy runs within it, and what others ask of them from other nodes.
    /// Any thread.
    /// </summary>
    public LoopShare ShareOf(LoopContext context) => _shares.GetOrAdd(context, static on => on.Loop.CreateShare());

    /// <summary>The tunnels of connections that live on a loop. That loop.</summary>
    public TunnelPool TunnelsOn(LoopContext context)
    {
        context.Loop.AssertOnThread();
        return _tunnels.GetOrAdd(context, static (on, pod) => new TunnelPool(pod, on), this);
    }

    /// <summary>The same, where there has been such a connection.</summary>
    public TunnelPool? FindTunnelsOn(LoopContext context) => _tunnels.GetValueOrDefault(context);

    /// <summary>The HTTP connections to upstreams of requests that are served on a loop. That loop.</summary>
    public UpstreamPool UpstreamsOn(LoopContext context)
    {
        context.Loop.AssertOnThread();
        return _upstreams.GetOrAdd(context, static (on, pod) => new UpstreamPool(on, pod.Buffers), this);
    }

    /// <summary>The same, where there has been such a request.</summary>
    public UpstreamPool? FindUpstreamsOn(LoopContext context) => _upstreams.GetValueOrDefault(context);

    /// <summary>All its tunnels, to show. Any thread.</summary>
    public IEnumerable<TunnelStatus> DescribeTunnels() => _tunnels.Values.SelectMany(tunnels => tunnels.Describe());

    /// <summary>Stops taking connections; open ones go on. Home loop.</summary>
    public void BeginDrain()
    {
        IsStopped = true;
        CloseListeners();
        _dns.BeginDrain();
    }

    /// <summary>Ends everything that belongs to the pod on its home loop, and lets the namespace go.</summary>
    public void Stop()
    {
        BeginDrain();
        _dns.Close();
        Sockets.Dispose();
    }

    private void Listen(ushort port, IAcceptHandler handler, List<PodListener> inherited)
    {
        bool any = false;
        foreach (AddressFamily family in (ReadOnlySpan<AddressFamily>)[AddressFamily.InterNetwork, AddressFamily.InterNetworkV6])
        {
            SocketHandle socket;
            try
            {
                int index = inherited.FindIndex(listener => listener.Port == port && listener.Family == family);
                socket = index < 0 ? Sockets.Listen(family, port) : Sockets.Inherit(inherited[index].Socket);
                if (index >= 0)
                {
                    inherited.RemoveAt(index);
                }
            }
            catch (PosixException missing) when (any && LacksIPv6(family, missing))
            {
                // A namespace without IPv6 has no IPv6 traffic to take.
                continue;
            }

            SysResult started = TcpListener.TryStart(ShareOf(Home), socket, handler, out TcpListener? listener);
            if (!started.Ok)
            {
                throw new PosixException(started.Error, $"epoll_ctl(:{port})");
            }

            _listeners.Add(listener!);
            _listening = _listening.Add(new PodListener(port, family, socket));
            any = true;
        }
    }

    private void HearDns()
    {
        _dns.Hear(AddressFamily.InterNetwork);
        try
        {
            _dns.Hear(AddressFamily.InterNetworkV6);
        }
        catch (PosixException missing) when (LacksIPv6(AddressFamily.InterNetworkV6, missing))
        {
            // As above.
        }

        _hearsDns = true;
    }

    private static bool LacksIPv6(AddressFamily family, PosixException refused) =>
        family == AddressFamily.InterNetworkV6 && refused.Error is Errno.EAFNOSUPPORT or Errno.EADDRNOTAVAIL;

    private void CloseListeners()
    {
        _listening = [];
        foreach (TcpListener listener in _listeners)
        {
            listener.Close();
        }

        _listeners.Clear();
    }
}
