using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using System.Net.Sockets;
using Mesh.Node.Transport.Connections;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Tests.Relay;
using Mesh.Node.Transport.Tests.Tls;
using Microsoft.AspNetCore.Connections;
using Xunit;

namespace Mesh.Node.Transport.Tests.Connections;

/// <summary>
/// What only connections on a loop promise: no allocation, no block for the idle, a share of the turn, and how they ended.
/// </summary>
public sealed class ChannelConnectionTests(TlsLab lab) : IClassFixture<TlsLab>
{
    private const int Rounds = 3_000;

    [Theory]
    [InlineData(false, 200)]
    [InlineData(true, 200)]
    [InlineData(false, 50_000)]
    [InlineData(true, 50_000)]
    public Task Messages_allocate_nothing_and_an_idle_connection_holds_no_block(bool overTls, int messageBytes) =>
        TcpConnectionTests.RunAsync(new ConnectionOptions(), overTls ? lab : null, async ends =>
        {
            EventLoop loop = ends.ClientConnection.Channel.Loop;
            Task serving = EchoAsync(ends.Server);
            byte[] message = new byte[messageBytes];
            await ExchangeAsync(ends.Client, message, Rounds / 3);
            long allocatedBytes = long.MaxValue;

            // A pool that grows once may fall into one measurement; what each message costs falls into all.
            for (int attempt = 0; attempt < 4 && allocatedBytes > 4_096; attempt++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                await ExchangeAsync(ends.Client, message, Rounds);
                allocatedBytes = GC.GetAllocatedBytesForCurrentThread() - before;
            }

            // The two state machines of one call of ExchangeAsync; not a byte for each message.
            Assert.InRange(allocatedBytes, 0, 4_096);
            Assert.InRange(loop.Buffers.OutstandingBlocks, 0, messageBytes == 200 ? 0 : 2);
            await ends.Client.Transport.Output.CompleteAsync();
            await serving;
            Assert.Equal(ConnectionEnd.Completed, ends.ServerConnection.End);
        });

    [Fact]
    public async Task A_read_that_fills_all_it_was_offered_leaves_no_block_when_nothing_comes_after_it()
    {
        using var fixture = new LoopFixture();
        (long bytes, int blocks) = await fixture.RunAsync(async ValueTask<(long, int)> () =>
        {
            var source = new BottomlessChannel(fixture.Loop, bytesPerRead: EventLoop.ScratchBytes, readsMax: 1);
            ChannelConnection connection = ChannelConnection.Start(source, new ConnectionOptions { InputBytesMax = 1024 * 1024 });
            ReadResult read = await connection.Transport.Input.ReadAsync();
            long length = read.Buffer.Length;
            connection.Transport.Input.AdvanceTo(read.Buffer.End);
            int held = fixture.Loop.Buffers.OutstandingBlocks;
            connection.Abort();
            return (length, held);
        });
        Assert.Equal((EventLoop.ScratchBytes, 0), (bytes, blocks));
    }

    [Fact]
    public async Task An_application_that_never_stops_leaves_the_loop_to_others()
    {
        using var fixture = new LoopFixture();
        var options = new ConnectionOptions { CallsPerTurnMax = 8 };
        (int mostReads, long writtenBytes) = await fixture.RunAsync(async ValueTask<(int, long)> () =>
        {
            var source = new BottomlessChannel(fixture.Loop, bytesPerRead: 100);
            var sink = new BottomlessChannel(fixture.Loop, bytesPerRead: 0);
            ChannelConnection reading = ChannelConnection.Start(source, options);
            ChannelConnection writing = ChannelConnection.Start(sink, options);
            _ = DiscardAsync(reading);
            Counter written = WriteForever(writing);
            var turn = new LoopCompletion<int>(fixture.Loop);
            int most = 0;
            for (int before = source.Reads; source.Reads < 10_000; before = source.Reads)
            {
                fixture.Loop.Post(() => turn.TryComplete(0));
                await turn.WaitAsync();
                most = Math.Max(most, source.Reads - before);
            }

            reading.Abort();
            writing.Abort();
            return (most, written.Value);
        }).WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
        Assert.InRange(mostReads, 1, 2 * options.CallsPerTurnMax);
        Assert.NotEqual(0, writtenBytes);
    }

    [Fact]
    public async Task Ten_thousand_connections_that_wake_each_other_do_not_exhaust_the_stack()
    {
        const int Links = 10_000;
        using var fixture = new LoopFixture();
        int reached = await fixture.RunAsync(async ValueTask<int> () =>
        {
            LoopPipe[] links = [.. Enumerable.Range(0, Links).Select(_ => LoopPipe.Create(fixture.Loop, 0))];
            Task[] followers = [.. Enumerable.Range(0, Links - 1).Select(i => FollowAsync(links[i].Reader, links[i + 1].Writer))];
            links[0].Writer.Write((ReadOnlySpan<byte>)[1]);
            await links[0].Writer.FlushAsync();
            await Task.WhenAll(followers);
            Assert.True(fixture.Loop.IsOnThread);
            return followers.Length;
        }).WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(Links - 1, reached);

        static async Task FollowAsync(PipeReader from, PipeWriter to)
        {
            ReadResult read = await from.ReadAsync();
            from.AdvanceTo(read.Buffer.End);
            to.Write((ReadOnlySpan<byte>)[1]);
            await to.FlushAsync();
        }
    }

