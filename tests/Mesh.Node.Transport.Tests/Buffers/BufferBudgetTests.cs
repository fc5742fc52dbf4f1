using System.Net.Sockets;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Relay;
using Mesh.Node.Transport.Tests.Relay;
using Xunit;

namespace Mesh.Node.Transport.Tests.Buffers;

/// <summary>What may be held for peers that take nothing: by one workload, and by all.</summary>
public sealed class BufferBudgetTests
{
    private const int Block = BufferPool.BlockBytes;

    [Fact]
    public void A_part_takes_from_the_whole_and_gives_back_to_it()
    {
        var whole = new BufferBudget(3 * Block);
        var first = new BufferBudget(2 * Block, whole);
        var second = new BufferBudget(2 * Block, whole);
        Assert.True(first.TryTakeBlock() && first.TryTakeBlock());
        Assert.False(first.TryTakeBlock());
        Assert.True(second.TryTakeBlock());
        Assert.False(second.TryTakeBlock());
        Assert.Equal((2L * Block, 1L * Block, 3L * Block), (first.HeldBytes, second.HeldBytes, whole.HeldBytes));
        first.GiveBackBlock();
        Assert.True(second.TryTakeBlock());
        Assert.Equal((1L * Block, 2L * Block, 3L * Block), (first.HeldBytes, second.HeldBytes, whole.HeldBytes));
    }

    [Fact]
    public void What_is_held_elsewhere_counts_in_whole_blocks_and_nothing_while_nothing_is_held()
    {
        var budget = new BufferBudget(3 * Block);
        var counted = new CountedBytes(budget);
        Assert.True(counted.IsEmpty);
        Assert.True(counted.TryHold(1));
        Assert.Equal(Block, budget.HeldBytes);
        Assert.True(counted.TryHold(Block));
        Assert.Equal(Block, budget.HeldBytes);
        Assert.True(counted.TryHold(Block + 1));
        Assert.Equal(2 * Block, budget.HeldBytes);
        Assert.False(counted.TryHold(4 * Block));
        Assert.True(counted.TryHold(3));
        Assert.Equal((Block, false), (budget.HeldBytes, counted.IsEmpty));
        Assert.True(counted.TryHold(0));
        Assert.Equal((0, true), (budget.HeldBytes, counted.IsEmpty));
    }

    [Fact]
    public void Any_number_of_threads_never_take_more_than_there_is()
    {
        var whole = new BufferBudget(3 * Block);
        int held = 0;
        bool isOver = false;
        Parallel.For(0, 8, _ =>
        {
            var part = new BufferBudget(2 * Block, whole);
            for (int i = 0; i < 10_000; i++)
            {
                if (part.TryTakeBlock())
                {
                    isOver |= Interlocked.Increment(ref held) > 3;
                    Interlocked.Decrement(ref held);
                    part.GiveBackBlock();
                }
            }
        });
        Assert.False(isOver);
        Assert.Equal(0, whole.HeldBytes);
    }

    [Fact]
    public void Held_bytes_count_by_blocks_and_come_back_when_consumed_or_dropped()
    {
        var pool = new BufferPool(1 << 20);
        var budget = new BufferBudget(3 * Block);
        var held = new HeldBytes(budget);
        Assert.True(held.TryAppend(new byte[Block + 1], pool));
        Assert.Equal(2 * Block, budget.HeldBytes);
        held.Consume(Block, pool);
        Assert.Equal(Block, budget.HeldBytes);
        Assert.False(held.TryAppend(new byte[3 * Block], pool));
        held.Clear(pool);
        Assert.Equal((0, 0), (budget.HeldBytes, pool.OutstandingBlocks));
        Assert.True(held.TryAppend(new byte[3 * Block], pool));
        held.Clear(pool);
    }

    [Fact]
    public async Task A_relay_that_would_hold_more_than_its_workload_may_is_reset_and_its_neighbour_is_not()
    {
        using var fixture = new LoopFixture(new EventLoopOptions { PipesMax = 0 });
        var budget = new BufferBudget(0);
        await using RelayedPair stalled = await RelayedPair.StartAsync(fixture, RelayedPair.Limits with { Buffers = budget });
        await using RelayedPair neighbour = await RelayedPair.StartAsync(fixture, RelayedPair.Limits with { Buffers = new BufferBudget(4 * Block) });
        await Assert.ThrowsAsync<SocketException>(() => stalled.Client.SendAllAsync(new byte[64 << 20]));
        Assert.Equal(RelayEnd.BufferLimit, await stalled.Ended);
        Assert.Equal(0, budget.HeldBytes);
        await neighbour.Client.SendAllAsync(new byte[1_000]);
        await neighbour.Server.ReadExactlyAsync(1_000);
    }
}
