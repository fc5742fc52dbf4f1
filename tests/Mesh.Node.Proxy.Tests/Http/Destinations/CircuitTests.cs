using Mesh.Node.Model.Outliers;
using Mesh.Node.Model.Traffic;
using Mesh.Node.Proxy.Http.Destinations;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Destinations;

public sealed class CircuitTests
{
    [Fact]
    public void Requests_beyond_the_limit_are_refused_and_counted_until_one_ends()
    {
        Destination destination = Limited(new ConnectionLimits { MaxRequests = 2 }, out ShopMesh mesh);
        RequestLease[] leases = [new(), new(), new()];

        Assert.True(leases[0].TryBeginRequest(destination, out _));
        Assert.True(leases[1].TryBeginRequest(destination, out CircuitLimit none));
        Assert.Equal(CircuitLimit.None, none);
        Assert.False(leases[2].TryBeginRequest(destination, out CircuitLimit reached));
        Assert.Equal(CircuitLimit.Requests, reached);
        Assert.True(destination.Circuit.IsOpen(CircuitLimit.Requests));
        Assert.Null(leases[2].Destination);

        leases[0].End();
        Assert.False(destination.Circuit.IsOpen(CircuitLimit.Requests));
        Assert.True(leases[2].TryBeginRequest(destination, out _));
        Assert.Equal(2, destination.Circuit.Count(CircuitLimit.Requests));
        Assert.Equal(1, destination.Circuit.OverflowsTotal(CircuitLimit.Requests));
        Assert.Equal(1, mesh.Registry.Totals.Overflows(CircuitLimit.Requests));
    }

