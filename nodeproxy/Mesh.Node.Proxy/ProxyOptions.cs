namespace Mesh.Node.Proxy;

/// <summary>When traffic between two pods of this node may skip the network.</summary>
public enum SameNodeMode
{
    /// <summary>
    /// Direct, unless a NetworkPolicy restricts what the client opens or what the server is opened: those packets must meet the CNI. So
    /// must all where the control plane does not say, as Istio's does not.
    /// </summary>
    Auto,

    /// <summary>Always direct.</summary>
    Direct,

    /// <summary>Always over HBONE through the CNI.</summary>
    Network,
}

/// <summary>What the data plane is held to. Section <c>proxy</c> of the node's configuration file.</summary>
public sealed class ProxyOptions
{
    /// <summary>Event loops. 0 for one per usable processor (affinity and cgroup quota); 1 to 128.</summary>
    public int Loops { get; set; }

    /// <summary>Whether pods of one node talk directly.</summary>
    public SameNodeMode SameNode { get; set; } = SameNodeMode.Auto;

    /// <summary>Directory of a current libssl and libcrypto to use instead of the system's; null for the system's.</summary>
    public string? OpenSslDirectory { get; set; }

    /// <summary>
    /// Directory of the files that rules name for TLS towards servers outside the mesh. Whoever may write a rule may have any file in it
    /// used, and none besides.
    /// </summary>
    public string TlsFilesDirectory { get; set; } = "/etc/mesh-node/tls";

    /// <summary>Time for a TCP connect, to an application or to a peer. Milliseconds, 10 to 120 000.</summary>
    public int ConnectTimeoutMs { get; set; } = 10_000;

    /// <summary>Time for a TLS handshake and the first frames behind it. Milliseconds, 10 to 120 000.</summary>
    public int HandshakeTimeoutMs { get; set; } = 10_000;

    /// <summary>
    /// How long a connection waits for configuration it depends on (its workload, a named policy, a certificate). Milliseconds.
    /// </summary>
    public int ConfigurationWaitMs { get; set; } = 5_000;

    /// <summary>
    /// Silence in both directions after which a relayed connection is reset. Milliseconds; one hour, as Envoy's TCP proxy.
    /// </summary>
    public int IdleTimeoutMs { get; set; } = 3_600_000;

    /// <summary>
    /// The same once one direction has ended: half-open connections are reaped sooner. Milliseconds; a quarter of an hour.
    /// </summary>
    public int HalfOpenTimeoutMs { get; set; } = 900_000;

    /// <summary>How long a tunnel without streams is kept. Milliseconds; five minutes, as ztunnel.</summary>
    public int TunnelIdleMs { get; set; } = 300_000;

    /// <summary>Streams on one tunnel, the smaller of this and what the peer allows. ztunnel uses 100.</summary>
    public int TunnelStreamsMax { get; set; } = 100;

    /// <summary>
    /// Time from the first byte of a request to the end of its head; then it is answered 408 and its connection closed. Milliseconds.
    /// </summary>
    public int HttpHeadTimeoutMs { get; set; } = 60_000;

    /// <summary>
    /// How long a client of a port that declares no protocol is waited for before its connection is carried as bytes: its server may speak
    /// first. Milliseconds.
    /// </summary>
    public int ProtocolDetectionTimeoutMs { get; set; } = 1_000;

    /// <summary>
    /// How long an HTTP connection to an upstream is kept without a request; less than most servers keep it, so that they seldom close it
    /// just when it is used. Milliseconds.
    /// </summary>
    public int HttpUpstreamIdleMs { get; set; } = 60_000;

    /// <summary>HTTP connections kept so on one loop, for each pod and endpoint.</summary>
    public int HttpUpstreamIdleMax { get; set; } = 256;

