using System.Buffers;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Mesh.Node.Transport.Connections;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

/// <summary>What a protocol may rely on, whatever carries it: each transport has a class of its own that runs all of this.</summary>
public abstract class ConnectionContract
{
    /// <summary>Bytes that a connection may hold on its way when nobody reads, the kernel's buffers included.</summary>
    private const int HeldBytesMax = 32 * 1024 * 1024;

    [Fact]
    public Task Bytes_arrive_whole_and_in_order_in_both_directions_at_once() => RunAsync(new ConnectionOptions(), async ends =>
    {
        byte[] up = RandomNumberGenerator.GetBytes(3_000_001);
        byte[] down = RandomNumberGenerator.GetBytes(2_000_003);
        Task<byte[]> upArrived = ReadToEndAsync(ends.Server);
        Task<byte[]> downArrived = ReadToEndAsync(ends.Client);
        Task upSent = WriteAsync(ends.Client, up, complete: true);
        Task downSent = WriteAsync(ends.Server, down, complete: true);
        await Task.WhenAll(upSent, downSent, upArrived, downArrived);
        Assert.Equal(SHA256.HashData(up), SHA256.HashData(await upArrived));
        Assert.Equal(SHA256.HashData(down), SHA256.HashData(await downArrived));
    });

    [Fact]
    public Task One_direction_ends_and_the_other_goes_on() => RunAsync(new ConnectionOptions(), async ends =>
    {
        await WriteAsync(ends.Client, [1, 2, 3], complete: true);
        Assert.Equal([1, 2, 3], await ReadToEndAsync(ends.Server));
        byte[] down = RandomNumberGenerator.GetBytes(500_000);
        Task<byte[]> arrived = ReadToEndAsync(ends.Client);
        await WriteAsync(ends.Server, down, complete: true);
        Assert.Equal(down, await arrived);
    });

