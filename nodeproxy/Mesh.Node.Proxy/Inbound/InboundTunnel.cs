using System.Net;
using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Protocols.Http2.Messages;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Tls;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>
/// A connection to a pod's HBONE port: 1. the pod's own certificate, 2. mutual TLS, 3. streams until it ends. Each stream is a connection
/// of its own.
/// </summary>
internal sealed class InboundTunnel : ProxiedConnection, ITunnelOwner, IPeerVerifier
{
    private readonly TcpChannel _socket;
    private readonly LoopCompletion<(CloseReason Reason, string? Detail)> _closed;
    private TlsChannel? _tls;
    private TunnelConnection? _tunnel;
    private DateTimeOffset _ownNotAfter;
    private DateTimeOffset _peerNotAfter;
    private bool _isDraining;

    public InboundTunnel(LoopContext context, EnrolledPod pod, TcpChannel socket, IPEndPoint peer)
        : base(context, pod, new ConnectionRecord(ConnectionPath.InboundTunnel, peer, socket.LocalEndPoint(), context.Loop.NowMs))
    {
        _socket = socket;
        _closed = new LoopCompletion<(CloseReason, string?)>(context.Loop);
    }

    /// <summary>The verified identity of the peer; set once the handshake is done.</summary>
    public SpiffeId? Peer { get; private set; }

    bool IPeerVerifier.Accept(in PeerCertificateFacts facts, out string? reason)
    {
        if (!SpiffeId.TryParse(facts.UriSan, out SpiffeId? peer))
        {
            reason = $"{facts.UriSan} is no identity of a workload";
            return false;
        }

        Peer = peer;
        _peerNotAfter = facts.NotAfter;
        reason = null;
        return true;
    }

    void ITunnelOwner.OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream) =>
        InboundHboneConnection.Start(this, stream, headers, Context);

    void ITunnelOwner.OnStreamRefused(TunnelConnection tunnel, HeaderList headers) =>
        InboundHboneConnection.Refuse(
            this, headers, Context, CloseReason.StreamLimit, $"{tunnel.StreamCount} streams are open on the tunnel");

    void ITunnelOwner.OnRequestRefused(TunnelConnection tunnel, HeaderList headers, HeaderVerdict verdict)
    {
        // Of a list that was cut nothing can be said but that; of another, what HBONE would have said of it comes first.
        CloseReason? reason = verdict == HeaderVerdict.ListTooLarge ? null : ConnectRequest.Read(headers).Error;
        InboundHboneConnection.Refuse(this, headers, Context, reason ?? CloseReason.Http2ProtocolError, $"a malformed request: {verdict}");
    }

    void ITunnelOwner.OnCapacityChanged(TunnelConnection tunnel)
    {
    }

    void ITunnelOwner.OnGoAway(TunnelConnection tunnel) => tunnel.BeginDrain();

    void ITunnelOwner.OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail) => _closed.TryComplete((reason, detail));

    /// <summary>Takes no new stream; running ones may end.</summary>
    public override void BeginDrain()
    {
        _isDraining = true;
        _tunnel?.BeginDrain();
    }

    /// <inheritdoc/>
    public override void Recheck(TrustDomain domain, TlsTrust trust)
    {
        if (Peer is not null && Peer.TrustDomain.Equals(domain))
        {
            _tunnel?.Recheck(trust);
        }
    }

    protected override async Task ProxyAsync()
    {
        if (!Context.Loop.Handshakes.TryEnter())
        {
            Record.TryEnd(CloseReason.HandshakeLimit);
            return;
        }

        Pod.Limits.CountHandshakeBegun();
        bool isSecure;
        try
        {
            isSecure = await SecureAsync();
        }
        finally
        {
            Pod.Limits.CountHandshakeEnded();
            Context.Loop.Handshakes.Leave();
            if (Pod.Home != Context)
            {
                // Its listeners may wait for this one, and look only where they are.
                Pod.Home.Loop.Post(Pod.Home.ResumeHeld);
            }
        }

        if (!isSecure)
        {
            return;
        }

        Settle();

        // 3. Waiting begins before the start: what came with the handshake may already end it.
        ValueTask<(CloseReason Reason, string? Detail)> closed = _closed.WaitAsync();
        _tunnel = TunnelConnection.Start(_tls!, Http2Role.Server, Http2Profiles.Server, Http2Profiles.Tunnel(Options), this);
        _tunnel.RetireAfter(CertificateTime.ForServer(_ownNotAfter, _peerNotAfter));
        if (_isDraining)
        {
            // It was asked to during the handshake, when there was nobody to tell.
            _tunnel.BeginDrain();
        }

        (CloseReason reason, string? detail) = await closed;
        Record.TryEnd(reason, detail);
    }

    protected override void OnAbort()
    {
        if (_tunnel is not null)
        {
            _tunnel.Abort(Record.Reason, Record.Detail);
        }
        else
        {
            _tls?.CancelHandshake();
        }
    }

    protected override void CloseAll()
    {
        if (_tls is not null)
        {
            _tls.Reset();
        }
        else
        {
            _socket.Reset();
        }
    }

    private async ValueTask<bool> SecureAsync()
    {
        // 1. Nothing is answered before it is known what may be answered.
        if (await InboundDestination.FindAsync(Context, Pod, Record) is not Workload destination)
        {
            return false;
        }

        Record.DestinationWorkload = destination;
        Record.DestinationIdentity = destination.Identity;
        if (await Context.GetCertificateAsync(destination.Identity) is not TlsContexts certificate)
        {
            Record.TryEnd(CloseReason.OwnCertificateUnavailable, $"no certificate for {destination.Identity}");
            return false;
        }

        if (Record.Reason != CloseReason.None)
        {
            return false;
        }

        // 2.
        _ownNotAfter = certificate.NotAfter;
        _tls = new TlsChannel(_socket, certificate.Server, this);
        TlsHandshakeResult handshake = await _tls.HandshakeAsync(TimeSpan.FromMilliseconds(Options.HandshakeTimeoutMs));
        if (handshake.Status != TlsHandshakeStatus.Done)
        {
            Record.TryEnd(TlsReasons.ReasonFor(handshake), handshake.Failure?.Detail);
            return false;
        }

        Record.SourceIdentity = Peer;
        Record.IsMutualTls = true;
        return Record.Reason == CloseReason.None;
    }
}
