using System.Collections.Immutable;
using Mesh.Interop.Linux;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Admin;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Proxy.Identity;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Pods;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Tls;

namespace Mesh.Node.Proxy.Upstream;

/// <summary>The tunnels of one key, and the connections that wait for one.</summary>
/// <remarks>
/// One tunnel is made at a time however many wait, so a cold start is no storm; when it stands, as many as it takes go on and the rest
/// wait for the next. When one fails, everybody who waits is told, since the next would fail alike. Lives on its pool's loop.
/// </remarks>
internal sealed class TunnelGroup : ITunnelOwner
{
    private readonly EnrolledPod _pod;
    private readonly LoopContext _context;
    private readonly AcceptedIdentities _accepted;
    private readonly Action<TunnelGroup> _onEmpty;
    // Replaced whole by the loop, read by any.
    private ImmutableArray<TunnelConnection> _tunnels = [];
    private readonly Queue<LoopCompletion<TunnelOpenResult>> _waiting = new();
    private TcpConnector? _connecting;
    private bool _isOpening;
    private bool _aborted;

    public TunnelGroup(EnrolledPod pod, LoopContext context, TunnelKey key, AcceptedIdentities accepted, Action<TunnelGroup> onEmpty)
    {
        _pod = pod;
        _context = context;
        Key = key;
        _accepted = accepted;
        _onEmpty = onEmpty;
    }

    public TunnelKey Key { get; }

    private int StreamsMax => _context.Services.Options.TunnelStreamsMax;

    /// <summary>A tunnel with room for one more stream.</summary>
    /// <param name="besides">
    /// One that did not take the stream already. Another that stands is preferred, and none is made while this one has room: who refuses on
    /// such a tunnel has a limit that a further one would not change.
    /// </param>
    public ValueTask<TunnelOpenResult> GetAsync(TunnelConnection? besides)
    {
        // First come, first served: a newcomer does not pass those who wait.
        if (_waiting.Count == 0 && (FindRoom(besides) ?? FindRoom()) is TunnelConnection open)
        {
            return ValueTask.FromResult(new TunnelOpenResult(open, CloseReason.None, null));
        }

        var wait = new LoopCompletion<TunnelOpenResult>(_context.Loop);
        _waiting.Enqueue(wait);
        ValueTask<TunnelOpenResult> result = wait.WaitAsync();
        EnsureOpening();
        return result;
    }

    /// <summary>Whether the workload is still at this address with this identity.</summary>
    public bool IsStillFor(Workload workload) =>
        workload.Addresses.Contains(Key.Destination.Address) && workload.Identity.Equals(_accepted.Own);

    /// <summary>The tunnels of this key, to show. Any thread; streams are counted as of now or a moment ago.</summary>
    public IEnumerable<TunnelStatus> Describe()
    {
        foreach (TunnelConnection tunnel in _tunnels)
        {
            yield return Describe(tunnel.StreamCount, tunnel.IsDraining ? "draining" : "open");
        }

        if (_isOpening)
        {
            yield return Describe(0, "connecting");
        }
    }

    /// <summary>Ends the tunnels whose peer no longer stands up.</summary>
    public void Recheck(TlsTrust trust)
    {
        foreach (TunnelConnection tunnel in _tunnels)
        {
            tunnel.Recheck(trust);
        }
    }

    /// <summary>No new stream; running ones may end.</summary>
    public void BeginDrain()
    {
        foreach (TunnelConnection tunnel in _tunnels)
        {
            tunnel.BeginDrain();
        }
    }

    /// <summary>Ends every tunnel now and fails whoever waits.</summary>
    public void Abort(CloseReason reason, string? detail)
    {
        _aborted = true;
        _connecting?.Cancel();
        foreach (TunnelConnection tunnel in _tunnels)
        {
            tunnel.Abort(reason, detail);
        }

        FailWaiting(reason, detail);
    }

    void ITunnelOwner.OnStreamOpened(TunnelConnection tunnel, TunnelStream stream, HeaderList headers, bool endStream) =>
        stream.Reset(Http2ErrorCode.RefusedStream); // A client's peer opens none; the engine has refused it before.

    void ITunnelOwner.OnCapacityChanged(TunnelConnection tunnel) => ServeWaiting();

    void ITunnelOwner.OnGoAway(TunnelConnection tunnel) => EnsureOpening();

    void ITunnelOwner.OnTunnelClosed(TunnelConnection tunnel, CloseReason reason, string? detail)
    {
        _tunnels = _tunnels.Remove(tunnel);
        if (reason is not (CloseReason.Completed or CloseReason.TunnelReleased or CloseReason.WorkloadRemoved))
        {
            Log.TunnelFailed(_context.Services.Logger, _pod.Identity.ToString(), Key.Destination.ToString(), reason.ToString(), detail);
        }

        EnsureOpening();
        RemoveIfEmpty();
    }

    private TunnelStatus Describe(int streams, string state) => new(
        Key.Source.ToString(), Key.SourceAddress?.ToString(), Key.Accepted, Key.Destination.ToString(), streams, StreamsMax, state);

    private TunnelConnection? FindRoom(TunnelConnection? besides = null)
    {
        foreach (TunnelConnection tunnel in _tunnels)
        {
            if (tunnel != besides && tunnel.HasRoom(StreamsMax))
            {
                return tunnel;
            }
        }

        return null;
    }

