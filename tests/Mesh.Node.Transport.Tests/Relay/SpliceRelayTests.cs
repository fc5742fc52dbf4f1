using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Relay;
using Xunit;

namespace Mesh.Node.Transport.Tests.Relay;

/// <summary>When a relay splices, what pipes it holds, and what it does without them.</summary>
public sealed class SpliceRelayTests
{
    private const int MiB = 1024 * 1024;

    [Fact]
    public async Task A_large_stream_is_spliced_and_the_pipe_is_given_back_and_kept()
    {
        using var fixture = new LoopFixture();
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        await CarryAsync(pair, 64 * MiB);

        // The first 128 KiB are always copied; how much more depends on how often the sender falls behind.
        Assert.InRange(fixture.Loop.Pipes.SplicedBytes, MiB, (64L * MiB) - (128 * 1024));
        await ChannelRelayTests.AssertNothingIsHeldAsync(fixture, connections: 2);
        Assert.Equal(1, fixture.Loop.Pipes.OpenCount);
        Assert.Equal(0, fixture.Loop.Pipes.RefusedByBudgetCount + fixture.Loop.Pipes.RefusedByKernelCount);
    }

    [Fact]
    public async Task Small_messages_are_never_spliced_and_a_large_stream_goes_back_to_copying_them()
    {
        using var fixture = new LoopFixture();
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        await ExchangeAsync(pair, rounds: 500, bytes: 1000);
        Assert.Equal(0, fixture.Loop.Pipes.SplicedBytes);

        await CarryAsync(pair, 16 * MiB);
        Assert.NotEqual(0, fixture.Loop.Pipes.SplicedBytes);

        // The first message finds the direction splicing and turns it back.
        await ExchangeAsync(pair, rounds: 2, bytes: 1000);
        long splicedBytes = fixture.Loop.Pipes.SplicedBytes;
        await ExchangeAsync(pair, rounds: 500, bytes: 1000);
        Assert.Equal(splicedBytes, fixture.Loop.Pipes.SplicedBytes);
    }

    [Fact]
    public async Task A_workload_without_a_pipe_left_copies_and_its_budget_comes_back()
    {
        using var fixture = new LoopFixture();
        var budget = new PipeBudget(1);
        RelayLimits limits = RelayedPair.Limits with { Pipes = budget };
        await using RelayedPair stalled = await RelayedPair.StartAsync(fixture, limits);
        long stalledBytes = await StallInPipeAsync(fixture, stalled);
        Assert.Equal(1, budget.HeldCount);
        long splicedBytes = fixture.Loop.Pipes.SplicedBytes;

        await using RelayedPair second = await RelayedPair.StartAsync(fixture, limits);
        await CarryAsync(second, 8 * MiB);
        Assert.Equal(splicedBytes, fixture.Loop.Pipes.SplicedBytes);
        Assert.NotEqual(0, fixture.Loop.Pipes.RefusedByBudgetCount);

        // Another workload on the same loop is not concerned.
        await using RelayedPair other = await RelayedPair.StartAsync(fixture, RelayedPair.Limits with { Pipes = new PipeBudget(1) });
        await CarryAsync(other, 8 * MiB);
        Assert.True(fixture.Loop.Pipes.SplicedBytes > splicedBytes);

        stalled.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(stalledBytes, (await stalled.Server.ReadToEndAsync()).LongLength);
        Assert.Equal(0, budget.HeldCount);
    }

