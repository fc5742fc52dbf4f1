using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry;

public sealed class ConnectionTelemetryTests : IDisposable
{
    private readonly NodeTelemetry _node = new(new TelemetryOptions(), new LogOptions(), loops: 2, Stream.Null, TimeProvider.System);
    private readonly ConnectionTelemetry _telemetry;

    public ConnectionTelemetryTests() => _telemetry = _node.ForLoop(1);

    public void Dispose() => _node.Dispose();

    [Fact]
    public void A_connection_is_counted_and_visible_before_anything_is_decided()
    {
        ConnectionRecord record = Accept(ConnectionPath.Outbound);

        Assert.Equal(1, _telemetry.OpenedTotal(ConnectionPath.Outbound));
        Assert.Equal(1, _telemetry.Open.Count);
        Assert.Same(record, Assert.Single(Walk()));
        Assert.Equal(CloseReason.None, record.Reason);
    }

    [Fact]
    public void A_closed_connection_is_counted_by_its_reason_and_gone_from_the_open_ones()
    {
        ConnectionRecord record = Accept(ConnectionPath.InboundPlaintext, startedMs: 1_000);
        Assert.True(record.TryEnd(CloseReason.IdleTimeout));
        _telemetry.Closed(record, nowMs: 4_500);

        Assert.Equal(1, _telemetry.ClosedTotal(ConnectionPath.InboundPlaintext, CloseReason.IdleTimeout));
        Assert.Equal(0, _telemetry.ClosedTotal(ConnectionPath.InboundPlaintext, CloseReason.Completed));
        Assert.Equal(3_500, record.DurationMs);
        Assert.Equal(0, _telemetry.Open.Count);
        Assert.Empty(Walk());
    }

    [Fact]
    public void The_first_reason_stands_and_what_the_teardown_causes_does_not_replace_it()
    {
        ConnectionRecord record = Accept(ConnectionPath.InboundHbone);
        Assert.True(record.TryEnd(CloseReason.PolicyRevoked, "shop/deny-cart"));
        Assert.False(record.TryEnd(CloseReason.ClientReset, "reset"));
        Assert.Equal(CloseReason.PolicyRevoked, record.Reason);
        Assert.Equal("shop/deny-cart", record.Detail);
    }

    [Fact]
    public void Identifiers_are_unique_across_loops()
    {
        ConnectionTelemetry other = _node.ForLoop(0);
        HashSet<long> ids = [];
        for (int index = 0; index < 100; index++)
        {
            Assert.True(ids.Add(Accept(ConnectionPath.Outbound).Id));
            ConnectionRecord record = TestMesh.Accepted(ConnectionPath.Outbound);
            other.Opened(record);
            Assert.True(ids.Add(record.Id));
        }

        Assert.DoesNotContain(0, ids);
    }

    [Fact]
    public void Slots_are_reused_and_every_open_connection_stays_visible_while_the_table_grows()
    {
        Random random = new(7);
        List<ConnectionRecord> open = [];
        for (int step = 0; step < 5_000; step++)
        {
            if (open.Count > 0 && random.Next(5) < 2)
            {
                int index = random.Next(open.Count);
                open[index].TryEnd(CloseReason.Completed);
                _telemetry.Closed(open[index], nowMs: 0);
                open.RemoveAt(index);
            }
            else
            {
                open.Add(Accept(ConnectionPath.Outbound));
            }
        }

        Assert.Equal(open.Count, _telemetry.Open.Count);
        Assert.Equal(open.Select(record => record.Id).Order(), Walk().Select(record => record.Id).Order());
    }

    [Fact]
    public void A_walk_from_another_thread_sees_what_stays_open_while_others_come_and_go()
    {
        List<ConnectionRecord> staying = [.. Enumerable.Range(0, 50).Select(_ => Accept(ConnectionPath.Outbound))];
        using CancellationTokenSource stop = new();
        Thread loop = new(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                List<ConnectionRecord> passing = [.. Enumerable.Range(0, 300).Select(_ => Accept(ConnectionPath.Outbound))];
                foreach (ConnectionRecord record in passing)
                {
                    record.TryEnd(CloseReason.Completed);
                    _telemetry.Closed(record, nowMs: 0);
                }
            }
        });
        loop.Start();
        try
        {
            for (int walk = 0; walk < 500; walk++)
            {
                HashSet<ConnectionRecord> seen = [.. Walk()];
                Assert.All(staying, record => Assert.Contains(record, seen));
            }
        }
        finally
        {
            stop.Cancel();
            loop.Join();
        }
    }

    private ConnectionRecord Accept(ConnectionPath path, long startedMs = 0)
    {
        ConnectionRecord record = TestMesh.Accepted(path, startedMs);
        _telemetry.Opened(record);
        return record;
    }

    private List<ConnectionRecord> Walk()
    {
        List<ConnectionRecord> records = [];
        foreach (ConnectionRecord record in _telemetry.Open)
        {
            records.Add(record);
        }

        return records;
    }
}
