namespace Mesh.Node.Proxy.Telemetry;

/// <summary>Why a connection ended. Every connection ends with exactly one of these; the name is what operators read.</summary>
/// <remarks>
/// Names appear in the access log, in <c>mesh_connections_closed_total</c> and in documentation, so one word has one meaning:
/// <em>client</em> is the side that connected to us, <em>upstream</em> the side we connect to, <em>peer</em> the other side of a TLS
/// session, <em>tunnel</em> an HBONE connection and its streams. What each reason means for istio's metrics and for the level of the log
/// line stands in <see cref="CloseReasons"/>, which must name every member.
/// </remarks>
public enum CloseReason
{
    /// <summary>Still open.</summary>
    None = 0,

    // The connection carried what it could and ended.

    /// <summary>Both directions ended in order.</summary>
    Completed,

    /// <summary>The client reset the connection or its stream.</summary>
    ClientReset,

    /// <summary>The upstream reset the connection, or the far proxy reset the stream.</summary>
    UpstreamReset,

    /// <summary>The client stopped acknowledging bytes (TCP user time-out or keep-alive).</summary>
    ClientUnresponsive,

    /// <summary>The upstream stopped acknowledging bytes (TCP user time-out or keep-alive).</summary>
    UpstreamUnresponsive,

    /// <summary>
    /// The tunnel under the stream was lost before the stream ended: what was carried may be truncated. A tunnel that was ended for a
    /// reason of its own gives its streams that one.
    /// </summary>
    TunnelLost,

    /// <summary>No byte in either direction for the idle time limit.</summary>
    IdleTimeout,

    /// <summary>One direction had ended and the other was silent for the half-open time limit.</summary>
    HalfOpenTimeout,

    /// <summary>The pod was un-enrolled or removed.</summary>
    WorkloadRemoved,

    /// <summary>The workload at the other end changed its identity or its address, so what was authorized is gone.</summary>
    WorkloadChanged,

    /// <summary>The proxy was draining and the drain's time was up.</summary>
    DrainTimeout,

    /// <summary>The tunnel had no stream for the release time and was closed. Tunnels only.</summary>
    TunnelReleased,

    // Accept and capture.

    /// <summary>No complete snapshot of workloads and policies has arrived yet, so nothing can be judged.</summary>
    NotReady,

    /// <summary>The original destination could not be recovered: the connection did not come through the capture rules.</summary>
    NoOriginalDestination,

    /// <summary>The destination, or what it resolves to, is one of the proxy's own ports.</summary>
    CapturePortRefused,

    /// <summary>The connection carries the proxy's own mark.</summary>
    OwnMarkRefused,

    // Limits.

    /// <summary>The process has no file descriptor left.</summary>
    OutOfDescriptors,

    /// <summary>The node's limit on open connections.</summary>
    NodeConnectionLimit,

    /// <summary>This workload's limit on open connections.</summary>
    WorkloadConnectionLimit,

    /// <summary>The limit on TLS handshakes under way or waiting.</summary>
    HandshakeLimit,

    /// <summary>The limit on connections that wait for a tunnel or a connect.</summary>
    PendingConnectLimit,

    /// <summary>
    /// The limit on streams of a tunnel open at once, the tunnel's or the workload's; or the far proxy refused the stream, as it does for
    /// its own.
    /// </summary>
    StreamLimit,

    /// <summary>What a peer did not take was more than the budget of bytes held, of the node or of the workload.</summary>
    BufferLimit,

    // Identify.

    /// <summary>The source workload is not in the snapshot, and did not arrive in time.</summary>
    SourceUnknown,

    /// <summary>We have no valid certificate for the workload whose side we take.</summary>
    OwnCertificateUnavailable,

    /// <summary>The TLS handshake did not finish in time.</summary>
    HandshakeTimeout,

    /// <summary>The TLS handshake failed for a reason that has no name of its own; the detail has OpenSSL's words.</summary>
    HandshakeFailed,

    /// <summary>The peer presented no certificate.</summary>
    NoPeerCertificate,

    /// <summary>The peer's certificate does not chain to a root of the mesh.</summary>
    UnknownAuthority,

    /// <summary>The peer's certificate has expired.</summary>
    PeerCertificateExpired,

    /// <summary>The peer's certificate is not valid yet.</summary>
    PeerCertificateNotYetValid,

