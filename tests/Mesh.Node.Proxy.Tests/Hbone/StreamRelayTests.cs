using System.Diagnostics;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Relay;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>Connections carried by a real tunnel: real sockets, real TLS, two loops.</summary>
public sealed class StreamRelayTests
{
    [Fact]
    public async Task Bytes_arrive_whole_and_in_order_in_both_directions_with_half_close()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync();
        (Socket client, Socket server) = await pair.ConnectAsync();
        byte[] up = RandomNumberGenerator.GetBytes(9_000_001);
        byte[] down = RandomNumberGenerator.GetBytes(7_000_003);

        Task<byte[]> upArrived = ReadToEndAsync(server);
        await SendAllAsync(client, up);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(up), SHA256.HashData(await upArrived));

        // The client has finished sending; the other direction must still carry.
        Task<byte[]> downArrived = ReadToEndAsync(client);
        await SendAllAsync(server, down);
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(down), SHA256.HashData(await downArrived));

        await EventuallyAsync(() => pair.ClientEnds.Count == 1 && pair.ServerEnds.Count == 1);
        Assert.Equal([RelayEnd.Completed], pair.ClientEnds);
        Assert.Equal([RelayEnd.Completed], pair.ServerEnds);
        Assert.Equal((up.Length, down.Length), (pair.ClientMeter.Sent, pair.ClientMeter.Received));
        Assert.Equal(0, await TunnelPair.OnLoopAsync(pair.ClientLoop, () => pair.ClientTunnel.StreamCount + pair.ClientLoop.Buffers.OutstandingBlocks));
        Assert.Equal(0, await TunnelPair.OnLoopAsync(pair.ServerLoop, () => pair.ServerTunnel.StreamCount + pair.ServerLoop.Buffers.OutstandingBlocks));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_reset_of_one_application_is_a_reset_for_the_other(bool byClient)
    {
        await using TunnelPair pair = await TunnelPair.StartAsync();
        (Socket client, Socket server) = await pair.ConnectAsync();
        await SendAllAsync(client, new byte[10]);
        await ReadExactlyAsync(server, 10);
        (Socket resetting, Socket other) = byClient ? (client, server) : (server, client);
        resetting.LingerState = new LingerOption(true, 0);
        resetting.Close();
        SocketException seen = await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(other));
        Assert.Equal(SocketError.ConnectionReset, seen.SocketErrorCode);
    }

    [Fact]
    public async Task A_lost_tunnel_resets_every_connection_on_it()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync();
        (Socket client, Socket server) = await pair.ConnectAsync();
        await TunnelPair.OnLoopAsync(pair.ServerLoop, () =>
        {
            pair.ServerTunnel.Abort(CloseReason.PolicyRevoked, null);
            return 0;
        });
        await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(client));
        await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(server));
    }

    [Fact]
    public async Task Twenty_stalled_readers_do_not_stop_the_next_stream()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync();
        for (int i = 0; i < 20; i++)
        {
            (Socket stalled, _) = await pair.ConnectAsync();
            _ = Task.Run(() => SendForeverAsync(stalled), TestContext.Current.CancellationToken);
        }

        // Time for the stalled streams to fill every buffer on the way.
        await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, TestContext.Current.CancellationToken);
        (Socket client, Socket server) = await pair.ConnectAsync();
        byte[] bytes = RandomNumberGenerator.GetBytes(64 << 20);
        Task<byte[]> arrived = ReadToEndAsync(server);
        await SendAllAsync(client, bytes);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(bytes), SHA256.HashData(await arrived.WaitAsync(TunnelPair.Patience, TestContext.Current.CancellationToken)));
    }

    [Fact]
    public async Task A_workload_whose_readers_stall_loses_the_connection_that_would_hold_more_than_its_budget()
    {
        var budget = new BufferBudget(4 * BufferPool.BlockBytes);
        await using TunnelPair pair = await TunnelPair.StartAsync(new RelayLimits(TunnelPair.Patience) { Buffers = budget });
        (Socket client, Socket server) = await pair.ConnectAsync();
        await Assert.ThrowsAsync<SocketException>(() => SendAllAsync(client, new byte[64 << 20]));
        await EventuallyAsync(() => pair.ServerEnds.Count == 1);
        Assert.Equal([RelayEnd.BufferLimit], pair.ServerEnds);
        Assert.Equal(0, budget.HeldBytes);
        await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(server));

        // The next connection on the same tunnel finds all of the budget.
        (Socket next, Socket reading) = await pair.ConnectAsync();
        await SendAllAsync(next, new byte[1_000]);
        await ReadExactlyAsync(reading, 1_000);
    }

    [Fact]
    public async Task Messages_allocate_nothing_once_the_connection_is_warm()
    {
        await using TunnelPair pair = await TunnelPair.StartAsync();
        (Socket client, Socket server) = await pair.ConnectAsync();
        byte[] message = new byte[512];
        await PingPongAsync(client, server, message, rounds: 2_000);
        long before = await AllocatedAsync(pair);
        const int Rounds = 10_000;
        await PingPongAsync(client, server, message, Rounds);
        long perMessage = (await AllocatedAsync(pair) - before) / Rounds;
        Assert.Equal(0, perMessage);
    }

    private static async Task<long> AllocatedAsync(TunnelPair pair) =>
        await TunnelPair.OnLoopAsync(pair.ClientLoop, GC.GetAllocatedBytesForCurrentThread)
        + await TunnelPair.OnLoopAsync(pair.ServerLoop, GC.GetAllocatedBytesForCurrentThread);

    private static async Task PingPongAsync(Socket client, Socket server, byte[] message, int rounds)
    {
        for (int i = 0; i < rounds; i++)
        {
            await SendAllAsync(client, message);
            await ReadExactlyAsync(server, message.Length);
            await SendAllAsync(server, message);
            await ReadExactlyAsync(client, message.Length);
        }
    }

    private static async Task SendForeverAsync(Socket socket)
    {
        byte[] chunk = new byte[64 * 1024];
        try
        {
            while (true)
            {
                await socket.SendAsync(chunk);
            }
        }
        catch (SocketException)
        {
            // The test is over and took the tunnel with it.
        }
    }

    private static async Task SendAllAsync(Socket socket, byte[] bytes)
    {
        for (int sent = 0; sent < bytes.Length;)
        {
            sent += await socket.SendAsync(bytes.AsMemory(sent), TestContext.Current.CancellationToken);
        }
    }

    private static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        var all = new MemoryStream();
        byte[] buffer = new byte[256 * 1024];
        while (true)
        {
            int bytes = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(TunnelPair.Patience);
            if (bytes == 0)
            {
                return all.ToArray();
            }

            all.Write(buffer, 0, bytes);
        }
    }

    private static async Task ReadExactlyAsync(Socket socket, int bytes)
    {
        byte[] buffer = new byte[bytes];
        for (int read = 0; read < bytes;)
        {
            int received = await socket.ReceiveAsync(buffer.AsMemory(read), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, received);
            read += received;
        }
    }

    private static async Task EventuallyAsync(Func<bool> condition)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(waited.Elapsed < TunnelPair.Patience, "It did not happen.");
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, TestContext.Current.CancellationToken);
        }
    }
}
