using System.Net;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>The connections of one key: those in use, those kept for further requests, and the exchanges that wait for one.</summary>
/// <remarks>
/// Who waits has had a connection begun for it, and gets whichever is free first: that one or one that is given back. The connection used
/// last is used next, so that those nobody needs grow old. Lives on its pool's loop.
/// </remarks>
internal sealed class UpstreamGroup(UpstreamKey key, Workload? endpoint, Service? service, LoopContext context)
{
    private readonly List<Http1Upstream> _idle = [];
    private readonly LinkedList<UpstreamWait> _waiting = [];
    private readonly HttpLimits _limits = context.Services.Http;
    private RequestGate? _gate;
    private IUpstreamDialer? _dialer;
    private Circuit? _circuit;
    private int _dialling;
    private bool _isClosed;

    /// <summary>Between whom.</summary>
    public UpstreamKey Key => key;

    /// <summary>The endpoint's address and the application's port there.</summary>
    public IPEndPoint Target { get; } = new(key.Address, key.Port);

    /// <summary>The endpoint's workload as it was when last looked at; null for an address outside the mesh.</summary>
    public Workload? Endpoint { get; private set; } = endpoint;

    /// <summary>The service, likewise; null where none was asked for.</summary>
    public Service? Service { get; private set; } = service;

    /// <summary>How connections are made from now on.</summary>
    public ConnectionLimits Limits { get; set; } = ConnectionLimits.Default;

    /// <summary>What every request to an application of this node must pass. Where the application is on this node only.</summary>
    public RequestGate Gate => _gate ??= new RequestGate(
        context.Services.Configuration,
        Endpoint!,
        new ConnectionFacts(key.Identity, key.Client!, key.Address, key.Port, Endpoint!.Network));

    /// <summary>Connections that exist or are being made.</summary>
    public int OpenCount { get; private set; }

    /// <summary>Connections kept for further requests.</summary>
    public int IdleCount => _idle.Count;

    /// <summary>Exchanges that wait.</summary>
    public int WaitingCount => _waiting.Count;

    /// <summary>Whether there is nothing to keep it for.</summary>
    public bool IsEmpty => OpenCount == 0 && _waiting.Count == 0;

    /// <summary>A connection that is ready, or one that will be.</summary>
    /// <param name="wait">The exchange's.</param>
    /// <param name="isFresh">None that has served before will do.</param>
    /// <param name="dialer">Makes connections of this key.</param>
    /// <param name="circuit">Counts them; null where nothing limits them.</param>
    public ValueTask<UpstreamResult> GetAsync(UpstreamWait wait, bool isFresh, IUpstreamDialer dialer, Circuit? circuit = null)
    {
        if (!isFresh && TryTakeIdle() is Http1Upstream idle)
        {
            return ValueTask.FromResult(new UpstreamResult(idle, IsReused: true, CloseReason.None, null));
        }

        _dialer = dialer;
        _circuit = circuit;
        wait.NeedsFresh = isFresh;
        _waiting.AddLast(wait.Node);
        ValueTask<UpstreamResult> result = wait.WaitAsync();
        DialForWaiting();
        return result;
    }

    /// <summary>Takes a connection back after an exchange: for the next, or to be closed.</summary>
    public void GiveBack(Http1Upstream upstream)
    {
        if (_isClosed || !upstream.IsReusable)
        {
            OpenCount--;
            upstream.Close();
            DialForWaiting();
            return;
        }

        Offer(upstream, isReused: true);
    }

    /// <summary>Closes what nobody has used for a while, or its server has closed. Runs once a second while something is kept.</summary>
    public void Sweep(long nowMs)
    {
        for (int i = _idle.Count - 1; i >= 0; i--)
        {
            Http1Upstream idle = _idle[i];
            if (nowMs - idle.IdleSinceMs >= _limits.UpstreamIdle.TotalMilliseconds || !idle.IsReusable)
            {
                _idle.RemoveAt(i);
                OpenCount--;
                idle.Close();
            }
        }
    }