    [Fact]
    public void What_a_lease_took_is_returned_once_however_often_it_is_said()
    {
        Destination destination = Limited(new ConnectionLimits(), out ShopMesh mesh);
        DestinationEndpoint endpoint = mesh.Known(0);
        var lease = new RequestLease();
        var other = new RequestLease();
        Assert.True(other.TryBeginRequest(destination, out _));

        Assert.True(lease.TryBeginRequest(destination, out _));
        Assert.True(lease.TryBeginPending(out _));
        Assert.True(lease.TryBeginPending(out _));
        Assert.True(lease.TryBeginRetry(out _));
        Assert.True(lease.TryBeginRetry(out _));
        lease.BeginAttempt(endpoint);
        lease.BeginAttempt(endpoint);
        Assert.Equal((1, 2, 1, 1), Under(destination, endpoint));

        lease.EndPending();
        lease.EndPending();
        lease.EndAttempt(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
        lease.EndAttempt(AttemptResult.Success, latencyMs: 1, mesh.NowMs);
        lease.End();
        lease.End();

        Assert.Equal((0, 1, 0, 0), Under(destination, endpoint));
        Assert.Equal((1L, 1L), (endpoint.RequestsTotal, endpoint.SuccessesTotal));
        other.End();
        Assert.True(destination.Circuit.IsIdle);
    }

    [Fact]
    public void Ending_a_request_returns_all_that_it_took()
    {
        Destination destination = Limited(new ConnectionLimits(), out ShopMesh mesh);
        DestinationEndpoint endpoint = mesh.Known(0);
        var lease = new RequestLease();
        Assert.True(lease.TryBeginRequest(destination, out _));
        Assert.True(lease.TryBeginPending(out _));
        Assert.True(lease.TryBeginRetry(out _));
        lease.BeginAttempt(endpoint);

        // Begun anew without having been ended, as after a fault.
        Assert.True(lease.TryBeginRequest(destination, out _));

        Assert.Equal((0, 1, 0, 0), Under(destination, endpoint));
        Assert.Equal(0, endpoint.RequestsTotal);
    }

    [Fact]
    public void A_wait_that_is_one_too_many_leaves_the_request_as_it_was()
    {
        Destination destination = Limited(new ConnectionLimits { MaxPendingRequests = 1 }, out _);
        var first = new RequestLease();
        var second = new RequestLease();
        Assert.True(first.TryBeginRequest(destination, out _) && second.TryBeginRequest(destination, out _));

        Assert.True(first.TryBeginPending(out _));
        Assert.False(second.TryBeginPending(out CircuitLimit reached));
        Assert.Equal(CircuitLimit.PendingRequests, reached);
        second.EndPending();
        Assert.Equal(1, destination.Circuit.Count(CircuitLimit.PendingRequests));

        first.EndPending();
        Assert.True(second.TryBeginPending(out _));
    }

    [Fact]
    public void Connections_count_until_their_lease_is_disposed_once_or_twice()
    {
        Destination destination = Limited(new ConnectionLimits { MaxConnections = 2 }, out _);
        ConnectionLease? first = destination.Circuit.TryOpenConnection(isNeeded: false);
        ConnectionLease? second = destination.Circuit.TryOpenConnection(isNeeded: false);
        Assert.NotNull(first);
        Assert.NotNull(second);

        Assert.Null(destination.Circuit.TryOpenConnection(isNeeded: false));
        Assert.Equal(1, destination.Circuit.OverflowsTotal(CircuitLimit.Connections));
        first.Dispose();
        first.Dispose();
        Assert.Equal(1, destination.Circuit.Count(CircuitLimit.Connections));
    }

    [Fact]
    public void A_connection_without_which_nothing_could_be_sent_is_counted_beyond_the_limit()
    {
        Destination destination = Limited(new ConnectionLimits { MaxConnections = 1 }, out _);
        using ConnectionLease? first = destination.Circuit.TryOpenConnection(isNeeded: true);
        ConnectionLease? second = destination.Circuit.TryOpenConnection(isNeeded: true);
        Assert.NotNull(second);
        Assert.Equal(2, destination.Circuit.Count(CircuitLimit.Connections));
        Assert.Null(destination.Circuit.TryOpenConnection(isNeeded: false));
        second.Dispose();
        Assert.Equal(1, destination.Circuit.Count(CircuitLimit.Connections));
    }

    [Fact]
    public void A_retry_ends_with_the_next_and_with_its_request()
    {
        Destination destination = Limited(new ConnectionLimits { MaxRetries = 1 }, out _);
        var first = new RequestLease();
        var second = new RequestLease();
        Assert.True(first.TryBeginRequest(destination, out _) && second.TryBeginRequest(destination, out _));

        Assert.True(first.TryBeginRetry(out _));
        Assert.True(first.TryBeginRetry(out _));
        Assert.False(second.TryBeginRetry(out CircuitLimit reached));
        Assert.Equal(CircuitLimit.Retries, reached);
        first.End();
        Assert.True(second.TryBeginRetry(out _));
    }

    [Theory]
    [InlineData(1, 20, 3, 1)]
    [InlineData(3, 20, 3, 3)]
    [InlineData(15, 20, 3, 3)]
    [InlineData(20, 20, 3, 4)]
    [InlineData(24, 20, 3, 4)]
    [InlineData(100, 50, 0, 50)]
    [InlineData(100, 0, 0, 0)]
    [InlineData(100, 0.5, 0, 0)]
    public void A_budget_lets_a_part_of_the_requests_be_retries_and_a_few_always(int requests, double percent, uint min, int expected)
    {
        // The limit of retries is not looked at where there is a budget.
        var limits = new ConnectionLimits { MaxRetries = 1, RetryBudget = new RetryBudget(percent, min) };
        Destination destination = Limited(limits, out _);
        RequestLease[] leases = [.. Enumerable.Range(0, requests).Select(_ => new RequestLease())];
        Assert.All(leases, lease => Assert.True(lease.TryBeginRequest(destination, out _)));

        int granted = leases.TakeWhile(lease => lease.TryBeginRetry(out _)).Count();

        Assert.Equal(expected, granted);
    }

    [Fact]
    public void A_lower_limit_holds_for_what_begins_after_it()
    {
        Destination destination = Limited(new ConnectionLimits { MaxRequests = 3 }, out ShopMesh mesh);
        RequestLease[] leases = [new(), new(), new()];
        Assert.All(leases, lease => Assert.True(lease.TryBeginRequest(destination, out _)));

        mesh.Change(change => change.SetTraffic(
            ShopMesh.TrafficOf(new TrafficPolicy { Limits = new ConnectionLimits { MaxRequests = 1 } })));

        Assert.Same(destination, mesh.Destination);
        Assert.Equal(3, destination.Circuit.Count(CircuitLimit.Requests));
        leases[0].End();
        leases[1].End();
        Assert.False(leases[0].TryBeginRequest(destination, out _));
        leases[2].End();
        Assert.True(leases[0].TryBeginRequest(destination, out _));
    }

    [Fact]
    public async Task Threads_never_pass_a_limit_together_and_return_all_they_took()
    {
        const int Threads = 4;
        const int Rounds = 20_000;
        Destination destination = Limited(new ConnectionLimits { MaxRequests = 3, MaxRetries = 2, MaxConnections = 2 }, out ShopMesh mesh);
        DestinationEndpoint endpoint = mesh.Known(0);
        using var together = new Barrier(Threads);
        long refused = 0;
        int inside = 0;
        int mostInside = 0;

        await Task.WhenAll(Enumerable.Range(0, Threads).Select(thread => Task.Factory.StartNew(
            () =>
            {
                var lease = new RequestLease();
                together.SignalAndWait();
                for (int round = 0; round < Rounds; round++)
                {
                    using ConnectionLease? connection = destination.Circuit.TryOpenConnection(isNeeded: false);
                    if (!lease.TryBeginRequest(destination, out CircuitLimit _))
                    {
                        Interlocked.Increment(ref refused);
                        continue;
                    }

                    int now = Interlocked.Increment(ref inside);
                    if (now > Volatile.Read(ref mostInside))
                    {
                        Volatile.Write(ref mostInside, now);
                    }

                    _ = lease.TryBeginRetry(out CircuitLimit _);
                    lease.BeginAttempt(endpoint);
                    lease.EndAttempt(AttemptResult.Success, latencyMs: 0, nowMs: 0);
                    Interlocked.Decrement(ref inside);
                    lease.End();
                }
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));

        Assert.InRange(mostInside, 1, 3);
        Assert.True(destination.Circuit.IsIdle);
        Assert.Equal(0, endpoint.Active);
        Assert.Equal((Threads * (long)Rounds) - refused, endpoint.RequestsTotal);
        Assert.Equal(refused, destination.Circuit.OverflowsTotal(CircuitLimit.Requests));
        Assert.Equal(refused, mesh.Registry.Totals.Overflows(CircuitLimit.Requests));
    }

    private static Destination Limited(ConnectionLimits limits, out ShopMesh mesh)
    {
        mesh = new ShopMesh(endpoints: 3, new TrafficPolicy { Limits = limits });
        return mesh.Destination;
    }

    private static (int Pending, int Requests, int Retries, int Active) Under(Destination destination, DestinationEndpoint endpoint) =>
        (destination.Circuit.Count(CircuitLimit.PendingRequests),
            destination.Circuit.Count(CircuitLimit.Requests),
            destination.Circuit.Count(CircuitLimit.Retries),
            endpoint.Active);
}
