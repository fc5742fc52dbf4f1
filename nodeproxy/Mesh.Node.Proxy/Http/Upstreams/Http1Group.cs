using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Loops;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>The connections of one key that speak HTTP/1: each carries one exchange at a time.</summary>
/// <remarks>The connection used last is used next, so that those nobody needs grow old.</remarks>
internal sealed class Http1Group(UpstreamKey key, Workload? endpoint, Service? service, LoopContext context)
    : UpstreamGroup(key, endpoint, service, context)
{
    private readonly List<Http1Upstream> _idle = [];
    private readonly HttpLimits _limits = context.Services.Http;

    /// <inheritdoc/>
    public override int IdleCount => _idle.Count;

    /// <inheritdoc/>
    public override bool HasRoom => _idle.Count > 0;

    /// <inheritdoc/>
    protected override bool HasUsable => !IsClosed && OpenCount > 0;

    /// <inheritdoc/>
    protected override bool SharesConnections => false;

    /// <summary>Takes a connection back after an exchange: for the next, or to be closed.</summary>
    public void GiveBack(Http1Upstream upstream)
    {
        if (IsClosed || !upstream.IsReusable || IsTooOld(upstream, Context.Loop.NowMs))
        {
            upstream.Close();
            Forget();
            DialForWaiting();
            return;
        }

        Offer(upstream, isReused: true);
    }

    /// <inheritdoc/>
    public override void Sweep(long nowMs)
    {
        double idleMs = Math.Min(_limits.UpstreamIdle.TotalMilliseconds, (Limits.HttpIdleTimeout ?? TimeSpan.MaxValue).TotalMilliseconds);
        for (int i = _idle.Count - 1; i >= 0; i--)
        {
            Http1Upstream idle = _idle[i];
            if (nowMs - idle.IdleSinceMs >= idleMs || !idle.IsReusable || IsTooOld(idle, nowMs))
            {
                _idle.RemoveAt(i);
                idle.Close();
                Forget();
            }
        }

        DialForWaiting();
    }

    /// <inheritdoc/>
    protected override UpstreamExchange? TryTake()
    {
        while (_idle.Count > 0)
        {
            Http1Upstream last = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
            if (last.IsReusable)
            {
                return last;
            }

            last.Close();
            Forget();
        }

        return null;
    }

    /// <inheritdoc/>
    protected override int DialsFor(int waiting) => waiting;

    /// <inheritdoc/>
    protected override void Adopt(ConnectionContext connection, ConnectionLease? lease)
    {
        EndDial();
        var upstream = new Http1Upstream(this, connection, _limits, Limits.MaxRequestsPerConnection, lease) { MadeMs = Context.Loop.NowMs };
        Offer(upstream, isReused: false);
    }

    /// <inheritdoc/>
    protected override bool TryMakeDo()
    {
        if (_idle.Count == 0)
        {
            return false;
        }

        Http1Upstream oldest = _idle[0];
        _idle.RemoveAt(0);
        oldest.Close();
        Forget();
        return true;
    }

    /// <inheritdoc/>
    protected override void CloseIdle()
    {
        foreach (Http1Upstream upstream in _idle)
        {
            upstream.Close();
            Forget();
        }

        _idle.Clear();
    }

    private bool IsTooOld(Http1Upstream upstream, long nowMs) =>
        Limits.MaxConnectionDuration is TimeSpan limit && nowMs - upstream.MadeMs >= limit.TotalMilliseconds;

    /// <summary>Gives a connection to whoever has waited longest and can use it, or keeps it.</summary>
    private void Offer(Http1Upstream upstream, bool isReused)
    {
        if (TakeWaiter(isReused) is UpstreamWait wait)
        {
            wait.Complete(new UpstreamResult(upstream, isReused, Telemetry.CloseReason.None, null));
            return;
        }

        // Who waits still wants none that has served: at the limit, another can be made in place of this one.
        if (IsClosed || _idle.Count >= _limits.UpstreamIdleMax || NeedsDials)
        {
            upstream.Close();
            Forget();
            DialForWaiting();
            return;
        }

        upstream.IdleSinceMs = Context.Loop.NowMs;
        _idle.Add(upstream);
    }
}