    /// <summary>
    /// Whether connections made before lead to what they would lead to now: the same identity at the same address, and no other accepted.
    /// </summary>
    public bool IsStillFor(MeshSnapshot snapshot)
    {
        if (Endpoint is not null)
        {
            if (snapshot.FindWorkload(key.Workload) is not Workload now || !now.Identity.Equals(Endpoint.Identity)
                || now.TunnelProtocol != Endpoint.TunnelProtocol || !now.Addresses.Contains(key.Address))
            {
                return false;
            }

            Endpoint = now;
        }

        if (Service is not null)
        {
            if (snapshot.FindService(key.Service) is not Service now || !now.SubjectAltNames.SequenceEqual(Service.SubjectAltNames))
            {
                return false;
            }

            Service = now;
        }

        return true;
    }

    /// <summary>Asks about the requests under way to an application of this node once more; those that are denied now end.</summary>
    public void JudgeOpenAgain() => _gate?.JudgeOpenAgain();

    /// <summary>Keeps nothing any more: what is idle is closed, what is in use when it is given back.</summary>
    public void Close()
    {
        _isClosed = true;
        OpenCount -= _idle.Count;
        foreach (Http1Upstream idle in _idle)
        {
            idle.Close();
        }

        _idle.Clear();
    }

    /// <summary>
    /// Has as many connections made as are waited for, within the destination's limit. At the limit one that is given back must do; where
    /// there is none that could be, who waits is told.
    /// </summary>
    private void DialForWaiting()
    {
        while (_waiting.Count > _dialling && _dialer is IUpstreamDialer dialer)
        {
            CircuitLimit reached = CircuitLimit.None;
            ConnectionLease? lease = _circuit?.TryOpenConnection(out reached);
            if (reached == CircuitLimit.None)
            {
                OpenCount++;
                _dialling++;
                _ = DialAsync(dialer, lease);
            }
            else if (OpenCount == 0)
            {
                FailFirst(new UpstreamResult(null, IsReused: false, CloseReason.None, null) { IsOverflow = true });
            }
            else
            {
                return;
            }
        }
    }

    private async Task DialAsync(IUpstreamDialer dialer, ConnectionLease? lease)
    {
        DialResult dialled;
        try
        {
            dialled = await dialer.DialAsync(this);
        }
#pragma warning disable CA1031 // Whatever it is, it concerns this connection: who waits for it is told.
        catch (Exception fault)
#pragma warning restore CA1031
        {
            dialled = new DialResult(null, CloseReason.InternalError, fault.Message);
        }

        _dialling--;
        if (dialled.Connection is not null)
        {
            Offer(new Http1Upstream(this, dialled.Connection, _limits, Limits.MaxRequestsPerConnection, lease), isReused: false);
            return;
        }

        OpenCount--;
        lease?.Dispose();
        FailFirst(new UpstreamResult(null, IsReused: false, dialled.Reason, dialled.Detail));
        DialForWaiting();
    }

    private void FailFirst(UpstreamResult result)
    {
        if (_waiting.First is LinkedListNode<UpstreamWait> first)
        {
            _waiting.RemoveFirst();
            first.Value.Complete(result);
        }
    }

    /// <summary>Gives a connection to whoever has waited longest and can use it, or keeps it.</summary>
    private void Offer(Http1Upstream upstream, bool isReused)
    {
        for (LinkedListNode<UpstreamWait>? node = _waiting.First; node is not null; node = node.Next)
        {
            if (!isReused || !node.Value.NeedsFresh)
            {
                _waiting.Remove(node);
                node.Value.Complete(new UpstreamResult(upstream, isReused, CloseReason.None, null));
                return;
            }
        }

        if (_isClosed || _idle.Count >= _limits.UpstreamIdleMax)
        {
            OpenCount--;
            upstream.Close();
            return;
        }

        upstream.IdleSinceMs = context.Loop.NowMs;
        _idle.Add(upstream);
    }

    private Http1Upstream? TryTakeIdle()
    {
        while (_idle.Count > 0)
        {
            Http1Upstream last = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
            if (last.IsReusable)
            {
                return last;
            }

            OpenCount--;
            last.Close();
        }

        return null;
    }
}

/// <summary>Makes connections of a key.</summary>
internal interface IUpstreamDialer
{
    /// <summary>A connection that is ready to carry bytes, or why there is none.</summary>
    /// <param name="group">For which it is made.</param>
    ValueTask<DialResult> DialAsync(UpstreamGroup group);
}
