using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Mesh.Fuzz.Targets;
using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Sniffing;
using Mesh.Node.Proxy.Http.Detection;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Http.Detection;

/// <summary>Goal: first bytes are told and left where they are. Method: real sockets on the loopback, and a real loop.</summary>
public sealed class ProtocolPeekTests : IDisposable
{
    private static readonly TimeSpan s_long = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(200);

    private readonly EventLoop _loop = EventLoop.Start("peek", 0, new EventLoopOptions());
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private readonly Watcher _watcher = new();
    private TcpChannel? _channel;
    private ProtocolPeek? _peek;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _client.Dispose();
        _loop.Dispose();
    }

    [Theory]
    [InlineData("GET /items HTTP/1.1\r\nhost: a\r\n\r\n", SniffedProtocol.Http1)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0", SniffedProtocol.Http2)]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", SniffedProtocol.Other)]
    public async Task What_the_client_sends_is_told_and_left_to_be_read(string sent, SniffedProtocol protocol)
    {
        byte[] bytes = Encoding.Latin1.GetBytes(sent);
        await ConnectAsync(bytes);
        Assert.Equal(new PeekResult(PeekOutcome.Decided, protocol, ""), await PeekAsync(s_long));
        Assert.Equal(bytes, await ReadAsync(bytes.Length));
    }

    [Fact]
    public async Task Bytes_that_come_one_by_one_are_waited_for_without_turning_in_vain()
    {
        byte[] bytes = "GET / HTTP/1.1\r\n"u8.ToArray();
        await ConnectAsync([]);
        Task<PeekResult> looking = PeekAsync(s_long);
        long turns = _loop.Turns;
        foreach (byte next in bytes)
        {
            await _client.SendAsync(new[] { next }, Cancellation);
            await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancellation);
        }

        Assert.Equal(SniffedProtocol.Http1, (await looking).Protocol);
        AssertDidNotSpin(turns);
        Assert.Equal(bytes, await ReadAsync(bytes.Length));
    }

    [Fact]
    public async Task A_client_that_says_nothing_is_silent_when_the_limit_has_passed()
    {
        await ConnectAsync([]);
        long turns = _loop.Turns;
        long startedMs = Environment.TickCount64;
        Assert.Equal(PeekOutcome.Silent, (await PeekAsync(s_short)).Outcome);
        Assert.True(Environment.TickCount64 - startedMs >= s_short.TotalMilliseconds);
        AssertDidNotSpin(turns);

        // Whoever watched before watches again, and what comes later is read as ever.
        Assert.True(await OnLoopAsync(() => ReferenceEquals(_channel!.Events, _watcher)));
        await _client.SendAsync("late"u8.ToArray(), Cancellation);
        Assert.Equal("late"u8.ToArray(), await ReadAsync(4));
    }

    [Fact]
    public async Task A_client_that_begins_and_stops_is_none_whose_protocol_we_know()
    {
        await ConnectAsync("GET /begun"u8.ToArray());
        long turns = _loop.Turns;
        Assert.Equal(new PeekResult(PeekOutcome.Decided, SniffedProtocol.Other, null), await PeekAsync(s_short));
        AssertDidNotSpin(turns);
        Assert.Equal("GET /begun"u8.ToArray(), await ReadAsync(10));
    }

    [Theory]
    [InlineData("", nameof(PeekOutcome.Finished))]
    [InlineData("GET", nameof(PeekOutcome.Decided))]
    public async Task A_client_that_ends_is_not_waited_for(string sent, string outcome)
    {
        await ConnectAsync([]);
        Task<PeekResult> looking = PeekAsync(s_long);
        await _client.SendAsync(Encoding.Latin1.GetBytes(sent), Cancellation);
        _client.Shutdown(SocketShutdown.Send);
        Assert.Equal(PeekResult.Undecided(Enum.Parse<PeekOutcome>(outcome)), await looking);
    }

    // The end may have come before the loop knew the socket, and then no edge of its own brings it.
    [Theory]
    [InlineData("", nameof(PeekOutcome.Finished))]
    [InlineData("GET", nameof(PeekOutcome.Decided))]
    public async Task A_client_that_has_ended_already_is_not_waited_for(string sent, string outcome)
    {
        await ConnectAsync(Encoding.Latin1.GetBytes(sent), finish: true);
        Assert.Equal(PeekResult.Undecided(Enum.Parse<PeekOutcome>(outcome)), await PeekAsync(s_long));
    }

    [Fact]
    public async Task A_reset_is_told_to_who_watches_and_ends_the_look()
    {
        await ConnectAsync("GE"u8.ToArray());
        Task<PeekResult> looking = PeekAsync(s_long);

        // A reset that is there before the look is the watcher's alone: what had come before it can still be looked at.
        Assert.True(await OnLoopAsync(() => ReferenceEquals(_channel!.Events, _peek)));
        _client.Close(timeout: 0);
        Assert.Equal(PeekOutcome.Broken, (await looking).Outcome);
        Assert.True(_watcher.IsTold);
    }

    [Fact]
    public async Task A_look_can_be_given_up()
    {
        await ConnectAsync([]);
        Task<PeekResult> looking = PeekAsync(s_long);
        Assert.True(await OnLoopAsync(() =>
        {
            _peek!.Cancel();
            return true;
        }));
        Assert.Equal(PeekOutcome.Broken, (await looking).Outcome);
    }

    [Fact]
    public async Task The_name_a_TLS_client_asks_for_is_read_from_pieces()
    {
        byte[] hello = ClientHelloInput.Whole("Stock.Shop.Svc", "h2");
        byte[] records = ClientHelloInput.Records(hello[5..], 40);
        await ConnectAsync([]);
        Task<PeekResult> looking = PeekAsync(s_long);
        foreach (byte[] piece in records.Chunk(30))
        {
            await _client.SendAsync(piece, Cancellation);
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancellation);
        }

        Assert.Equal(new PeekResult(PeekOutcome.Decided, SniffedProtocol.Tls, "stock.shop.svc"), await looking);
        Assert.Equal(records, await ReadAsync(records.Length));
    }

    [Theory]
    [InlineData("a b")]
    [InlineData("..")]
    public async Task TLS_whose_hello_breaks_a_rule_is_TLS_without_a_name(string name)
    {
        await ConnectAsync(ClientHelloInput.Whole(name));
        Assert.Equal(new PeekResult(PeekOutcome.Decided, SniffedProtocol.Tls, null), await PeekAsync(s_long));
    }

    [Fact]
    public async Task TLS_whose_hello_does_not_end_in_time_is_TLS_without_a_name()
    {
        await ConnectAsync(ClientHelloInput.Whole()[..40]);
        Assert.Equal(new PeekResult(PeekOutcome.Decided, SniffedProtocol.Tls, null), await PeekAsync(s_short));
    }

    [Fact]
    public async Task Where_the_server_speaks_first_nothing_is_waited_for()
    {
        await ConnectAsync([]);
        Assert.Equal(PeekOutcome.Silent, (await PeekAsync(s_long, isServerFirst: true)).Outcome);
    }

    [Fact]
    public async Task Where_the_server_was_first_a_client_that_has_begun_is_heard_out()
    {
        await ConnectAsync("GET / HT"u8.ToArray());
        Task<PeekResult> looking = PeekAsync(s_long, isServerFirst: true);
        await _client.SendAsync("TP/1.1\r\n"u8.ToArray(), Cancellation);
        Assert.Equal(SniffedProtocol.Http1, (await looking).Protocol);
    }

    [Fact]
    public async Task More_than_is_ever_looked_at_is_no_request_line()
    {
        byte[] bytes = Encoding.ASCII.GetBytes("GET /" + new string('a', 2 * ProtocolSniffer.BytesMax));
        await ConnectAsync([]);
        Task<PeekResult> looking = PeekAsync(s_long);
        await _client.SendAsync(bytes, Cancellation);
        Assert.Equal(new PeekResult(PeekOutcome.Decided, SniffedProtocol.Other, ""), await looking);
        Assert.Equal(bytes, await ReadAsync(bytes.Length));
    }

    /// <summary>An idle loop turns for its timers, some sixty times a second; one that spins turns tens of thousands of times.</summary>
    private void AssertDidNotSpin(long before) => Assert.InRange(_loop.Turns - before, 0, 2_000);

    /// <summary>Connects, sends, and only then lets the loop have the socket.</summary>
    private async Task ConnectAsync(byte[] first, bool finish = false)
    {
        using SocketHandle listener = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Sockets.Bind(listener, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
        Sockets.Listen(listener, 1).OrThrow("listen");
        await _client.ConnectAsync(Sockets.LocalEndPoint(listener), Cancellation);
        SocketHandle? accepted = null;
        Assert.True(SpinWait.SpinUntil(() => Sockets.TryAccept(listener, out accepted, out _).Ok, s_long));
        await _client.SendAsync(first, Cancellation);
        if (finish)
        {
            _client.Shutdown(SocketShutdown.Send);
        }

        Assert.True(SpinWait.SpinUntil(() => Sockets.BytesReadable(accepted!) == first.Length, s_long));
        Assert.True(await OnLoopAsync(() =>
        {
            SysResult attached = TcpChannel.TryAttach(_loop, accepted!, out _channel);
            _channel!.Events = _watcher;
            return attached.Ok;
        }));
    }

    private Task<PeekResult> PeekAsync(TimeSpan limit, bool isServerFirst = false)
    {
        TaskCompletionSource<PeekResult> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() => Look(done));
        return done.Task.WaitAsync(2 * s_long, TimeProvider.System, Cancellation);

        async void Look(TaskCompletionSource<PeekResult> done)
        {
            _peek = new ProtocolPeek(_channel!);
            done.SetResult(await _peek.WaitAsync(limit, isServerFirst));
        }
    }

    /// <summary>Reads so many bytes as whoever comes after the look does.</summary>
    private async Task<byte[]> ReadAsync(int bytes)
    {
        byte[] all = new byte[bytes];
        int read = 0;
        long start = Stopwatch.GetTimestamp();
        while (read < bytes && Stopwatch.GetElapsedTime(start) < s_long)
        {
            read += await OnLoopAsync(() => _channel!.Read(all.AsSpan(read)).Bytes);
        }

        return all[..read];
    }

    private Task<T> OnLoopAsync<T>(Func<T> body)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.Post(() => done.SetResult(body()));
        return done.Task.WaitAsync(s_long, TimeProvider.System, Cancellation);
    }

    private sealed class Watcher : IChannelEvents
    {
        private volatile bool _isTold;

        public bool IsTold => _isTold;

        public void OnReadable()
        {
        }

        public void OnWritable()
        {
        }

        public void OnFault() => _isTold = true;
    }
}