    [Fact]
    public Task A_connection_says_how_it_ended() => TcpConnectionTests.RunAsync(new ConnectionOptions(), null, async ends =>
    {
        Assert.Equal(ConnectionEnd.None, ends.ServerConnection.End);
        Task<ReadResult> atServer = ends.Server.Transport.Input.ReadAsync().AsTask();
        ends.Client.Abort();
        Assert.Equal(ConnectionEnd.Aborted, ends.ClientConnection.End);
        await Assert.ThrowsAsync<ConnectionResetException>(() => atServer);
        Assert.Equal(ConnectionEnd.Broken, ends.ServerConnection.End);
    });

    [Fact]
    public Task What_the_peer_still_sends_does_not_turn_an_orderly_end_into_a_reset() =>
        TcpConnectionTests.RunAsync(new ConnectionOptions(), null, async ends =>
        {
            // The server answers early and lets go, while the client has sent what nobody will read.
            ends.Client.Transport.Output.Write(new byte[500_000]);
            await ends.Client.Transport.Output.FlushAsync();
            await ends.SettlesAsync(() => true);
            ends.Server.Transport.Output.Write("early"u8);
            Task released = ends.Server.DisposeAsync().AsTask();
            Assert.False(released.IsCompleted);
            ReadResult answer = await ends.Client.Transport.Input.ReadAtLeastAsync(6);
            Assert.Equal("early"u8, answer.Buffer.ToArray());
            Assert.True(answer.IsCompleted);
            ends.Client.Transport.Input.AdvanceTo(answer.Buffer.End);
            await ends.Client.DisposeAsync();
            await released;
            Assert.Equal((ConnectionEnd.Completed, ConnectionEnd.Completed), (ends.ClientConnection.End, ends.ServerConnection.End));
        });

    [Fact]
    public async Task A_listener_hands_out_what_it_accepted_and_then_says_that_it_is_done()
    {
        using var fixture = new LoopFixture();
        using var cancellation = new CancellationTokenSource();
        await fixture.RunAsync(async ValueTask<int> () =>
        {
            var factory = new LoopListenerFactory(fixture.Loop, new ListenerOptions());
            IConnectionListener listener = await factory.BindAsync(new IPEndPoint(IPAddress.Loopback, 0));
            await Assert.ThrowsAsync<AddressInUseException>(async () => await factory.BindAsync(listener.EndPoint, cancellation.Token));
            Task<ConnectionContext?> given = listener.AcceptAsync(cancellation.Token).AsTask();
            ThreadPool.UnsafeQueueUserWorkItem(_ => cancellation.Cancel(), null);
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => given);
            Assert.True(fixture.Loop.IsOnThread);

            using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            using var second = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            first.Connect((IPEndPoint)listener.EndPoint);
            second.Connect((IPEndPoint)listener.EndPoint);
            ConnectionContext? accepted = await listener.AcceptAsync();
            Assert.Equal(first.LocalEndPoint, accepted!.RemoteEndPoint);
            await listener.UnbindAsync();
            ConnectionContext? left = await listener.AcceptAsync();
            Assert.Equal(second.LocalEndPoint, left?.RemoteEndPoint);
            Assert.Null(await listener.AcceptAsync());
            Assert.NotEqual(accepted.ConnectionId, left!.ConnectionId);
            accepted.Abort();
            left.Abort();
            await accepted.DisposeAsync();
            await left.DisposeAsync();
            await listener.DisposeAsync();
            Assert.Equal(0, fixture.Loop.ConnectionCount);
            return 0;
        }).WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
    }

    /// <summary>Sends back what comes until nothing more does, and lets go.</summary>
    internal static async Task EchoAsync(ConnectionContext connection)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        while (true)
        {
            ReadResult read = await input.ReadAsync();
            foreach (ReadOnlyMemory<byte> segment in read.Buffer)
            {
                output.Write(segment.Span);
            }

            input.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted || (await output.FlushAsync()).IsCompleted)
            {
                break;
            }
        }

        await connection.DisposeAsync();
    }

    private static async ValueTask ExchangeAsync(ConnectionContext connection, byte[] message, int rounds)
    {
        PipeReader input = connection.Transport.Input;
        PipeWriter output = connection.Transport.Output;
        for (int round = 0; round < rounds; round++)
        {
            output.Write(message);
            await output.FlushAsync();
            for (long left = message.Length; left > 0;)
            {
                ReadResult read = await input.ReadAsync();
                Assert.False(read.IsCompleted);
                left -= read.Buffer.Length;
                input.AdvanceTo(read.Buffer.End);
            }
        }
    }

    private static async Task DiscardAsync(ConnectionContext connection)
    {
        try
        {
            while (true)
            {
                ReadResult read = await connection.Transport.Input.ReadAsync();
                connection.Transport.Input.AdvanceTo(read.Buffer.End);
            }
        }
        catch (ConnectionAbortedException)
        {
            await connection.DisposeAsync();
        }
    }

    private static Counter WriteForever(ConnectionContext connection)
    {
        var counter = new Counter();
        _ = WriteAsync();
        return counter;

        async Task WriteAsync()
        {
            byte[] chunk = new byte[40_000];
            do
            {
                connection.Transport.Output.Write(chunk);
                counter.Value += chunk.Length;
            }
            while (!(await connection.Transport.Output.FlushAsync()).IsCompleted);

            await connection.DisposeAsync();
        }
    }

    private sealed class Counter
    {
        public long Value { get; set; }
    }
}
