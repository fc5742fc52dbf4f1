using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Listeners;
using Mesh.Node.Transport.Relay;
using Xunit;
using TcpListener = Mesh.Node.Transport.Listeners.TcpListener;

namespace Mesh.Node.Transport.Tests.Relay;

/// <summary>A relay between real sockets on the loopback interface, driven by plain .NET sockets at both ends.</summary>
public sealed class ChannelRelayTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private readonly LoopFixture _fixture = new();

    [Fact]
    public async Task Bytes_arrive_whole_and_in_order_in_both_directions_with_half_close()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(_fixture, TimeSpan.FromMinutes(1));
        byte[] up = RandomNumberGenerator.GetBytes(7_000_001);
        byte[] down = RandomNumberGenerator.GetBytes(5_000_003);

        Task<byte[]> upArrived = ReadToEndAsync(pair.Server);
        await SendAllAsync(pair.Client, up);
        pair.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(up), SHA256.HashData(await upArrived));

        // The client has finished sending; the other direction must still carry.
        Task<byte[]> downArrived = ReadToEndAsync(pair.Client);
        await SendAllAsync(pair.Server, down);
        pair.Server.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(down), SHA256.HashData(await downArrived));

        Assert.Equal(RelayEnd.Completed, await pair.Ended.WaitAsync(s_patience, TestContext.Current.CancellationToken));
        Assert.Equal(up.Length, pair.SentBytes);
        Assert.Equal(down.Length, pair.ReceivedBytes);
        Assert.Equal(0, await _fixture.RunAsync(() => _fixture.Loop.Buffers.OutstandingBlocks));
        Assert.Equal(0, await _fixture.RunAsync(() => _fixture.Loop.ConnectionCount));
    }

    [Fact]
    public async Task A_reader_that_stops_stops_the_sender_and_memory_stays_bounded()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(_fixture, TimeSpan.FromMinutes(1));
        pair.Client.Blocking = false;
        byte[] chunk = new byte[256 * 1024];
        long sentBytes = 0;
        for (int idle = 0; idle < 20;)
        {
            try
            {
                sentBytes += pair.Client.Send(chunk);
                idle = 0;
            }
            catch (SocketException full) when (full.SocketErrorCode == SocketError.WouldBlock)
            {
                idle++;
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
            }

            Assert.True(sentBytes < 256 << 20, "Nobody reads, so the sender must be stopped.");
        }

        int heldBlocks = await _fixture.RunAsync(() => _fixture.Loop.Buffers.OutstandingBlocks);
        Assert.InRange(heldBlocks, 0, EventLoop.ScratchBytes / Buffers.BufferPool.BlockBytes);

        pair.Client.Blocking = true;
        pair.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(sentBytes, (await ReadToEndAsync(pair.Server)).LongLength);
    }

    [Fact]
    public async Task A_reset_on_one_side_is_a_reset_on_the_other()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(_fixture, TimeSpan.FromMinutes(1));
        await SendAllAsync(pair.Client, new byte[10]);
        await ReadExactlyAsync(pair.Server, 10);
        pair.Client.LingerState = new LingerOption(true, 0);
        pair.Client.Close();

        SocketException seen = await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(pair.Server));
        Assert.Equal(SocketError.ConnectionReset, seen.SocketErrorCode);
        Assert.Equal(RelayEnd.ClientBroken, await pair.Ended.WaitAsync(s_patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Silence_for_the_idle_limit_resets_both_sides()
    {
        await using RelayedPair pair = await RelayedPair.StartAsync(_fixture, TimeSpan.FromMilliseconds(200));
        Assert.Equal(RelayEnd.IdleTimeout, await pair.Ended.WaitAsync(s_patience, TestContext.Current.CancellationToken));
        await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(pair.Client));
        await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(pair.Server));
    }

    public void Dispose() => _fixture.Dispose();

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
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            int bytes = await socket.ReceiveAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(s_patience);
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
            read += await socket.ReceiveAsync(buffer.AsMemory(read), TestContext.Current.CancellationToken);
        }
    }

    /// <summary>client ⇄ relay ⇄ server, each leg a real TCP connection.</summary>
    private sealed class RelayedPair : IAcceptHandler, IRelayOwner, IRelayMeter, IAsyncDisposable
    {
        private readonly LoopFixture _fixture;
        private readonly TimeSpan _idleLimit;
        private readonly Socket _origin = new(SocketType.Stream, ProtocolType.Tcp);
        private readonly TaskCompletionSource<RelayEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TcpListener? _listener;

        private RelayedPair(LoopFixture fixture, TimeSpan idleLimit)
        {
            _fixture = fixture;
            _idleLimit = idleLimit;
        }

        public Socket Client { get; } = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        public Socket Server { get; private set; } = null!;

        public ChannelRelay Relay { get; private set; } = null!;

        public Task<RelayEnd> Ended => _ended.Task;

        public long SentBytes { get; private set; }

        public long ReceivedBytes { get; private set; }

        public bool CanAccept => true;

        public static async Task<RelayedPair> StartAsync(LoopFixture fixture, TimeSpan idleLimit)
        {
            var pair = new RelayedPair(fixture, idleLimit);
            pair._origin.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            pair._origin.Listen();
            IPEndPoint front = await fixture.RunAsync(() =>
            {
                SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
                Assert.True(Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).Ok);
                Assert.True(Sockets.Listen(listening, 16).Ok);
                Assert.True(TcpListener.TryStart(fixture.Loop, listening, pair, out pair._listener).Ok);
                return Sockets.LocalEndPoint(listening);
            });
            await pair.Client.ConnectAsync(front);
            pair.Server = await pair._origin.AcceptAsync();
            await pair._started.Task.WaitAsync(s_patience);
            return pair;
        }

        public async void OnAccepted(SocketHandle socket, IPEndPoint peer)
        {
            Assert.True(TcpChannel.TryAttach(_fixture.Loop, socket, out TcpChannel? client).Ok);
            ConnectResult upstream = await new TcpConnector(_fixture.Loop).ConnectAsync(
                Sockets.OpenTcp(AddressFamily.InterNetwork), (IPEndPoint)_origin.LocalEndPoint!, s_patience);
            Assert.Equal(ConnectStatus.Connected, upstream.Status);
            Relay = new ChannelRelay(client!, upstream.Channel!, new RelayLimits(_idleLimit), this, this);
            Relay.Start();
            _started.SetResult();
        }

        public void OnAcceptFailed(Errno error) => Assert.Fail(error.ToString());

        public void AddSent(long bytes) => SentBytes += bytes;

        public void AddReceived(long bytes) => ReceivedBytes += bytes;

        public void OnRelayEnded(RelayEnd end) => _ended.SetResult(end);

        public async ValueTask DisposeAsync()
        {
            await _fixture.RunAsync(() =>
            {
                _listener?.Close();
                Relay.Abort();
                return 0;
            });
            Client.Dispose();
            Server.Dispose();
            _origin.Dispose();
        }
    }
}
