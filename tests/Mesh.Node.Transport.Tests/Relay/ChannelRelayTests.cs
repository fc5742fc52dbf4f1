using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Relay;
using Xunit;

namespace Mesh.Node.Transport.Tests.Relay;

/// <summary>
/// What a relay promises whichever way it moves bytes, between real sockets on the loopback interface: by splice where it may, and by
/// copy alone where a loop has no pipes.
/// </summary>
public sealed class ChannelRelayTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Bytes_arrive_whole_and_in_order_in_both_directions_with_half_close(bool maySplice)
    {
        using LoopFixture fixture = Fixture(maySplice);
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        byte[] up = RandomNumberGenerator.GetBytes(7_000_001);
        byte[] down = RandomNumberGenerator.GetBytes(5_000_003);

        Task<byte[]> upArrived = pair.Server.ReadToEndAsync();
        await pair.Client.SendAllAsync(up);
        pair.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(up), SHA256.HashData(await upArrived));

        // The client has finished sending; the other direction must still carry.
        Task<byte[]> downArrived = pair.Client.ReadToEndAsync();
        await pair.Server.SendAllAsync(down);
        pair.Server.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(down), SHA256.HashData(await downArrived));

        Assert.Equal(RelayEnd.Completed, await pair.Ended);
        Assert.Equal(up.Length, pair.SentBytes);
        Assert.Equal(down.Length, pair.ReceivedBytes);
        await AssertNothingIsHeldAsync(fixture);
        Assert.Equal(maySplice, fixture.Loop.Pipes.SplicedBytes > 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Both_directions_at_once_keep_apart(bool maySplice)
    {
        using LoopFixture fixture = Fixture(maySplice);
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        byte[] up = RandomNumberGenerator.GetBytes(24 << 20);
        byte[] down = RandomNumberGenerator.GetBytes(24 << 20);

        Task<byte[]> upArrived = pair.Server.ReadToEndAsync();
        Task<byte[]> downArrived = pair.Client.ReadToEndAsync();
        await Task.WhenAll(SendAndFinishAsync(pair.Client, up), SendAndFinishAsync(pair.Server, down));

        Assert.Equal(SHA256.HashData(up), SHA256.HashData(await upArrived));
        Assert.Equal(SHA256.HashData(down), SHA256.HashData(await downArrived));
        Assert.Equal(RelayEnd.Completed, await pair.Ended);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reader_that_stops_stops_the_sender_and_memory_stays_bounded(bool maySplice)
    {
        using LoopFixture fixture = Fixture(maySplice);
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        long sentBytes = await pair.Client.SendUntilStoppedAsync(256 << 20);

        int heldBlocks = await fixture.RunAsync(() => fixture.Loop.Buffers.OutstandingBlocks);
        Assert.InRange(heldBlocks, 0, EventLoop.ScratchBytes / BufferPool.BlockBytes);
        Assert.InRange(fixture.Loop.Pipes.LeasedCount, 0, maySplice ? 1 : 0);

        // The sender's end waits behind a full pipe or full buffers, and must come out all the same.
        pair.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(sentBytes, (await pair.Server.ReadToEndAsync()).LongLength);
        pair.Server.Shutdown(SocketShutdown.Send);
        Assert.Equal(RelayEnd.Completed, await pair.Ended);
        Assert.Equal(sentBytes, pair.SentBytes);
        await AssertNothingIsHeldAsync(fixture);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reset_on_one_side_is_a_reset_on_the_other(bool byClient)
    {
        using LoopFixture fixture = Fixture(maySplice: true);
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        await pair.Client.SendAllAsync(new byte[10]);
        await pair.Server.ReadExactlyAsync(10);
        (Socket aborting, Socket other) = byClient ? (pair.Client, pair.Server) : (pair.Server, pair.Client);
        aborting.Abort();

        SocketException seen = await Assert.ThrowsAsync<SocketException>(() => other.ReadToEndAsync());
        Assert.Equal(SocketError.ConnectionReset, seen.SocketErrorCode);
        Assert.Equal(byClient ? RelayEnd.ClientBroken : RelayEnd.UpstreamBroken, await pair.Ended);
    }

    [Fact]
    public async Task Silence_for_the_idle_limit_resets_both_sides()
    {
        using LoopFixture fixture = Fixture(maySplice: true);
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture, new RelayLimits(TimeSpan.FromMilliseconds(200)));
        Assert.Equal(RelayEnd.IdleTimeout, await pair.Ended);
        await Assert.ThrowsAsync<SocketException>(() => pair.Client.ReadToEndAsync());
        await Assert.ThrowsAsync<SocketException>(() => pair.Server.ReadToEndAsync());
    }

    [Fact]
    public async Task An_abort_resets_both_sides()
    {
        using LoopFixture fixture = Fixture(maySplice: true);
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        await fixture.RunAsync(() =>
        {
            pair.Relay.Abort();
            pair.Relay.Abort();
            return 0;
        });
        Assert.Equal(RelayEnd.Aborted, await pair.Ended);
        await Assert.ThrowsAsync<SocketException>(() => pair.Client.ReadToEndAsync());
        await Assert.ThrowsAsync<SocketException>(() => pair.Server.ReadToEndAsync());
        await AssertNothingIsHeldAsync(fixture);
    }

    internal static async Task SendAndFinishAsync(Socket socket, byte[] bytes)
    {
        await socket.SendAllAsync(bytes);
        socket.Shutdown(SocketShutdown.Send);
    }

    /// <summary>No buffer, no pipe and no connection outlives its relay; what is quiet holds neither buffer nor pipe.</summary>
    internal static async Task AssertNothingIsHeldAsync(LoopFixture fixture, int connections = 0)
    {
        (int, int, int) held = await fixture.RunAsync(
            () => (fixture.Loop.Buffers.OutstandingBlocks, fixture.Loop.Pipes.LeasedCount, fixture.Loop.ConnectionCount));
        Assert.Equal((0, 0, connections), held);
    }

    private static LoopFixture Fixture(bool maySplice) => new(new EventLoopOptions { PipesMax = maySplice ? 64 : 0 });
}