    /// <summary>
    /// Content of one request that is kept until its answer begins, so that a retry can send it again; a request with more is not retried
    /// once that much was taken from its client. Bytes, counted within the pod's buffers.
    /// </summary>
    public int HttpReplayBytesMax { get; set; } = 64 * 1024;

    /// <summary>
    /// Content of one copy of a request that its mirror has not taken; one that is further behind is given up. Bytes, counted within the
    /// pod's buffers.
    /// </summary>
    public int HttpMirrorBytesMax { get; set; } = 1024 * 1024;

    /// <summary>
    /// Time from one look-up of the name of an endpoint to the next. Milliseconds; one minute, as Istio's <c>dnsRefreshRate</c>.
    /// </summary>
    public int NameRefreshMs { get; set; } = 60_000;

    /// <summary>Time from one PING on a tunnel to the next. Milliseconds; 10 s as ztunnel and Envoy.</summary>
    public int PingIntervalMs { get; set; } = 10_000;

    /// <summary>Time for a PING to be answered before the tunnel is given up. Milliseconds.</summary>
    public int PingTimeoutMs { get; set; } = 20_000;

    /// <summary>Connections of one pod, both directions, open at once. Further ones are refused by name.</summary>
    public int PodConnectionsMax { get; set; } = 30_000;

    /// <summary>
    /// Connections of one pod that wait for a tunnel, a connect, a decision or what their client begins with. Further ones are refused by
    /// name.
    /// </summary>
    public int PodPendingConnectsMax { get; set; } = 10_000;

    /// <summary>
    /// Streams of one pod on tunnels open at once, those it opened and those opened to it, whatever tunnels carry them. Further ones are
    /// refused by name.
    /// </summary>
    public int PodStreamsMax { get; set; } = 20_000;

    /// <summary>
    /// Queries of one pod under way to DNS servers at once. Further ones are dropped and counted; their clients try again.
    /// </summary>
    public int PodDnsQueriesMax { get; set; } = 512;

    /// <summary>How long a DNS server may take to answer. Milliseconds; as long as resolvers wait.</summary>
    public int DnsTimeoutMs { get; set; } = 5_000;

    /// <summary>What the host names of Kubernetes services end in, as the control plane is told too.</summary>
    public string ClusterDomain { get; set; } = "cluster.local";

    /// <summary>Connections of all pods, and tunnels made to them, open at once. Further ones are refused by name.</summary>
    public int NodeConnectionsMax { get; set; } = 200_000;

    /// <summary>
    /// Bytes held for peers that do not take them, by all connections of one pod. A connection that would hold more is reset by name.
    /// </summary>
    public long PodBufferBytesMax { get; set; } = 256L * 1024 * 1024;

    /// <summary>The same for all pods together.</summary>
    public long NodeBufferBytesMax { get; set; } = 1024L * 1024 * 1024;

    /// <summary>
    /// Pipes of 1 MiB for splicing that connections of one pod may hold at once; without one they copy. 0 forbids splicing.
    /// </summary>
    public int PodPipesMax { get; set; } = 32;

    /// <summary>Length of the queue of each listener.</summary>
    public int ListenBacklog { get; set; } = 4_096;

    /// <summary>TCP keep-alive: idle seconds before the first probe.</summary>
    public int KeepAliveIdleSeconds { get; set; } = 180;

    /// <summary>TCP keep-alive: seconds between probes.</summary>
    public int KeepAliveIntervalSeconds { get; set; } = 180;

    /// <summary>TCP keep-alive: probes before the connection is given up.</summary>
    public int KeepAliveProbes { get; set; } = 9;

    /// <summary>
    /// Unacknowledged data older than this ends a connection (TCP_USER_TIMEOUT), so a vanished peer cannot hold it. Milliseconds, 0 for
    /// off.
    /// </summary>
    public int UserTimeoutMs { get; set; } = 120_000;

    /// <summary>Time given to open connections when the proxy stops. Milliseconds.</summary>
    public int DrainMs { get; set; } = 25_000;
}
