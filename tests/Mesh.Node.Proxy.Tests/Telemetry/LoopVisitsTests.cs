using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Proxy.Telemetry.Logging;
using Mesh.Node.Transport.EventLoops;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Telemetry;

public sealed class LoopVisitsTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly EventLoopGroup _loops = EventLoopGroup.Start(2, new EventLoopOptions());
    private readonly LoopVisits _visits;

    public LoopVisitsTests() => _visits = new LoopVisits(_loops.Loops, TimeProvider.System);

    public void Dispose() => _loops.Dispose();

    [Fact]
    public async Task Loops_that_turn_answer() => Assert.Empty(await _visits.AskAsync(s_patience));

    [Fact]
    public async Task A_loop_that_does_not_answer_is_named_and_the_others_are_not()
    {
        var time = new FakeTimeProvider();
        var visits = new LoopVisits(_loops.Loops, time);
        using ManualResetEventSlim release = new();
        _loops.Loops[1].Post(() => release.Wait());
        Task<IReadOnlyList<string>> asked = visits.AskAsync(TimeSpan.FromSeconds(1));

        // Work runs in the order it was posted: once this has run, so has the visit.
        var answered = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _loops.Loops[0].Post(answered.SetResult);
        await answered.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([_loops.Loops[1].Name], await asked);

        release.Set();
        Assert.Empty(await visits.AskAsync(s_patience));
        Assert.True(visits.Lag(1) >= TimeSpan.Zero);
    }

    [Fact]
    public async Task Work_in_parts_runs_on_its_loop_until_it_is_done()
    {
        int[] parts = new int[2];
        IReadOnlyList<string> late = await _visits.VisitAsync(
            loop => () =>
            {
                Assert.True(loop.IsOnThread);
                return ++parts[loop.Index] == 3;
            },
            s_patience);
        Assert.Empty(late);
        Assert.Equal([3, 3], parts);
    }

    [Fact]
    public async Task A_scrape_sees_what_open_connections_of_every_loop_have_carried()
    {
        using NodeTelemetry node = new(new TelemetryOptions(), new LogOptions(), loops: 2, Stream.Null, TimeProvider.System);
        node.AttachLoops(_loops.Loops);
        await _visits.VisitAsync(
            loop => () =>
            {
                for (int index = 0; index < 5_000; index++)
                {
                    ConnectionRecord record = TestMesh.CartToStock(ConnectionPath.Outbound);
                    node.ForLoop(loop.Index).Opened(record);
                    node.ForLoop(loop.Index).PartiesKnown(record);
                    record.AddSent(2);
                }

                return true;
            },
            s_patience);

        Assert.Empty(await node.ReportOpenBytesAsync(s_patience));
        List<Metrics.Exposition.Line> lines = await Metrics.Exposition.LinesAsync(node.Metrics);
        Assert.Equal(20_000, Metrics.Exposition.Value(lines, "istio_tcp_received_bytes_total"));
        Assert.Equal(10_000, Metrics.Exposition.Value(lines, "mesh_connections_open", ("path", "Outbound")));
        Assert.Contains(lines, line => line.Name == "mesh_loop_turns_total" && line.Labels["loop"] == "1" && line.Value > 0);
        Assert.True(Metrics.Exposition.Value(lines, "mesh_managed_allocated_bytes_total") > 0);
        Assert.True(Metrics.Exposition.Value(lines, "process_resident_memory_bytes") > 0);
        Assert.InRange(Metrics.Exposition.Value(lines, "process_open_fds"), 3, Metrics.Exposition.Value(lines, "process_max_fds"));
        Assert.True(Metrics.Exposition.Value(lines, "process_cpu_seconds_total") > 0);
    }
}