    [Fact]
    public Task A_reader_that_stops_stops_the_writer_and_nothing_is_lost() => RunAsync(new ConnectionOptions(), async ends =>
    {
        byte[] chunk = new byte[64 * 1024];
        long writtenBytes = 0;
        ValueTask<FlushResult> flush;
        while (true)
        {
            ends.Client.Transport.Output.Write(chunk);
            writtenBytes += chunk.Length;
            Assert.True(writtenBytes < HeldBytesMax, "Nobody reads, so the writer must be stopped.");
            flush = ends.Client.Transport.Output.FlushAsync();
            if (!flush.IsCompleted && !await ends.SettlesAsync(() => flush.IsCompleted))
            {
                break;
            }

            await flush;
        }

        Task<long> arrived = CountToEndAsync(ends.Server);
        Assert.False((await flush).IsCompleted);
        await ends.Client.Transport.Output.CompleteAsync();
        Assert.Equal(writtenBytes, await arrived);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public Task An_abort_is_a_reset_for_the_peer_and_an_abort_for_oneself(bool byCompletion) => RunAsync(new ConnectionOptions(), async ends =>
    {
        await WriteAsync(ends.Client, [1], complete: false);
        await ReadExactlyAsync(ends.Server, 1);
        Task<byte[]> atServer = ReadToEndAsync(ends.Server);
        Task<byte[]> atClient = ReadToEndAsync(ends.Client);
        if (byCompletion)
        {
            await ends.Client.Transport.Output.CompleteAsync(new InvalidOperationException("half an answer"));
        }
        else
        {
            ends.Client.Abort(new ConnectionAbortedException("enough"));
        }

        await Assert.ThrowsAsync<ConnectionResetException>(() => atServer);
        ConnectionAbortedException own = await Assert.ThrowsAsync<ConnectionAbortedException>(() => atClient);
        Assert.Contains(byCompletion ? "half an answer" : "enough", own.Message, StringComparison.Ordinal);
        Assert.True(ends.Client.ConnectionClosed.IsCancellationRequested);
        Assert.True(ends.Server.ConnectionClosed.IsCancellationRequested);

        // A write goes nowhere and says so.
        ends.Server.Transport.Output.Write((ReadOnlySpan<byte>)[1]);
        Assert.True((await ends.Server.Transport.Output.FlushAsync()).IsCompleted);
    });

    [Fact]
    public Task What_was_written_is_delivered_before_a_connection_that_is_let_go_ends() => RunAsync(new ConnectionOptions(), async ends =>
    {
        byte[] last = RandomNumberGenerator.GetBytes(1_000_000);
        Task<byte[]> arrived = ReadToEndAsync(ends.Server);

        // Never flushed by its owner: letting go does.
        ends.Client.Transport.Output.Write(last);
        CancellationToken closed = ends.Client.ConnectionClosed;
        Assert.False(closed.IsCancellationRequested);
        await ends.Client.DisposeAsync();
        await ends.Client.DisposeAsync();
        Assert.True(closed.IsCancellationRequested);
        Assert.Equal(last, await arrived);
    });

    [Fact]
    public Task Silence_for_the_idle_limit_ends_both_sides() =>
        RunAsync(new ConnectionOptions { IdleLimit = TimeSpan.FromMilliseconds(300) }, async ends =>
        {
            await WriteAsync(ends.Client, [1], complete: false);
            await ReadExactlyAsync(ends.Server, 1);
            Task<byte[]> atServer = ReadToEndAsync(ends.Server);
            Task<byte[]> atClient = ReadToEndAsync(ends.Client);
            await ends.PassTimeAsync(TimeSpan.FromMilliseconds(300));

            // Whichever comes first tells the other with a reset.
            await Assert.ThrowsAnyAsync<Exception>(() => atServer);
            await Assert.ThrowsAnyAsync<Exception>(() => atClient);
            Assert.True(ends.Client.ConnectionClosed.IsCancellationRequested && ends.Server.ConnectionClosed.IsCancellationRequested);
        });

    [Fact]
    public Task A_connection_that_is_let_go_waits_a_limited_time_for_a_peer_that_takes_nothing() =>
        RunAsync(new ConnectionOptions { DrainLimit = TimeSpan.FromMilliseconds(300) }, async ends =>
        {
            byte[] tooMuch = new byte[HeldBytesMax];
            ends.Client.Transport.Output.Write(tooMuch);
            Task released = ends.Client.DisposeAsync().AsTask();
            Assert.False(released.IsCompleted);
            await ends.PassTimeAsync(TimeSpan.FromMilliseconds(300));
            await released;
            await Assert.ThrowsAsync<ConnectionResetException>(() => CountToEndAsync(ends.Server));
        });

    /// <summary>Runs the body where both ends live.</summary>
    protected abstract Task RunAsync(ConnectionOptions options, Func<IConnectionEnds, ValueTask> body);

    protected static async Task WriteAsync(ConnectionContext connection, byte[] bytes, bool complete)
    {
        PipeWriter output = connection.Transport.Output;
        for (int at = 0; at < bytes.Length; at += 10_000)
        {
            output.Write(bytes.AsSpan(at, Math.Min(10_000, bytes.Length - at)));
            Assert.False((await output.FlushAsync()).IsCompleted);
        }

        if (complete)
        {
            await output.CompleteAsync();
        }
    }

    protected static async Task<byte[]> ReadExactlyAsync(ConnectionContext connection, int bytes)
    {
        ReadResult read = await connection.Transport.Input.ReadAtLeastAsync(bytes);
        byte[] taken = read.Buffer.Slice(0, bytes).ToArray();
        connection.Transport.Input.AdvanceTo(read.Buffer.GetPosition(bytes));
        return taken;
    }

    private static async Task<byte[]> ReadToEndAsync(ConnectionContext connection)
    {
        var all = new ArrayBufferWriter<byte>();
        while (true)
        {
            ReadResult read = await connection.Transport.Input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in read.Buffer)
            {
                all.Write(segment.Span);
            }

            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return all.WrittenSpan.ToArray();
            }
        }
    }

    private static async Task<long> CountToEndAsync(ConnectionContext connection)
    {
        long bytes = 0;
        while (true)
        {
            ReadResult read = await connection.Transport.Input.ReadAsync();
            bytes += read.Buffer.Length;
            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return bytes;
            }
        }
    }
}

/// <summary>Two ends of one connection, and the time they live in.</summary>
public interface IConnectionEnds
{
    ConnectionContext Client { get; }

    ConnectionContext Server { get; }

    /// <summary>Lets at least so much time pass.</summary>
    ValueTask PassTimeAsync(TimeSpan time);

    /// <summary>Whether the condition comes true once nothing moves any more.</summary>
    ValueTask<bool> SettlesAsync(Func<bool> condition);
}