    private void ServeWaiting()
    {
        while (_waiting.Count > 0 && FindRoom() is TunnelConnection tunnel)
        {
            // The waiter opens its stream inside this call, so the next look sees one place less.
            _waiting.Dequeue().TryComplete(new TunnelOpenResult(tunnel, CloseReason.None, null));
        }

        EnsureOpening();
    }

    private void FailWaiting(CloseReason reason, string? detail)
    {
        for (int left = _waiting.Count; left > 0; left--)
        {
            _waiting.Dequeue().TryComplete(new TunnelOpenResult(null, reason, detail));
        }
    }

    private void EnsureOpening()
    {
        if (_waiting.Count > 0 && !_isOpening && !_aborted && FindRoom() is null)
        {
            _isOpening = true;
            _ = OpenAsync();
        }
    }

    private void RemoveIfEmpty()
    {
        if (_tunnels.Length == 0 && _waiting.Count == 0 && !_isOpening)
        {
            _onEmpty(this);
        }
    }

    private async Task OpenAsync()
    {
        TunnelConnection? tunnel;
        CloseReason reason;
        string? detail;
        try
        {
            (tunnel, reason, detail) = await TryOpenAsync();
        }
#pragma warning disable CA1031 // Whatever it is, it concerns this tunnel: who waits for it is told, and the next one is tried.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            Log.TunnelFaulted(_context.Services.Logger, _pod.Identity.ToString(), Key.Destination.ToString(), fault);
            (tunnel, reason, detail) = (null, CloseReason.InternalError, fault.Message);
            _connecting = null;
        }

        _isOpening = false;
        if (tunnel is null)
        {
            Log.TunnelFailed(_context.Services.Logger, _pod.Identity.ToString(), Key.Destination.ToString(), reason.ToString(), detail);
            FailWaiting(reason, detail);
        }
        else if (_aborted)
        {
            tunnel.Abort(CloseReason.WorkloadRemoved, null);
        }
        else
        {
            _tunnels = _tunnels.Add(tunnel);
            ServeWaiting();
        }

        RemoveIfEmpty();
    }

    private async Task<TunnelOpenResult> TryOpenAsync()
    {
        ProxyOptions options = _context.Services.Options;
        if (await _context.GetCertificateAsync(Key.Source) is not TlsContexts certificate)
        {
            return new TunnelOpenResult(null, CloseReason.OwnCertificateUnavailable, $"no certificate for {Key.Source}");
        }

        if (_aborted)
        {
            // The pod's namespace may be gone.
            return new TunnelOpenResult(null, CloseReason.WorkloadRemoved, null);
        }

        SysResult opened = _pod.Sockets.TryOpenFrom(Key.SourceAddress, Key.Destination.AddressFamily, out SocketHandle? socket);
        if (!opened.Ok)
        {
            return new TunnelOpenResult(
                null,
                opened.Error is Errno.EMFILE or Errno.ENFILE ? CloseReason.OutOfDescriptors : CloseReason.TunnelConnectFailed,
                opened.Error == Errno.EADDRNOTAVAIL ? $"{Key.SourceAddress} is no address of the pod" : opened.Error.ToString());
        }

        _connecting = new TcpConnector(_pod.ShareOf(_context));
        ConnectResult connected = await _connecting.ConnectAsync(
            socket!, Key.Destination, TimeSpan.FromMilliseconds(options.ConnectTimeoutMs));
        _connecting = null;
        if (connected.Channel is null)
        {
            return connected.Status == ConnectStatus.TimedOut
                ? new TunnelOpenResult(null, CloseReason.TunnelConnectTimeout, Key.Destination.ToString())
                : new TunnelOpenResult(null, CloseReason.TunnelConnectFailed, $"{Key.Destination}: {connected.Error}");
        }

        var peer = new PeerWatch(_accepted);
        var tls = new TlsChannel(connected.Channel, certificate.Client, peer);
        TlsHandshakeResult handshake = await tls.HandshakeAsync(TimeSpan.FromMilliseconds(options.HandshakeTimeoutMs));
        if (handshake.Status != TlsHandshakeStatus.Done)
        {
            tls.Reset();
            return new TunnelOpenResult(null, TlsReasons.ReasonFor(handshake), handshake.Failure?.Detail);
        }

        TunnelConnection tunnel = TunnelConnection.Start(
            tls, Http2Role.Client, Http2Profiles.ClientOf(options), Http2Profiles.Tunnel(options), this);
        tunnel.RetireAfter(CertificateTime.ForClient(certificate.NotAfter, peer.NotAfter));
        return new TunnelOpenResult(tunnel, CloseReason.None, null);
    }

    /// <summary>Accepts one peer as the whole group would, and remembers how long its certificate is valid.</summary>
    private sealed class PeerWatch(AcceptedIdentities accepted) : IPeerVerifier
    {
        public DateTimeOffset NotAfter { get; private set; }

        public bool Accept(in PeerCertificateFacts facts, out string? reason)
        {
            NotAfter = facts.NotAfter;
            return accepted.Accept(in facts, out reason);
        }
    }
}
