using System.Runtime.CompilerServices;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.EventLoops;

/// <summary>Async methods whose tasks are the loop's: as any other's, and without a box for each call.</summary>
public sealed class LoopTaskTests
{
    [Fact]
    public async Task A_method_that_does_not_wait_is_over_when_it_returns()
    {
        var notes = new List<int>();
        ValueTask<int> sum = AddAsync(new ValueTask<int>(2), 3);
        ValueTask noted = NoteAsync(new ValueTask<int>(7), notes);
        Assert.True(sum.IsCompletedSuccessfully);
        Assert.True(noted.IsCompletedSuccessfully);
        await noted;
        Assert.Equal(5, await sum);
        Assert.Equal([7], notes);
    }

    [Fact]
    public async Task A_method_that_waits_goes_on_where_what_it_waits_for_ends()
    {
        using var fixture = new LoopFixture();
        (bool isEarly, int sum) = await fixture.RunAsync(async ValueTask<(bool, int)> () =>
        {
            var first = new LoopCompletion<int>(fixture.Loop);
            ValueTask<int> added = AddAsync(AddAsync(first.WaitAsync(), 10), 100);
            bool isEarly = added.IsCompleted;
            first.TryComplete(1);
            Assert.True(added.IsCompletedSuccessfully);
            return (isEarly, await added);
        });
        Assert.False(isEarly);
        Assert.Equal(111, sum);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_a_method_throws_reaches_who_awaits_it(bool waits)
    {
        using var fixture = new LoopFixture();
        await fixture.RunAsync(async ValueTask<bool> () =>
        {
            var first = new LoopCompletion<int>(fixture.Loop);
            ValueTask<int> checkedAgain = CheckAsync(waits ? first.WaitAsync() : new ValueTask<int>(0));
            ValueTask noted = RethrowAsync(checkedAgain);
            first.TryComplete(0);
            InvalidDataException thrown = await Assert.ThrowsAsync<InvalidDataException>(async () => await noted);
            Assert.Equal("zero", thrown.Message);
            return true;
        });
    }

    [Fact]
    public async Task Calls_that_wait_at_once_do_not_take_each_others_results()
    {
        const int Calls = 3_000;
        using var fixture = new LoopFixture();
        bool areRight = await fixture.RunAsync(async ValueTask<bool> () =>
        {
            bool areRight = true;
            for (int round = 0; round < 3; round++)
            {
                LoopCompletion<int>[] firsts = [.. Enumerable.Range(0, Calls).Select(_ => new LoopCompletion<int>(fixture.Loop))];
                ValueTask<int>[] sums = [.. firsts.Select((first, index) => AddAsync(AddAsync(first.WaitAsync(), index), round))];

                // In another order than they began.
                for (int i = 0; i < Calls; i++)
                {
                    firsts[i * 7 % Calls].TryComplete(1_000_000);
                }

                for (int i = 0; i < Calls; i++)
                {
                    areRight &= await sums[i] == 1_000_000 + i + round;
                }
            }

            return areRight;
        });
        Assert.True(areRight);
    }

    [Fact]
    public async Task A_box_serves_the_next_call_and_a_task_that_was_awaited_no_more()
    {
        using var fixture = new LoopFixture();
        await fixture.RunAsync(async ValueTask<bool> () =>
        {
            var first = new LoopCompletion<int>(fixture.Loop);
            ValueTask<int> before = AddAsync(first.WaitAsync(), 1);
            first.TryComplete(1);
            Assert.Equal(2, await before);

            ValueTask<int> next = AddAsync(first.WaitAsync(), 1);
#pragma warning disable CA2012 // That it must not be used again is what is shown.
            Assert.Throws<InvalidOperationException>(() => before.IsCompleted);
#pragma warning restore CA2012
            Assert.False(next.IsCompleted);
            first.TryComplete(2);
            Assert.Equal(3, await next);
            return true;
        });
    }

    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private static async ValueTask<int> AddAsync(ValueTask<int> first, int second) => await first + second;

    [AsyncMethodBuilder(typeof(LoopTaskBuilder<>))]
    private static async ValueTask<int> CheckAsync(ValueTask<int> value) =>
        await value is int checkedValue and not 0 ? checkedValue : throw new InvalidDataException("zero");

    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    private static async ValueTask RethrowAsync(ValueTask<int> value) => await value;

    [AsyncMethodBuilder(typeof(LoopTaskBuilder))]
    private static async ValueTask NoteAsync(ValueTask<int> value, List<int> notes) => notes.Add(await value);
}
