using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.Relay;
using Xunit;

namespace Mesh.Node.Transport.Tests.Tls;

/// <summary>
/// Goal: the relays of the data path carry TLS as they carry TCP. Method: application, relay, TLS, relay, application on one loop; the
/// applications are plain .NET sockets.
/// </summary>
public sealed class TlsRelayTests(TlsLab lab) : IClassFixture<TlsLab>
{
    [Fact]
    public async Task Bytes_arrive_whole_through_two_relays_in_both_directions_with_half_close()
    {
        using LoopFixture fixture = new();
        using RelayedTls tls = await RelayedTls.StartAsync(fixture, lab);
        byte[] up = RandomNumberGenerator.GetBytes(9_000_001);
        byte[] down = RandomNumberGenerator.GetBytes(7_000_003);

        Task<byte[]> upArrived = tls.Upstream.ReadToEndAsync();
        await tls.Client.SendAllAsync(up);
        tls.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(up), SHA256.HashData(await upArrived));

        Task<byte[]> downArrived = tls.Client.ReadToEndAsync();
        await tls.Upstream.SendAllAsync(down);
        tls.Upstream.Shutdown(SocketShutdown.Send);
        Assert.Equal(SHA256.HashData(down), SHA256.HashData(await downArrived));

        Assert.Equal((RelayEnd.Completed, RelayEnd.Completed), await tls.EndedAsync());
    }

    [Fact]
    public async Task A_reset_of_one_application_reaches_the_other()
    {
        using LoopFixture fixture = new();
        using RelayedTls tls = await RelayedTls.StartAsync(fixture, lab);
        await tls.Client.SendAllAsync(new byte[1000]);
        Assert.Equal(1000, (await tls.Upstream.ReadExactlyAsync(1000)).Length);

        tls.Client.Abort();

        SocketException thrown = await Assert.ThrowsAsync<SocketException>(() => tls.Upstream.ReadToEndAsync());
        Assert.Equal(SocketError.ConnectionReset, thrown.SocketErrorCode);
    }

    [Fact]
    public async Task A_reader_that_stops_stops_the_sender_and_memory_stays_bounded()
    {
        using LoopFixture fixture = new();
        using RelayedTls tls = await RelayedTls.StartAsync(fixture, lab);

        long sentBytes = await tls.Client.SendUntilStoppedAsync(256 << 20);
        tls.Client.Shutdown(SocketShutdown.Send);

        Assert.Equal(sentBytes, (await tls.Upstream.ReadToEndAsync()).LongLength);
    }

    [Fact]
    public async Task Relaying_over_TLS_allocates_nothing()
    {
        using LoopFixture fixture = new();
        using RelayedTls tls = await RelayedTls.StartAsync(fixture, lab);
        using AllocationProbe probe = new(fixture.Loop);
        byte[] message = new byte[200];
        Carry(500);
        long allocatedBytes = long.MaxValue;

        // A pool that grows once may fall into one measurement; what each message costs falls into all.
        for (int attempt = 0; attempt < 4 && allocatedBytes != 0; attempt++)
        {
            probe.Read();
            long before = probe.Read();
            Carry(1000);
            allocatedBytes = probe.Read() - before;
        }

        Assert.Equal(0, allocatedBytes);

        void Carry(int rounds)
        {
            for (int round = 0; round < rounds; round++)
            {
                foreach ((Socket from, Socket to) in ((Socket, Socket)[])[(tls.Client, tls.Upstream), (tls.Upstream, tls.Client)])
                {
                    from.Send(message);
                    for (int received = 0; received < message.Length;)
                    {
                        received += to.Receive(message, received, message.Length - received, SocketFlags.None);
                    }
                }
            }
        }
    }

    private sealed class RelayedTls : IDisposable
    {
        private static readonly RelayLimits s_limits = new(TimeSpan.FromMinutes(1));

        private readonly Owner _near = new();
        private readonly Owner _far = new();

        public Socket Client { get; private set; } = null!;

        public Socket Upstream { get; private set; } = null!;

        public static async Task<RelayedTls> StartAsync(LoopFixture fixture, TlsLab lab)
        {
            RelayedTls made = new();
            (made.Client, SocketHandle client) = Connect();
            (made.Upstream, SocketHandle upstream) = Connect();
            await fixture.RunAsync(async () =>
            {
                TlsChannelPair pair = await lab.ConnectAsync(fixture.Loop);
                TcpChannel.TryAttach(fixture.Loop, client, out TcpChannel? near).OrThrow("epoll_ctl");
                TcpChannel.TryAttach(fixture.Loop, upstream, out TcpChannel? far).OrThrow("epoll_ctl");
                new ChannelRelay(near!, pair.Client, s_limits, made._near, made._near).Start();
                new ChannelRelay(pair.Server, far!, s_limits, made._far, made._far).Start();
                return 0;
            });
            return made;
        }

        public async Task<(RelayEnd Near, RelayEnd Far)> EndedAsync() => (await _near.Ended, await _far.Ended);

        public void Dispose()
        {
            Client.Dispose();
            Upstream.Dispose();
        }

        /// <summary>An application's socket, and the proxy's end of the same connection.</summary>
        private static (Socket Application, SocketHandle Proxy) Connect()
        {
            using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            listener.Listen();
            SocketHandle proxy = Sockets.OpenTcp(AddressFamily.InterNetwork);
            SysResult connecting = Sockets.Connect(proxy, (IPEndPoint)listener.LocalEndPoint!);
            Assert.True(connecting.Ok || connecting.InProgress, connecting.ToString());
            Socket application = listener.Accept();
            application.NoDelay = true;
            return (application, proxy);
        }

        private sealed class Owner : IRelayOwner, IRelayMeter
        {
            private readonly TaskCompletionSource<RelayEnd> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

            public Task<RelayEnd> Ended => _ended.Task.WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);

            public void OnRelayEnded(RelayEnd end) => _ended.SetResult(end);

            public void AddSent(long bytes)
            {
            }

            public void AddReceived(long bytes)
            {
            }
        }
    }
}
