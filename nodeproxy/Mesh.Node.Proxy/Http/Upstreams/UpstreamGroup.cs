using System.Net;
using Mesh.Node.Model;
using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Enforcement;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>The connections of one key: those in use, those kept for further requests, and the exchanges that wait for one.</summary>
/// <remarks>
/// Who waits has had a connection begun for it, and gets whichever has room first: that one or one that served others. Lives on its pool's
/// loop.
/// </remarks>
internal abstract class UpstreamGroup(UpstreamKey key, Workload? endpoint, Service? service, LoopContext context)
{
    private readonly LinkedList<UpstreamWait> _waiting = [];
    private RequestGate? _gate;
    private IUpstreamDialer? _dialer;
    private Circuit? _circuit;
    private int _dialling;
    private bool _isMakingDials;
    private bool _mayNeedFresh;

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
        new ConnectionFacts(key.Identity, key.Client!, key.Address, key.Port, Endpoint!.Network),
        context.Services.RateLimiters);

    /// <summary>Connections that exist or are being made.</summary>
    public int OpenCount { get; private set; }

    /// <summary>Connections that carry nothing and are kept for further requests.</summary>
    public abstract int IdleCount { get; }

    /// <summary>Whether there is a connection with room for an exchange.</summary>
    public abstract bool HasRoom { get; }

    /// <summary>Exchanges that wait.</summary>
    public int WaitingCount => _waiting.Count;

    /// <summary>Whether there is nothing to keep it for.</summary>
    public bool IsEmpty => OpenCount == 0 && _waiting.Count == 0 && !HasOpenRequests;

    /// <summary>Whether requests under way were judged here, and are to be judged again when policy changes.</summary>
    public bool HasOpenRequests => _gate is { HasOpen: true };

    /// <summary>Whether nothing is kept any more: the pool knows it no longer, and may have another of this key.</summary>
    public bool IsClosed { get; private set; }

    protected LoopContext Context => context;

    /// <summary>An exchange over a connection that is ready, or one that will be.</summary>
    /// <param name="wait">The exchange's.</param>
    /// <param name="isFresh">None that has served before will do.</param>
    /// <param name="dialer">Makes connections of this key.</param>
    /// <param name="circuit">Counts them; null where nothing limits them.</param>
    public ValueTask<UpstreamResult> GetAsync(UpstreamWait wait, bool isFresh, IUpstreamDialer dialer, Circuit? circuit = null)
    {
        if (!isFresh && TryTake() is UpstreamExchange ready)
        {
            return ValueTask.FromResult(new UpstreamResult(ready, IsReused: true, CloseReason.None, null));
        }

        _dialer = dialer;
        _circuit = circuit;
        wait.NeedsFresh = isFresh;
        _mayNeedFresh |= isFresh;
        _waiting.AddLast(wait.Node);
        ValueTask<UpstreamResult> result = wait.WaitAsync();
        DialForWaiting();
        return result;
    }

    /// <summary>Closes what nobody has used for a while, or is too old. Runs once a second while something is kept.</summary>
    public abstract void Sweep(long nowMs);

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

    /// <summary>Keeps nothing any more: what is idle is closed, what is in use when the last exchange on it is over.</summary>
    public void Close()
    {
        IsClosed = true;
        CloseIdle();

        // Whoever waits still has what it waits for; what was there until now does not serve it.
        DialForWaiting();
    }

    /// <summary>
    /// Closes it because its endpoint has left: who waits is told so now, and may go elsewhere, instead of when the last packet that was
    /// sent there has been given up.
    /// </summary>
    public void CloseAsGone()
    {
        IsClosed = true;
        CloseIdle();
        var result = new UpstreamResult(null, IsReused: false, CloseReason.WorkloadRemoved, $"{Endpoint?.Name} has left");

        // Whoever is told may ask for another connection at once, but not here: the pool has let go of this group.
        for (int left = _waiting.Count; left > 0; left--)
        {
            FailFirst(result);
        }
    }

    /// <summary>An exchange over a connection that has room; null without one.</summary>
    protected abstract UpstreamExchange? TryTake();

    /// <summary>Whether more are waited for than are being made.</summary>
    protected bool NeedsDials => DialsFor(_waiting.Count) > _dialling;

    /// <summary>Whether there is a connection that carries further exchanges, now or once it has room.</summary>
    protected abstract bool HasUsable { get; }

    /// <summary>Whether a connection carries several exchanges at once.</summary>
    protected abstract bool SharesConnections { get; }

    /// <summary>How many connections must be in the making for so many that wait.</summary>
    protected abstract int DialsFor(int waiting);

    /// <summary>
    /// Takes a new connection on. <see cref="EndDial"/> follows when it can be used, or <see cref="FailDial"/> when it turns out not to be.
    /// </summary>
    protected abstract void Adopt(ConnectionContext connection, ConnectionLease? lease);

    /// <summary>
    /// Where no other may be made: closes one that nobody uses, or gives whoever waits a place on one there is; false when it can do
    /// neither.
    /// </summary>
    protected abstract bool TryMakeDo();

    /// <summary>Closes what nobody uses, and has the rest closed by its last user.</summary>
    protected abstract void CloseIdle();

    /// <summary>A connection that was being made can be used.</summary>
    protected void EndDial() => _dialling--;

    /// <summary>A connection that was being made cannot be had.</summary>
    protected void FailDial(in DialResult failed, IDisposable? lease)
    {
        _dialling--;
        OpenCount--;
        lease?.Dispose();
        var result = new UpstreamResult(null, IsReused: false, failed.Reason, failed.Detail);
        FailFirst(result);
        if (SharesConnections && !HasUsable)
        {
            // It was to serve many: they do not wait for one failure after another. Where there is another, they have its places.
            for (int left = _waiting.Count; left > 0 && DialsFor(_waiting.Count) > _dialling; left--)
            {
                FailFirst(result);
            }
        }

        DialForWaiting();
    }

    /// <summary>A connection that could be used is gone.</summary>
    protected void Forget() => OpenCount--;

    /// <summary>Takes whoever has waited longest and can use a connection out of the queue; null when nobody can.</summary>
    /// <param name="isReused">It has served others.</param>
    protected UpstreamWait? TakeWaiter(bool isReused)
    {
        for (LinkedListNode<UpstreamWait>? node = _waiting.First; node is not null; node = node.Next)
        {
            if (!isReused || !node.Value.NeedsFresh)
            {
                _waiting.Remove(node);
                return node.Value;
            }
        }

        return null;
    }

    /// <summary>
    /// Has as many connections made as are waited for, within the destination's limit. At the limit one that is given back must do. The
    /// first is made in any case: the limit may have been reached by the connections of others, which serve nobody here.
    /// </summary>
    protected void DialForWaiting()
    {
        // A dial that fails at once comes back here, with as many below it on the stack as wait: whoever is here already goes on.
        if (_isMakingDials)
        {
            return;
        }

        _isMakingDials = true;
        try
        {
            bool mayGoOn = true;
            while (mayGoOn && NeedsDials && _dialer is IUpstreamDialer dialer)
            {
                mayGoOn = TryBeginDial(dialer);
            }
        }
        finally
        {
            _isMakingDials = false;
        }
    }

    /// <summary>False when whoever waits must wait on.</summary>
    private bool TryBeginDial(IUpstreamDialer dialer)
    {
        ConnectionLease? lease = _circuit?.TryOpenConnection(isNeeded: _dialling == 0 && !HasUsable);
        if (lease is not null || _circuit is null)
        {
            OpenCount++;
            _dialling++;
            _ = DialAsync(dialer, lease);
            return true;
        }

        if (TryMakeDo())
        {
            return true;
        }

        if (SharesConnections && _mayNeedFresh)
        {
            // No other can be made: whoever wanted one of its own gets a place in its turn.
            foreach (UpstreamWait wait in _waiting)
            {
                wait.NeedsFresh = false;
            }

            _mayNeedFresh = false;
        }

        return false;
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

        if (dialled.Connection is ConnectionContext connection)
        {
            Adopt(connection, lease);
        }
        else
        {
            FailDial(dialled, lease);
        }
    }

    private void FailFirst(in UpstreamResult result)
    {
        if (_waiting.First is LinkedListNode<UpstreamWait> first)
        {
            _waiting.RemoveFirst();
            first.Value.Complete(result);
        }
    }
}

/// <summary>Makes connections of a key.</summary>
internal interface IUpstreamDialer
{
    /// <summary>A connection that is ready to carry bytes, or why there is none.</summary>
    /// <param name="group">For which it is made.</param>
    ValueTask<DialResult> DialAsync(UpstreamGroup group);
}
