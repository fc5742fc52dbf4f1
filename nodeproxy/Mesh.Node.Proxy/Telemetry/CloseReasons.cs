using System.Collections.Immutable;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>What kind of end a <see cref="CloseReason"/> is.</summary>
public enum CloseKind
{
    /// <summary>The connection was carried and ended, by whoever.</summary>
    Ended,

    /// <summary>We refused it, or cut it, by a rule.</summary>
    Refused,

    /// <summary>Something did not work.</summary>
    Failed,
}

/// <summary>istio's <c>response_flags</c> for TCP, as ztunnel writes them.</summary>
public enum ResponseFlags
{
    /// <summary>"-": nothing to say.</summary>
    None,

    /// <summary>"DENY": policy.</summary>
    Deny,

    /// <summary>"CONNECT": no upstream connection came to be.</summary>
    Connect,

    /// <summary>"TLS_FAILURE".</summary>
    TlsFailure,

    /// <summary>"H2_HANDSHAKE_FAILURE".</summary>
    Http2HandshakeFailure,

    /// <summary>"NETWORK_POLICY": the HBONE port does not answer, as when a NetworkPolicy drops it.</summary>
    NetworkPolicy,

    /// <summary>"IDENTITY_ERROR".</summary>
    IdentityError,

    /// <summary>"CERT_REVOKED".</summary>
    CertificateRevoked,
}

/// <summary>What each <see cref="CloseReason"/> means for metrics and logs: one table, complete by test.</summary>
public static class CloseReasons
{
    private static readonly ImmutableArray<string> s_names = [.. Enum.GetNames<CloseReason>()];

    private static readonly ImmutableArray<string> s_flagTexts =
        ["-", "DENY", "CONNECT", "TLS_FAILURE", "H2_HANDSHAKE_FAILURE", "NETWORK_POLICY", "IDENTITY_ERROR", "CERT_REVOKED"];

    /// <summary>How many reasons there are, <see cref="CloseReason.None"/> included: the size of a table indexed by reason.</summary>
    public static int Count => s_names.Length;

    /// <summary>How many values <see cref="ResponseFlags"/> has.</summary>
    public static int FlagsCount => s_flagTexts.Length;

    /// <summary>The name of <paramref name="reason"/>. Never allocates.</summary>
    public static string Name(CloseReason reason) => s_names[(int)reason];

    /// <summary>The label value of <paramref name="flags"/>. Never allocates.</summary>
    public static string Text(ResponseFlags flags) => s_flagTexts[(int)flags];

    /// <summary>Whether the connection ended, was refused, or failed.</summary>
    public static CloseKind Kind(CloseReason reason) => Describe(reason).Kind;

    /// <summary>The value of the label <c>response_flags</c>.</summary>
    public static ResponseFlags Flags(CloseReason reason) => Describe(reason).Flags;

    private static (CloseKind Kind, ResponseFlags Flags) Describe(CloseReason reason) => reason switch
    {
        CloseReason.None or
        CloseReason.Completed or
        CloseReason.ClientReset or
        CloseReason.UpstreamReset or
        CloseReason.ClientUnresponsive or
        CloseReason.UpstreamUnresponsive or
        CloseReason.IdleTimeout or
        CloseReason.HalfOpenTimeout or
        CloseReason.WorkloadRemoved or
        CloseReason.WorkloadChanged or
        CloseReason.DrainTimeout or
        CloseReason.TunnelReleased => (CloseKind.Ended, ResponseFlags.None),

        // Carried for a while, then broken: the connect had succeeded, so no flag of istio's fits.
        CloseReason.TunnelLost or
        CloseReason.TunnelPingTimeout or
        CloseReason.Http2ProtocolError or
        CloseReason.HttpResponseCut => (CloseKind.Failed, ResponseFlags.None),

        CloseReason.PolicyDenied or
        CloseReason.PolicyNotLoaded or
        CloseReason.PolicyRevoked or
        CloseReason.ProbeRefused or
        CloseReason.NotInRegistry or
        CloseReason.TunnelDenied => (CloseKind.Refused, ResponseFlags.Deny),

        CloseReason.PeerCertificateRevoked => (CloseKind.Refused, ResponseFlags.CertificateRevoked),

        CloseReason.WrongTrustDomain or
        CloseReason.PeerIdentityRejected => (CloseKind.Refused, ResponseFlags.IdentityError),

        CloseReason.SourceUnknown or
        CloseReason.OwnCertificateUnavailable => (CloseKind.Failed, ResponseFlags.IdentityError),

        CloseReason.NoPeerCertificate or
        CloseReason.UnknownAuthority or
        CloseReason.PeerCertificateExpired or
        CloseReason.PeerCertificateNotYetValid => (CloseKind.Refused, ResponseFlags.TlsFailure),

        CloseReason.HandshakeTimeout or
        CloseReason.HandshakeFailed or
        CloseReason.TlsSettingsUnusable or
        CloseReason.RefusedByPeer => (CloseKind.Failed, ResponseFlags.TlsFailure),

        CloseReason.Http2HandshakeFailed => (CloseKind.Failed, ResponseFlags.Http2HandshakeFailure),

        CloseReason.TunnelConnectTimeout => (CloseKind.Failed, ResponseFlags.NetworkPolicy),

        // Refused by a rule before anything was connected upstream.
        CloseReason.NotReady or
        CloseReason.NoOriginalDestination or
        CloseReason.CapturePortRefused or
        CloseReason.OwnMarkRefused or
        CloseReason.NodeConnectionLimit or
        CloseReason.WorkloadConnectionLimit or
        CloseReason.HandshakeLimit or
        CloseReason.PendingConnectLimit or
        CloseReason.StreamLimit or
        CloseReason.BufferLimit or
        CloseReason.Http2FloodRefused or
        CloseReason.MethodRefused or
        CloseReason.HttpRequestRefused or
        CloseReason.HttpHeadTimeout or
        CloseReason.AuthorityInvalid or
        CloseReason.AuthorityMismatch or
        CloseReason.WaypointUnsupported or
        CloseReason.NetworkGatewayUnsupported or
        CloseReason.ApplicationTunnelUnsupported => (CloseKind.Refused, ResponseFlags.Connect),

        CloseReason.OutOfDescriptors or
        CloseReason.DestinationUnknown or
        CloseReason.NoServicePort or
        CloseReason.NoHealthyEndpoint or
        CloseReason.NameNotResolved or
        CloseReason.TunnelBadRequest or
        CloseReason.TunnelUnavailable or
        CloseReason.TunnelUnexpectedStatus or
        CloseReason.ConnectRefused or
        CloseReason.ConnectTimeout or
        CloseReason.ConnectUnreachable or
        CloseReason.ConnectFailed or
        CloseReason.SourcePortsExhausted or
        CloseReason.TunnelConnectFailed or
        CloseReason.InternalError => (CloseKind.Failed, ResponseFlags.Connect),

        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "A close reason that the table does not name."),
    };
}