    /// <summary>The peer's certificate is on a revocation list; also for connections that were open when the list arrived.</summary>
    PeerCertificateRevoked,

    /// <summary>The peer's identity belongs to another trust domain.</summary>
    WrongTrustDomain,

    /// <summary>The peer's identity is not one that we may speak to, or is no SPIFFE identity.</summary>
    PeerIdentityRejected,

    /// <summary>The peer refused our certificate or our handshake with an alert.</summary>
    RefusedByPeer,

    /// <summary>What a rule says of TLS towards the upstream cannot be used; the detail says why. Nothing was sent without it.</summary>
    TlsSettingsUnusable,

    // HBONE and HTTP/2.

    /// <summary>The peer's HTTP/2 preface or first SETTINGS was wrong, late or missing.</summary>
    Http2HandshakeFailed,

    /// <summary>The peer broke HTTP/2; the detail names the rule.</summary>
    Http2ProtocolError,

    /// <summary>A defence against floods ended the tunnel; the detail names it.</summary>
    Http2FloodRefused,

    /// <summary>The tunnel's peer did not answer a PING in time.</summary>
    TunnelPingTimeout,

    /// <summary>The request's method is not CONNECT.</summary>
    MethodRefused,

    /// <summary>The request's authority is missing or is no address and port.</summary>
    AuthorityInvalid,

    /// <summary>The authority names another address than the one the tunnel was made to.</summary>
    AuthorityMismatch,

    /// <summary>The far proxy answered 401: its policy denied the connection.</summary>
    TunnelDenied,

    /// <summary>The far proxy answered 400: it did not accept our request.</summary>
    TunnelBadRequest,

    /// <summary>The far proxy answered 503: it could not reach the application.</summary>
    TunnelUnavailable,

    /// <summary>The far proxy answered with a status that has no meaning here.</summary>
    TunnelUnexpectedStatus,

    // Authorize.

    /// <summary>Policy denied the connection; the detail names the policy and the rule.</summary>
    PolicyDenied,

    /// <summary>The workload names a policy that did not arrive in time.</summary>
    PolicyNotLoaded,

    /// <summary>The connection was open and a change of policy denies it now.</summary>
    PolicyRevoked,

    /// <summary>Plaintext from the pod's own node that is no declared probe.</summary>
    ProbeRefused,

    // Route.

    /// <summary>The destination is no workload that we serve.</summary>
    DestinationUnknown,

    /// <summary>Nothing in the mesh is known at the destination, and the client's workload may go nowhere else.</summary>
    NotInRegistry,

    /// <summary>The service has no such port.</summary>
    NoServicePort,

    /// <summary>The service has no endpoint that is healthy and reachable.</summary>
    NoHealthyEndpoint,

    /// <summary>The destination asks for a waypoint, and to go past it would skip its policy.</summary>
    WaypointUnsupported,

    /// <summary>The destination is on another network, reached through a gateway that we do not speak to.</summary>
    NetworkGatewayUnsupported,

    /// <summary>The destination wants its connections through an application tunnel that we do not speak.</summary>
    ApplicationTunnelUnsupported,

    /// <summary>The destination is known by a host name only, and no address of it has been found yet.</summary>
    NameNotResolved,

    // Connect.

    /// <summary>The upstream refused the connection.</summary>
    ConnectRefused,

    /// <summary>The upstream did not answer the connect in time.</summary>
    ConnectTimeout,

    /// <summary>There is no way to the upstream's address.</summary>
    ConnectUnreachable,

    /// <summary>The connect failed otherwise; the detail has the errno.</summary>
    ConnectFailed,

    /// <summary>No source port was free to preserve the client's address.</summary>
    SourcePortsExhausted,

    /// <summary>The far proxy's HBONE port did not answer in time: often a NetworkPolicy that does not admit it.</summary>
    TunnelConnectTimeout,

    /// <summary>The far proxy's HBONE port could not be reached or refused.</summary>
    TunnelConnectFailed,

    /// <summary>A mistake of ours. The connection was reset; the log has the exception.</summary>
    InternalError,

    // Requests.

    /// <summary>What the client sent is no HTTP request that can be passed on; it was answered so. The detail says why.</summary>
    HttpRequestRefused,

    /// <summary>The head of a request was not complete in time.</summary>
    HttpHeadTimeout,

    /// <summary>A response could not be completed, so the client's connection was reset in the midst of it.</summary>
    HttpResponseCut,
}
