using System.Buffers;
using System.IO.Pipelines;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Connections;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

/// <summary>The pipe of a loop beside the runtime's: told the same, both show the same.</summary>
public sealed class LoopPipeTests
{
    private const int BytesMax = 40_000;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task Whatever_is_done_with_it_it_is_what_the_runtimes_pipe_is(int seed)
    {
        using var fixture = new LoopFixture();
        int outstanding = await fixture.RunAsync(() =>
        {
            var random = new Random(seed);
            for (int run = 0; run < 60; run++)
            {
                LoopPipe ours = LoopPipe.Create(fixture.Loop, BytesMax);
                var theirs = new Pipe(new PipeOptions(
                    readerScheduler: PipeScheduler.Inline,
                    writerScheduler: PipeScheduler.Inline,
                    pauseWriterThreshold: BytesMax,
                    resumeWriterThreshold: BytesMax / 2,
                    minimumSegmentSize: BufferPool.BlockBytes,
                    useSynchronizationContext: false));
                var pair = new PairOfPipes(new PipeUse(ours.Reader, ours.Writer), new PipeUse(theirs.Reader, theirs.Writer), random);
                for (int step = 0; step < 200; step++)
                {
                    pair.Step();
                }

                pair.Finish();
            }

            return fixture.Loop.Buffers.OutstandingBlocks;
        });
        Assert.Equal(0, outstanding);
    }

    [Fact]
    public async Task Holds_no_memory_while_it_is_empty()
    {
        using var fixture = new LoopFixture();
        (int full, int empty) = await fixture.RunAsync(async ValueTask<(int, int)> () =>
        {
            LoopPipe pipe = LoopPipe.Create(fixture.Loop, 0);
            pipe.Writer.Write(new byte[100_000]);
            await pipe.Writer.FlushAsync();
            int full = fixture.Loop.Buffers.OutstandingBlocks;
            ReadResult read = await pipe.Reader.ReadAsync();
            pipe.Reader.AdvanceTo(read.Buffer.End);
            return (full, fixture.Loop.Buffers.OutstandingBlocks);
        });
        Assert.Equal(7, full);
        Assert.Equal(0, empty);
    }

    [Fact]
    public async Task Room_that_was_given_stays_the_writers_when_the_reader_takes_all_there_is()
    {
        using var fixture = new LoopFixture();
        (string read, int kept, int left) = await fixture.RunAsync(async ValueTask<(string, int, int)> () =>
        {
            LoopPipe pipe = LoopPipe.Create(fixture.Loop, 0);
            pipe.Writer.Write("first"u8);
            await pipe.Writer.FlushAsync();
            Memory<byte> room = pipe.Writer.GetMemory(6);
            ReadResult first = await pipe.Reader.ReadAsync();
            pipe.Reader.AdvanceTo(first.Buffer.End);
            byte[] others = fixture.Loop.Buffers.Rent();
            others.AsSpan().Fill((byte)'x');
            "second"u8.CopyTo(room.Span);
            pipe.Writer.Advance(6);
            await pipe.Writer.FlushAsync();
            ReadResult second = await pipe.Reader.ReadAsync();
            string text = System.Text.Encoding.ASCII.GetString(second.Buffer.ToArray());
            pipe.Reader.AdvanceTo(second.Buffer.End);
            Assert.Equal(-1, others.AsSpan().IndexOfAnyExcept((byte)'x'));
            fixture.Loop.Buffers.Return(others);

            // Room that is not used after all is given back.
            pipe.Writer.GetMemory(1);
            int kept = fixture.Loop.Buffers.OutstandingBlocks;
            pipe.LetGoOfRoom();
            return (text, kept, fixture.Loop.Buffers.OutstandingBlocks);
        });
        Assert.Equal(("second", 1, 0), (read, kept, left));
    }

    [Fact]
    public async Task A_piece_larger_than_a_block_is_given_whole()
    {
        using var fixture = new LoopFixture();
        byte[] piece = new byte[3 * BufferPool.BlockBytes];
        new Random(1).NextBytes(piece);
        byte[] read = await fixture.RunAsync(async ValueTask<byte[]> () =>
        {
            LoopPipe pipe = LoopPipe.Create(fixture.Loop, 0);
            pipe.Writer.Write("before"u8);
            piece.CopyTo(pipe.Writer.GetSpan(piece.Length));
            pipe.Writer.Advance(piece.Length);
            await pipe.Writer.FlushAsync();
            ReadResult result = await pipe.Reader.ReadAsync();
            return result.Buffer.Slice(6).ToArray();
        });
        Assert.Equal(piece, read);
    }

    [Fact]
    public async Task A_wait_that_is_given_up_by_its_token_says_so_and_the_next_does_not()
    {
        using var fixture = new LoopFixture();
        bool isNextCancelled = await fixture.RunAsync(async ValueTask<bool> () =>
        {
            LoopPipe pipe = LoopPipe.Create(fixture.Loop, 1_000);
            using var givenUp = new CancellationTokenSource();
            ValueTask<ReadResult> read = pipe.Reader.ReadAsync(givenUp.Token);
            Assert.False(read.IsCompleted);
            Cancel(givenUp);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await read);

            using var other = new CancellationTokenSource();
            pipe.Writer.Write(new byte[1_000]);
            ValueTask<FlushResult> flush = pipe.Writer.FlushAsync(other.Token);
            Assert.False(flush.IsCompleted);
            Cancel(other);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await flush);

            using var later = new CancellationTokenSource();
            ReadResult next = await pipe.Reader.ReadAsync(later.Token);
            Cancel(later);
            pipe.Reader.AdvanceTo(next.Buffer.Start);
            return next.IsCanceled || (await pipe.Reader.ReadAsync(CancellationToken.None)).IsCanceled;
        });
        Assert.False(isNextCancelled);
    }

    [Fact]
    public async Task A_reader_cannot_advance_beyond_what_it_was_shown()
    {
        using var fixture = new LoopFixture();
        await fixture.RunAsync(async ValueTask<bool> () =>
        {
            LoopPipe pipe = LoopPipe.Create(fixture.Loop, 0);
            pipe.Writer.Write("0123456789"u8);
            await pipe.Writer.FlushAsync();
            ReadResult read = await pipe.Reader.ReadAsync();
            SequencePosition later = read.Buffer.GetPosition(6);
            Assert.Throws<InvalidOperationException>(() => pipe.Reader.AdvanceTo(later, read.Buffer.Start));
            Assert.Throws<ArgumentOutOfRangeException>(() => pipe.Writer.Advance(BufferPool.BlockBytes));
            pipe.Reader.AdvanceTo(later);
            read = await pipe.Reader.ReadAsync();
            Assert.Equal("6789"u8, read.Buffer.ToArray());
            return true;
        });
    }

    // On this thread: CancelAsync would take the callbacks, and the rest of the test, elsewhere.
    private static void Cancel(CancellationTokenSource source) => source.Cancel();
}
