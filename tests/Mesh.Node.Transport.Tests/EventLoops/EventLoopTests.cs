using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.EventLoops;

public sealed class EventLoopTests
{
    [Fact]
    public async Task Work_posted_from_many_threads_is_all_done_and_none_is_forgotten_while_the_loop_sleeps()
    {
        using var fixture = new LoopFixture();
        const int Threads = 4;
        const int PostsEach = 20_000;
        int done = 0;
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var threads = Enumerable.Range(0, Threads).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < PostsEach; i++)
            {
                fixture.Loop.Post(() =>
                {
                    if (++done == Threads * PostsEach)
                    {
                        all.SetResult();
                    }
                });
                if (i % 64 == 0)
                {
                    Thread.Yield(); // Lets the loop fall asleep between posts, where a lost wake-up would show.
                }
            }
        })).ToArray();
        Array.ForEach(threads, t => t.Start());
        await all.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(Threads * PostsEach, done);
    }

    [Fact]
    public async Task Deferred_handlers_run_once_in_the_next_turn_even_when_they_defer_again()
    {
        using var fixture = new LoopFixture();
        var handler = new SelfDeferring(fixture.Loop, times: 5);
        await fixture.RunAsync(() =>
        {
            fixture.Loop.RunNextTurn(handler);
            return 0;
        });
        await handler.Done.Task.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(5, handler.Turns.Distinct().Count());
    }

    [Fact]
    public async Task A_completion_resumes_on_the_loop_and_can_be_used_again()
    {
        using var fixture = new LoopFixture();
        int sum = await fixture.RunAsync(async ValueTask<int> () =>
        {
            var completion = new LoopCompletion<int>(fixture.Loop);
            int total = 0;
            for (int i = 1; i <= 3; i++)
            {
                int value = i;
                fixture.Loop.Post(() => Assert.True(completion.TryComplete(value)));
                total += await completion.WaitAsync();
                Assert.True(fixture.Loop.IsOnThread);
            }

            Assert.False(completion.TryComplete(9));
            return total;
        });
        Assert.Equal(6, sum);
    }

    [Fact]
    public void A_stale_token_finds_nobody_after_its_slot_was_reused()
    {
        using EventLoop loop = EventLoop.Start("test-loop", 0, new EventLoopOptions());
        var table = new RegistrationTable();
        var first = new SelfDeferring(null!, 0);
        var second = new SelfDeferring(null!, 0);
        Registration old = table.Add(first, loop.OwnShare);
        Assert.Same(loop.OwnShare, table.Note(old.Token, EpollEvents.In));
        Assert.True(table.Remove(old));
        Assert.False(table.Remove(old));
        Registration fresh = table.Add(second, loop.OwnShare);
        Assert.Null(table.Take(old.Token, out EpollEvents stale));
        Assert.Null(table.Note(old.Token, EpollEvents.In));
        Assert.Same(second, table.Take(fresh.Token, out EpollEvents none));
        Assert.Equal((EpollEvents.None, EpollEvents.None), (stale, none));
    }

    [Fact]
    public void What_becomes_ready_again_before_it_is_told_stands_in_line_once_and_is_told_everything()
    {
        using EventLoop loop = EventLoop.Start("test-loop", 0, new EventLoopOptions());
        var table = new RegistrationTable();
        var handler = new SelfDeferring(null!, 0);
        Registration registration = table.Add(handler, loop.OwnShare);
        Assert.Same(loop.OwnShare, table.Note(registration.Token, EpollEvents.In));
        Assert.Null(table.Note(registration.Token, EpollEvents.RdHup));
        Assert.Same(handler, table.Take(registration.Token, out EpollEvents events));
        Assert.Equal(EpollEvents.In | EpollEvents.RdHup, events);
        Assert.Same(loop.OwnShare, table.Note(registration.Token, EpollEvents.Out));
    }

    [Fact]
    public void A_handshake_beyond_the_limit_waits_and_each_that_ends_says_so()
    {
        using EventLoop loop = EventLoop.Start("test-loop", 0, new EventLoopOptions());
        var gate = new HandshakeGate(loop, max: 2, stepsPerTurnMax: 1);
        Assert.True(gate.TryEnter() && gate.TryEnter());
        Assert.False(gate.HasRoom || gate.TryEnter());
        Assert.Equal(2, gate.Count);
        int roomMade = 0;
        gate.RoomMade += () => roomMade++;
        gate.Leave();
        Assert.True(gate.HasRoom);
        Assert.Equal(1, roomMade);
        gate.Leave();
        Assert.Equal((0, 2), (gate.Count, roomMade));
    }

    private sealed class SelfDeferring(EventLoop loop, int times) : IReadyHandler
    {
        public List<long> Turns { get; } = [];

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void OnReady(EpollEvents events)
        {
            Turns.Add(loop.Turns);
            if (Turns.Count < times)
            {
                loop.RunNextTurn(this);
            }
            else
            {
                Done.SetResult();
            }
        }
    }
}
