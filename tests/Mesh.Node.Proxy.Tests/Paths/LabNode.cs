using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using Mesh.Api.Identity;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Capture;
using Mesh.Node.Capture.Handover;
using Mesh.Node.Capture.Rules;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Succession;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Proxy.Telemetry.Requests;
using Mesh.Node.Proxy.Tests.Resolution;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Mesh.Testing.Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// A node of namespaces: the host, pods joined to it, the real rules in each pod, and the real data plane in this process. The test is the
/// control plane.
/// </summary>
internal sealed class LabNode : IAsyncDisposable, IConfigurationReader, ICertificateReader
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private const string Name = "node-1";

    private readonly TestCa _root = TestCa.CreateRoot();
    private readonly Dictionary<SpiffeId, TlsContexts> _contexts = [];
    private readonly List<(SpiffeId Identity, TestCertificate Certificate)> _issued = [];
    private readonly List<TlsTrust> _trusts = [];
    private readonly List<LabPod> _pods = [];
    private readonly List<LabPod> _strangers = [];
    private readonly LogText _log = new();
    private readonly List<(NodeProxy Proxy, EventLoopGroup Loops, NodeTelemetry Telemetry)> _proxies = [];
    private readonly EventLoopOptions _loopOptions;
    private readonly ScriptedNames _names = new();
    private NamespaceRules _rules = null!;
    private volatile TlsTrust? _trust;
    private SpiffeId? _withheld;
    private volatile MeshSnapshot _current = MeshSnapshot.Empty;

    private LabNode(ScratchNamespace host, ProxyOptions options, EventLoopOptions loopOptions)
    {
        Host = host;
        _loopOptions = loopOptions;
        Proxy = CreateProxy(options);
    }

    public event Action<ConfigurationChange>? Changed;

    public event Action<TrustDomain>? TrustChanged;

    public ScratchNamespace Host { get; }

    public NodeProxy Proxy { get; }

    /// <summary>What names of endpoints are found to have.</summary>
    public ScriptedNames Names => _names;

    /// <summary>The loops of <see cref="Proxy"/>.</summary>
    public IReadOnlyList<EventLoop> Loops => _proxies[0].Loops.Loops;

    /// <summary>What reading a certificate throws; null where it does not.</summary>
    public Exception? CertificateFault { get; set; }

    /// <summary>What the access log has so far.</summary>
    public string Log => _log.Text;

    public MeshSnapshot Current => _current;

    private IEnumerable<ConnectionTelemetry> Telemetry => _proxies.SelectMany(proxy => proxy.Telemetry.Connections);

    public static async Task<LabNode> StartAsync(ProxyOptions? options = null, EventLoopOptions? loops = null)
    {
        var node = new LabNode(await ScratchNamespace.CreateAsync(), options ?? new ProxyOptions(), loops ?? new EventLoopOptions());
        await node.Host.ExecuteAsync("sysctl -q -w net.ipv4.ip_forward=1");
        node._rules = await NamespaceRules.DetectAsync(
            CaptureBackend.Auto, CaptureMode.Tproxy, Path.GetTempPath(), TimeProvider.System, CancellationToken.None);
        node.Configure(_ => { });
        return node;
    }

    /// <summary>The metrics of the first data plane.</summary>
    public MetricRegistry Metrics => _proxies[0].Telemetry.Metrics;

    /// <summary>Connections that entered a path so far, of all data planes.</summary>
    public long OpenedTotal(ConnectionPath path) => Telemetry.Sum(loop => loop.OpenedTotal(path));

    /// <summary>Those of them that ended for a reason.</summary>
    public long ClosedTotal(ConnectionPath path, CloseReason reason) => Telemetry.Sum(loop => loop.ClosedTotal(path, reason));

    /// <summary>Requests that authorizers were to be asked about so far, by what came of it, in all data planes.</summary>
    public long ChecksTotal(CheckResult result) =>
        _proxies.SelectMany(proxy => Enumerable.Range(0, 2).Select(proxy.Telemetry.RequestsForLoop)).Sum(loop => loop.ChecksTotal(result));

    /// <summary>Connections and requests that policies in a dry run decided about so far, by what they would have done.</summary>
    public long DryRunsTotal(DryRunResult result) => Telemetry.Sum(loop => loop.DryRunsTotal(result));

    /// <summary>Copies of requests begun so far, by all data planes.</summary>
    public long MirrorsTotal => _proxies.SelectMany(proxy => Enumerable.Range(0, 2).Select(proxy.Telemetry.RequestsForLoop)).Sum(loop => loop.MirrorsTotal);

    /// <summary>A data plane with loops of its own, as another process of the node would be.</summary>
    /// <param name="options">What it is held to.</param>
    /// <param name="predecessor">Where it takes listeners from instead of opening them.</param>
    /// <param name="configuration">What it knows of the mesh; what the node is told, unless said otherwise.</param>
    public NodeProxy CreateProxy(ProxyOptions options, IListenerSource? predecessor = null, IConfigurationReader? configuration = null)
    {
        var loops = EventLoopGroup.Start(2, _loopOptions);
        var telemetry = new NodeTelemetry(new TelemetryOptions(), new LogOptions { Requests = AccessLogMode.Text }, loops: 2, _log, TimeProvider.System);
        var proxy = new NodeProxy(
            Name, options, loops, configuration ?? this, this, telemetry, NullLogger.Instance, predecessor, names: _names);
        _proxies.Add((proxy, loops, telemetry));
        return proxy;
    }

    /// <summary>A pod: joined to the host, known to the control plane, captured, and taken over by the data plane.</summary>
    public Task<LabPod> AddPodAsync(string name, params PodProbe[] probes) => AddPodAsync(name, Proxy, probes);

    /// <summary>The same, taken over by another data plane than the first: it is then as a pod of another node.</summary>
    public async Task<LabPod> AddPodAsync(string name, NodeProxy proxy, params PodProbe[] probes)
    {
        LabPod pod = await JoinAsync(name, probes);
        await _rules.ApplyAsync(pod.Network.Network, new CapturePlan { Mode = CaptureMode.Tproxy, CapturesDns = true }, CancellationToken.None);
        _pods.Add(pod);
        Configure(builder => builder.SetWorkload(pod.Workload));
        Assert.Null(await TakeOverAsync(proxy, pod));
        return pod;
    }

    /// <summary>Something that is reached like a pod and of which the mesh knows nothing.</summary>
    public async Task<LabPod> AddStrangerAsync(string name)
    {
        LabPod stranger = await JoinAsync(name, []);
        _strangers.Add(stranger);
        return stranger;
    }

    /// <summary>A namespace that the host leads to, and to the host.</summary>
    private async Task<LabPod> JoinAsync(string name, PodProbe[] probes)
    {
        int number = _pods.Count + _strangers.Count + 1;
        ScratchNamespace network = await ScratchNamespace.CreateAsync();
        var address = IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.9.{number}.2"));
        var gateway = IPAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"10.9.{number}.1"));
        string veth = string.Create(CultureInfo.InvariantCulture, $"pod{number}");
        await network.ExecuteAsync($"ip link add eth0 type veth peer name {veth} netns {Host.Network.DescriptorPath}");
        await network.ExecuteAsync($"ip addr add {address}/24 dev eth0");
        await network.ExecuteAsync("ip link set eth0 up");
        await Host.ExecuteAsync($"ip addr add {gateway}/24 dev {veth}");
        await Host.ExecuteAsync($"ip link set {veth} up");
        await network.ExecuteAsync($"ip route add default via {gateway}");
        var workload = new Workload
        {
            Uid = $"Kubernetes//Pod/shop/{name}",
            Name = name,
            Namespace = "shop",
            Node = Name,
            Identity = SpiffeId.Parse($"spiffe://cluster.local/ns/shop/sa/{name}"),
            Addresses = [address],
            TunnelProtocol = TunnelProtocol.Hbone,
            NetworkPolicies = NetworkPolicyReach.None,
        };
        return new LabPod(network, gateway, workload, new PodDetails([address], [gateway], probes, CaptureMode.Tproxy, FrozenDictionary<string, string>.Empty));
    }

    /// <summary>Hands a pod to a data plane, as an agent does.</summary>
    public static async Task<string?> TakeOverAsync(NodeProxy proxy, LabPod pod) => await proxy.AddAsync(
        new PodHandover(
            pod.Workload.Name, pod.Workload.Name, pod.Workload.Namespace, pod.Workload.Name,
            NetNamespace.OpenPath(pod.Network.Network.DescriptorPath), pod.Details),
        CancellationToken.None);

    /// <summary>Changes what the control plane says; in force when it returns.</summary>
    public void Configure(Action<MeshSnapshot.Builder> change)
    {
        MeshSnapshot previous = _current;
        MeshSnapshot.Builder builder = previous.ToBuilder();
        builder.MarkComplete();
        change(builder);
        _current = builder.Build();
        Changed?.Invoke(new ConfigurationChange(
            previous, _current, FrozenSet<string>.Empty, FrozenSet<string>.Empty, FrozenSet<string>.Empty, FrozenSet<string>.Empty));
    }

    /// <summary>A certificate of the mesh, for a peer that a test plays.</summary>
    public TestCertificate Issue(string serviceAccount) => _root.Issue($"spiffe://cluster.local/ns/shop/sa/{serviceAccount}");

    /// <summary>Puts every certificate issued to an identity so far on a revocation list, and tells the data plane.</summary>
    public void Revoke(SpiffeId identity)
    {
        lock (_contexts)
        {
            byte[][] revoked = [.. _issued.Where(issued => issued.Identity.Equals(identity)).Select(issued => issued.Certificate.Der)];
            Assert.NotEmpty(revoked);
            _trusts.Add(_trust = TlsTrust.Create(_root.CertificatePem, _root.IssueRevocationList(revoked)));
        }

        TrustChanged?.Invoke(identity.TrustDomain);
    }

    /// <summary>Has no certificate for an identity from now on, as when the certificate service does not issue one; null ends that.</summary>
    public void WithholdCertificate(SpiffeId? identity) => Volatile.Write(ref _withheld, identity);

    /// <summary>Denies plaintext everywhere, as PeerAuthentication STRICT does: a DENY of whoever has no identity.</summary>
    public void BeStrict() => Configure(builder => builder.SetPolicy(new AuthorizationPolicy("istio-system", "strict")
    {
        Action = PolicyAction.Deny,
        Scope = PolicyScope.Global,
        Rules = [new AuthorizationRule([new AuthorizationClause([new AuthorizationMatch { NotPrincipals = [TextMatch.Present] }])])],
    }));

    /// <summary>Waits until a connection ended so; the line, or a failure with the whole log.</summary>
    public async Task<string> WaitForLineAsync(params string[] parts)
    {
        try
        {
            string? found = null;
            await Eventually.TrueAsync(
                () => (found = Log.Split('\n').FirstOrDefault(line => parts.All(part => line.Contains(part, StringComparison.Ordinal)))) is not null,
                Patience);
            return found!;
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"No line has {string.Join(" and ", parts)}:\n{Log}");
        }
    }

    bool ICertificateReader.TryGet(SpiffeId identity, [NotNullWhen(true)] out TlsContexts? contexts)
    {
        if (identity.Equals(Volatile.Read(ref _withheld)))
        {
            contexts = null;
            return false;
        }

        if (CertificateFault is Exception fault)
        {
            throw fault;
        }

        lock (_contexts)
        {
            if (!_contexts.TryGetValue(identity, out contexts))
            {
                contexts = new TlsContexts(ContextFor(identity, isServer: false), ContextFor(identity, isServer: true), DateTimeOffset.MaxValue);
                _contexts.Add(identity, contexts);
            }

            return true;
        }
    }

    Task<TlsContexts?> ICertificateReader.GetAsync(SpiffeId identity, TimeSpan patience) => Task.FromResult<TlsContexts?>(null);

    TlsTrust? ICertificateReader.FindTrust(TrustDomain trustDomain) => _trust;

    public async ValueTask DisposeAsync()
    {
        foreach ((NodeProxy proxy, EventLoopGroup loops, NodeTelemetry telemetry) in _proxies)
        {
            foreach (LabPod pod in _pods)
            {
                await proxy.RemoveAsync(pod.Workload.Name, CancellationToken.None);
            }

            proxy.Dispose();
            loops.Dispose();
            telemetry.Dispose();
        }

        _pods.ForEach(pod => pod.Dispose());
        _strangers.ForEach(stranger => stranger.Dispose());
        foreach (TlsContexts contexts in _contexts.Values)
        {
            contexts.Client.Dispose();
            contexts.Server.Dispose();
        }

        _trusts.ForEach(trust => trust.Dispose());
        _log.Dispose();
        _root.Dispose();
        Host.Dispose();
    }

    private TlsContext ContextFor(SpiffeId identity, bool isServer)
    {
        TestCertificate certificate = _root.Issue(identity.ToString());
        _issued.Add((identity, certificate));
        return TlsContext.Create(new TlsContextOptions
        {
            IsServer = isServer,
            CertificateChainPem = certificate.ChainPem,
            PrivateKeyPkcs8 = certificate.PrivateKeyPkcs8,
            TrustedRootsPem = _root.CertificatePem,
            TrustDomains = ["cluster.local"],
        });
    }

    /// <summary>Keeps what is written, to be read at any time.</summary>
    private sealed class LogText : MemoryStream
    {
        private readonly Lock _lock = new();

        public string Text
        {
            get
            {
                lock (_lock)
                {
                    return System.Text.Encoding.UTF8.GetString(GetBuffer(), 0, (int)Length);
                }
            }
        }

        // What is written as a span comes here too: MemoryStream sees to it for a class derived from it.
        public override void Write(byte[] buffer, int offset, int count)
        {
            lock (_lock)
            {
                base.Write(buffer, offset, count);
            }
        }
    }
}