    [Fact]
    public async Task A_loop_without_a_pipe_left_copies()
    {
        using var fixture = new LoopFixture(new EventLoopOptions { PipesMax = 1 });
        await using RelayedPair stalled = await RelayedPair.StartAsync(fixture);
        await StallInPipeAsync(fixture, stalled);
        await using RelayedPair second = await RelayedPair.StartAsync(fixture);
        await CarryAsync(second, 8 * MiB);
        Assert.Equal(1, fixture.Loop.Pipes.OpenCount);
        Assert.NotEqual(0, fixture.Loop.Pipes.RefusedByBudgetCount);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_pipe_with_bytes_of_a_broken_connection_never_reaches_another(bool clientBreaks)
    {
        using var fixture = new LoopFixture();
        await using RelayedPair broken = await RelayedPair.StartAsync(fixture);
        await StallInPipeAsync(fixture, broken);
        (clientBreaks ? broken.Client : broken.Server).Abort();
        Assert.Equal(clientBreaks ? RelayEnd.ClientBroken : RelayEnd.UpstreamBroken, await broken.Ended);
        await ChannelRelayTests.AssertNothingIsHeldAsync(fixture);
        Assert.Equal(0, fixture.Loop.Pipes.OpenCount);

        await using RelayedPair next = await RelayedPair.StartAsync(fixture);
        await CarryAsync(next, 8 * MiB);
        Assert.NotEqual(0, fixture.Loop.Pipes.SplicedBytes);
    }

    [Fact]
    public async Task Many_stalled_readers_leave_few_pipes_open_once_they_have_read()
    {
        using var fixture = new LoopFixture();
        List<(RelayedPair Pair, long Bytes)> stalled = [];
        for (int i = 0; i < 12; i++)
        {
            RelayedPair pair = await RelayedPair.StartAsync(fixture);
            stalled.Add((pair, await StallInPipeAsync(fixture, pair)));
        }

        Assert.Equal(12, fixture.Loop.Pipes.LeasedCount);
        foreach ((RelayedPair pair, long bytes) in stalled)
        {
            pair.Client.Shutdown(SocketShutdown.Send);
            Assert.Equal(bytes, (await pair.Server.ReadToEndAsync()).LongLength);
        }

        Assert.Equal(0, fixture.Loop.Pipes.LeasedCount);
        Assert.InRange(fixture.Loop.Pipes.OpenCount, 1, 8);
        foreach ((RelayedPair pair, _) in stalled)
        {
            await pair.DisposeAsync();
        }
    }

    [Fact]
    public void A_budget_gives_what_it_has_and_no_more_to_any_number_of_threads()
    {
        var budget = new PipeBudget(3);
        int taken = 0;
        int mostAtOnce = 0;
        Parallel.For(0, 8, _ =>
        {
            for (int i = 0; i < 10_000; i++)
            {
                if (budget.TryTake())
                {
                    int now = Interlocked.Increment(ref taken);
                    InterlockedMax(ref mostAtOnce, now);
                    Interlocked.Decrement(ref taken);
                    budget.GiveBack();
                }
            }
        });
        Assert.InRange(mostAtOnce, 1, 3);
        Assert.Equal(0, budget.HeldCount);
        Assert.True(budget.TryTake() && budget.TryTake() && budget.TryTake());
        Assert.False(budget.TryTake());
    }

    /// <summary>Sends until nobody takes any more and the direction's last bytes sit in a pipe.</summary>
    /// <returns>Bytes on their way.</returns>
    private static async Task<long> StallInPipeAsync(LoopFixture fixture, RelayedPair pair)
    {
        int leasedBefore = fixture.Loop.Pipes.LeasedCount;
        long bytes = await pair.Client.SendUntilStoppedAsync(256 * MiB);
        for (int attempt = 0; fixture.Loop.Pipes.LeasedCount == leasedBefore; attempt++)
        {
            // The target stopped before two full reads had come together: room for more makes them come.
            Assert.True(attempt < 20, "The direction never splices.");
            await pair.Server.ReadExactlyAsync(MiB);
            bytes += await pair.Client.SendUntilStoppedAsync(256 * MiB) - MiB;
        }

        return bytes;
    }

    /// <summary>Sends random bytes from client to server and compares.</summary>
    private static async Task CarryAsync(RelayedPair pair, int bytes)
    {
        byte[] sent = RandomNumberGenerator.GetBytes(bytes);
        Task<byte[]> arrived = pair.Server.ReadExactlyAsync(bytes);
        await pair.Client.SendAllAsync(sent);
        Assert.Equal(SHA256.HashData(sent), SHA256.HashData(await arrived));
    }

    /// <summary>Messages one at a time, to the server and back.</summary>
    private static async Task ExchangeAsync(RelayedPair pair, int rounds, int bytes)
    {
        byte[] message = RandomNumberGenerator.GetBytes(bytes);
        for (int i = 0; i < rounds; i++)
        {
            await pair.Client.SendAllAsync(message);
            Assert.Equal(message, await pair.Server.ReadExactlyAsync(bytes));
            await pair.Server.SendAllAsync(message);
            Assert.Equal(message, await pair.Client.ReadExactlyAsync(bytes));
        }
    }

    private static void InterlockedMax(ref int location, int value)
    {
        int seen = Volatile.Read(ref location);
        while (seen < value && Interlocked.CompareExchange(ref location, value, seen) is int before && before != seen)
        {
            seen = before;
        }
    }
}
