using System.Net.Sockets;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.Relay;

/// <summary>
/// Goal: a relay in steady state allocates nothing, whatever it carries. Method: the loop's own thread is asked what it allocated before
/// and after many chunks; the applications at both ends run on the test's thread.
/// </summary>
public sealed class RelayAllocationTests
{
    private const int WarmUpRounds = 1_000;
    private const int Rounds = 2_000;

    [Fact]
    public async Task Small_messages_allocate_nothing()
    {
        using var fixture = new LoopFixture();
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        AssertAllocatesNothing(fixture, rounds =>
        {
            byte[] message = new byte[200];
            for (int i = 0; i < rounds; i++)
            {
                Carry(pair.Client, pair.Server, message);
                Carry(pair.Server, pair.Client, message);
            }
        });
        Assert.Equal(0, fixture.Loop.Pipes.SplicedBytes);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    public async Task Large_chunks_allocate_nothing(int pipesMax)
    {
        using var fixture = new LoopFixture(new EventLoopOptions { PipesMax = pipesMax });
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);

        // Small enough for the socket buffers to take it whole: the same thread sends and receives.
        pair.Client.SendBufferSize = 1 << 20;
        pair.Server.ReceiveBufferSize = 1 << 20;
        AssertAllocatesNothing(fixture, rounds =>
        {
            byte[] chunk = new byte[256 * 1024];
            for (int i = 0; i < rounds / 4; i++)
            {
                Carry(pair.Client, pair.Server, chunk);
            }
        });
        Assert.Equal(pipesMax > 0, fixture.Loop.Pipes.SplicedBytes > 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(64)]
    public async Task A_reader_that_stops_now_and_then_costs_nothing_once_its_buffers_are_pooled(int pipesMax)
    {
        using var fixture = new LoopFixture(new EventLoopOptions { PipesMax = pipesMax });
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        AssertAllocatesNothing(fixture, rounds =>
        {
            byte[] chunk = new byte[64 * 1024];
            for (int i = 0; i < rounds / 500; i++)
            {
                long sentBytes = 0;
                pair.Client.Blocking = false;
                while (pair.Client.Poll(TimeSpan.FromMilliseconds(50), SelectMode.SelectWrite))
                {
                    sentBytes += pair.Client.Send(chunk, SocketFlags.None, out SocketError _);
                }

                while (sentBytes > 0)
                {
                    sentBytes -= pair.Server.Receive(chunk);
                }
            }
        });
    }

    private static void AssertAllocatesNothing(LoopFixture fixture, Action<int> carry)
    {
        using var probe = new AllocationProbe(fixture.Loop);
        carry(WarmUpRounds);
        long allocatedBytes = long.MaxValue;

        // A pool that grows once may fall into one measurement; what each chunk costs falls into all.
        for (int attempt = 0; attempt < 4 && allocatedBytes != 0; attempt++)
        {
            probe.Read();
            long before = probe.Read();
            carry(Rounds);
            allocatedBytes = probe.Read() - before;
        }

        Assert.Equal(0, allocatedBytes);
    }

    private static void Carry(Socket from, Socket to, byte[] bytes)
    {
        from.Send(bytes);
        for (int received = 0; received < bytes.Length;)
        {
            received += to.Receive(bytes, received, bytes.Length - received, SocketFlags.None);
        }
    }
}
