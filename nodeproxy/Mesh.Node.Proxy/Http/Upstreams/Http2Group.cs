using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Destinations;
using Mesh.Node.Proxy.Loops;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Buffers;
using Microsoft.AspNetCore.Connections;

namespace Mesh.Node.Proxy.Http.Upstreams;

/// <summary>The connections of one key that speak HTTP/2: each carries many exchanges, and another is made when all are full.</summary>
/// <remarks>The connection made first is used first, so that those that only a peak needed grow idle.</remarks>
internal sealed class Http2Group(
    UpstreamKey key, Workload? endpoint, Service? service, LoopContext context, BufferBudget budget)
    : UpstreamGroup(key, endpoint, service, context)
{
    /// <summary>What a connection that is being made is expected to take: what RFC 9113 §6.5.2 recommends as the least.</summary>
    private const int StreamsExpected = 100;

    private const int FreeMax = 1_024;

    private readonly List<Http2Upstream> _connections = [];
    private readonly Stack<Http2Exchange> _free = new();

    /// <inheritdoc/>
    public override int IdleCount => _connections.Count(static connection => connection.IsIdle);

    /// <inheritdoc/>
    public override bool HasRoom => FindRoom() is not null;

    /// <inheritdoc/>
    protected override bool HasUsable => _connections.Exists(static connection => connection.IsUsable);

    /// <inheritdoc/>
    protected override bool SharesConnections => true;

    /// <summary>A connection can be used.</summary>
    public void OnReady(Http2Upstream upstream)
    {
        EndDial();
        _connections.Add(upstream);
        Serve(upstream, isReused: false);
        if (IsClosed)
        {
            // Who waited has it still, and it ends with them.
            upstream.Retire();
        }

        DialForWaiting();
    }

    /// <summary>A connection turned out not to be one of HTTP/2.</summary>
    public void OnGreetingFailed(in DialResult failed) => FailDial(failed, lease: null);

    /// <summary>A connection takes more exchanges than before, or fewer.</summary>
    public void OnCapacityChanged(Http2Upstream upstream)
    {
        Serve(upstream, isReused: true);
        DialForWaiting();
    }

    /// <summary>Takes an exchange back.</summary>
    public void GiveBack(Http2Upstream upstream, Http2Exchange exchange)
    {
        if (_free.Count < FreeMax)
        {
            _free.Push(exchange);
        }

        Serve(upstream, isReused: true);
        DialForWaiting();
    }

    /// <summary>A connection is gone.</summary>
    public void OnEnded(Http2Upstream upstream)
    {
        _connections.Remove(upstream);
        Forget();
        DialForWaiting();
    }

    /// <inheritdoc/>
    public override void Sweep(long nowMs)
    {
        double limitMs = Limits.MaxConnectionDuration?.TotalMilliseconds ?? double.PositiveInfinity;
        for (int i = _connections.Count - 1; i >= 0; i--)
        {
            if (nowMs - _connections[i].MadeMs >= limitMs)
            {
                _connections[i].Retire();
            }
        }

        // The limit is the node's, and nobody says here when another loop has room under it again.
        DialForWaiting();
    }

    /// <inheritdoc/>
    protected override UpstreamExchange? TryTake() => FindRoom() is Http2Upstream upstream ? Take(upstream) : null;

    /// <inheritdoc/>
    protected override int DialsFor(int waiting)
    {
        uint each = Limits.MaxRequestsPerConnection == 0 ? StreamsExpected : Limits.MaxRequestsPerConnection;
        int expected = (int)Math.Min(Math.Min(Limits.MaxConcurrentStreams, each), StreamsExpected);
        return (waiting + expected - 1) / expected;
    }

    /// <inheritdoc/>
    protected override void Adopt(ConnectionContext connection, ConnectionLease? lease) =>
        new Http2Upstream(this, connection, Context, budget, lease).Start(Limits.ConnectTimeout);

    /// <inheritdoc/>
    protected override bool TryMakeDo()
    {
        // Who wants a connection of its own gets a place on one that serves others: no other can be made.
        if (FindRoom() is not Http2Upstream upstream || TakeWaiter(isReused: false) is not UpstreamWait wait)
        {
            return false;
        }

        wait.Complete(new UpstreamResult(Take(upstream), IsReused: true, CloseReason.None, null));
        return true;
    }

    /// <inheritdoc/>
    protected override void CloseIdle() => _connections.ForEach(static connection => connection.Retire());

    private Http2Upstream? FindRoom()
    {
        foreach (Http2Upstream connection in _connections)
        {
            if (connection.HasRoom)
            {
                return connection;
            }
        }

        return null;
    }

    /// <summary>Gives its places to those who wait longest.</summary>
    private void Serve(Http2Upstream upstream, bool isReused)
    {
        while (upstream.HasRoom && TakeWaiter(isReused) is UpstreamWait wait)
        {
            wait.Complete(new UpstreamResult(Take(upstream), isReused, CloseReason.None, null));
        }
    }

    private Http2Exchange Take(Http2Upstream upstream) =>
        upstream.Take(_free.TryPop(out Http2Exchange? free) ? free : new Http2Exchange(Context.Loop));
}
