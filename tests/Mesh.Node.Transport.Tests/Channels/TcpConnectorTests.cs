using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Transport.Tests.Channels;

/// <summary>Whether a connection stands when the kernel is asked for it or only later, its owner sees the same.</summary>
public sealed class TcpConnectorTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public async Task What_the_other_side_says_first_is_read_whenever_it_came(string address)
    {
        using var fixture = new LoopFixture();
        IPAddress own = IPAddress.Parse(address);
        using var origin = new Socket(own.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        origin.Bind(new IPEndPoint(own, 0));
        origin.Listen();
        Task<byte[]> reading = fixture.RunAsync(() => ConnectAndReadAsync(fixture.Loop, (IPEndPoint)origin.LocalEndPoint!, "hello".Length));

        using Socket accepted = await origin.AcceptAsync(Cancellation).AsTask().WaitAsync(SocketIo.Patience, Cancellation);
        await accepted.SendAllAsync("hello"u8.ToArray());

        Assert.Equal("hello", Encoding.ASCII.GetString(await reading.WaitAsync(SocketIo.Patience, Cancellation)));
    }

    [Fact]
    public async Task A_refusal_is_told_as_one()
    {
        using var fixture = new LoopFixture();
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // Nobody else gets the port, and nobody listens.
        ConnectResult result = await fixture.RunAsync(() => new TcpConnector(fixture.Loop).ConnectAsync(
            Sockets.OpenTcp(AddressFamily.InterNetwork), (IPEndPoint)bound.LocalEndPoint!, SocketIo.Patience)).WaitAsync(SocketIo.Patience, Cancellation);

        Assert.Equal(ConnectStatus.Failed, result.Status);
        Assert.Equal(Errno.ECONNREFUSED, result.Error);
        Assert.Null(result.Channel);
        Assert.Equal(0, fixture.Loop.ConnectionCount);
    }

    [Fact]
    public async Task A_connection_nobody_answers_ends_at_its_time_limit()
    {
        using var fixture = new LoopFixture();
        using var full = new FullListener();
        ConnectResult result = await fixture.RunAsync(() => new TcpConnector(fixture.Loop).ConnectAsync(
            Sockets.OpenTcp(AddressFamily.InterNetwork), full.EndPoint, TimeSpan.FromMilliseconds(100))).WaitAsync(SocketIo.Patience, Cancellation);

        Assert.Equal(ConnectStatus.TimedOut, result.Status);
        Assert.Equal(Errno.ETIMEDOUT, result.Error);
        Assert.Equal(0, fixture.Loop.ConnectionCount);
    }

    private static async ValueTask<byte[]> ConnectAndReadAsync(EventLoop loop, IPEndPoint remote, int bytes)
    {
        ConnectResult connected = await new TcpConnector(loop).ConnectAsync(Sockets.OpenTcp(remote.AddressFamily), remote, SocketIo.Patience);
        Assert.Equal(ConnectStatus.Connected, connected.Status);
        TcpChannel channel = connected.Channel!;
        var readable = new Readable(loop);
        channel.Events = readable;
        byte[] read = new byte[bytes];
        for (int filled = 0; filled < bytes;)
        {
            IoResult result = channel.Read(read.AsSpan(filled));
            if (result.Status == IoStatus.WouldBlock)
            {
                await readable.Wait.WaitAsync();
                continue;
            }

            Assert.Equal(IoStatus.Done, result.Status);
            filled += result.Bytes;
        }

        channel.Close();
        return read;
    }

    private sealed class Readable(EventLoop loop) : IChannelEvents
    {
        public LoopCompletion<bool> Wait { get; } = new(loop);

        public void OnReadable() => Wait.TryComplete(true);

        public void OnWritable()
        {
        }

        public void OnFault() => Wait.TryComplete(true);
    }

    /// <summary>A listener whose queue is full: the kernel drops what asks for one more.</summary>
    private sealed class FullListener : IDisposable
    {
        private readonly Socket _listening = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly List<Socket> _waiting = [];

        public FullListener()
        {
            _listening.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listening.Listen(0);
            for (int i = 0; i < 4; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { Blocking = false };
                _waiting.Add(socket);
                try
                {
                    socket.Connect(EndPoint);
                }
                catch (SocketException pending) when (pending.SocketErrorCode is SocketError.WouldBlock or SocketError.InProgress)
                {
                    // It waits in the queue, or for a place in it.
                }
            }
        }

        public IPEndPoint EndPoint => (IPEndPoint)_listening.LocalEndPoint!;

        public void Dispose()
        {
            _waiting.ForEach(socket => socket.Dispose());
            _listening.Dispose();
        }
    }
}
