using Mesh.Node.Transport.Buffers;
using Xunit;

namespace Mesh.Node.Transport.Tests.Buffers;

/// <summary>What is recorded comes back as it was from any place, and counts until it is let go.</summary>
public sealed class RecordedBytesTests
{
    private const int Block = BufferPool.BlockBytes;

    [Fact]
    public void What_was_appended_in_parts_is_read_from_any_place_and_again()
    {
        var pool = new BufferPool(4 * Block);
        var budget = new BufferBudget(8 * Block);
        var record = new RecordedBytes(pool, budget);
        byte[] all = new byte[(3 * Block) + 123];
        new Random(7).NextBytes(all);
        for (int at = 0; at < all.Length;)
        {
            int part = Math.Min(all.Length - at, 5_000);
            Assert.True(record.TryAppend(all.AsSpan(at, part)));
            at += part;
        }

        Assert.Equal(all.Length, record.Count);
        Assert.Equal(4L * Block, budget.HeldBytes);
        foreach (int from in (int[])[0, 1, Block - 1, Block, Block + 1, all.Length - 1, all.Length])
        {
            Assert.Equal(all[from..], ReadFrom(record, from));
            Assert.Equal(all[from..], ReadFrom(record, from));
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => record.From(all.Length + 1));
        record.Clear();
        Assert.Equal((0L, 0L, 0), (record.Count, budget.HeldBytes, pool.OutstandingBlocks));
        Assert.True(record.From(0).IsEmpty);
    }

    [Fact]
    public void Nothing_is_held_beyond_the_budget()
    {
        var pool = new BufferPool(0);
        var budget = new BufferBudget(Block);
        var record = new RecordedBytes(pool, budget);
        Assert.True(record.TryAppend(new byte[Block]));
        Assert.False(record.TryAppend(new byte[1]));
        Assert.Equal((long)Block, budget.HeldBytes);
        record.Clear();
        Assert.Equal((0L, 0), (budget.HeldBytes, pool.OutstandingBlocks));
    }

    [Fact]
    public void Used_again_it_allocates_nothing()
    {
        var record = new RecordedBytes(new BufferPool(4 * Block), new BufferBudget(4 * Block));
        byte[] content = new byte[2 * Block];
        long before = 0;
        for (int round = 0; round < 100; round++)
        {
            // What is allocated at first is kept.
            before = round == 10 ? GC.GetAllocatedBytesForCurrentThread() : before;
            Assert.True(record.TryAppend(content));
            record.Clear();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static byte[] ReadFrom(RecordedBytes record, long offset)
    {
        var read = new MemoryStream();
        while (offset < record.Count)
        {
            ReadOnlyMemory<byte> run = record.From(offset);
            Assert.False(run.IsEmpty);
            read.Write(run.Span);
            offset += run.Length;
        }

        return read.ToArray();
    }
}
