using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Proxy.Succession;
using Mesh.Testing;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Win32.SafeHandles;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Succession;

/// <summary>Goal: neither end takes what it does not expect. Method: the other end played by the test, over the real socket.</summary>
public sealed class ListenerHandoverTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _path = Path.Combine(Path.GetTempPath(), $"mesh-listeners-{Guid.NewGuid():N}");

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Messages_are_read_as_they_were_written_and_no_others()
    {
        Assert.True(ListenerMessages.TryReadAsk(ListenerMessages.Ask((3, ulong.MaxValue)), out (ulong Device, ulong Inode) network));
        Assert.Equal((3UL, ulong.MaxValue), network);
        Assert.True(ListenerMessages.TryReadListener(ListenerMessages.Listener(AddressFamily.InterNetworkV6, 15_008), out AddressFamily family, out ushort port));
        Assert.Equal((AddressFamily.InterNetworkV6, (ushort)15_008), (family, port));
        Assert.True(ListenerMessages.TryReadDone(ListenerMessages.Done(6), out int count));
        Assert.Equal(6, count);

        foreach (byte[] message in (byte[][])[ListenerMessages.Ask((3, 4)), ListenerMessages.Listener(AddressFamily.InterNetwork, 1), ListenerMessages.Done(0)])
        {
            for (int bytes = 0; bytes < message.Length; bytes++)
            {
                Assert.False(ListenerMessages.TryReadAsk(message.AsSpan(0, bytes), out _));
                Assert.False(ListenerMessages.TryReadListener(message.AsSpan(0, bytes), out _, out _));
                Assert.False(ListenerMessages.TryReadDone(message.AsSpan(0, bytes), out _));
            }
        }

        Assert.False(ListenerMessages.TryReadListener([.. "MNLS"u8, 5, 0, 1], out _, out _));
    }

    [Fact]
    public async Task Who_stops_says_nothing_of_it()
    {
        var lines = new CountedLines();
        using (var giver = new ListenerGiver(_path, _ => [], new LentPorts(), lines))
        {
            await Eventually.TrueAsync(() => File.Exists(_path), s_patience);
        }

        Assert.Equal(0, lines.Count);
    }

    [Fact]
    public async Task A_strange_question_gets_no_answer()
    {
        int asked = 0;
        var ports = new LentPorts();
        using var giver = new ListenerGiver(
            _path,
            _ =>
            {
                asked++;
                return [];
            },
            ports,
            NullLogger.Instance);
        foreach (byte[] question in (byte[][])[[1], [.. "MNLR"u8, 0], [.. "MNL2"u8, .. new byte[16]], new byte[64]])
        {
            using SeqPacketSocket socket = await ConnectAsync();
            Assert.True(socket.Send(question, null, s_patience).Ok);
            SysResult answer = socket.Receive(new byte[64], out SafeFileHandle? descriptor, s_patience);
            Assert.True(answer.Ok || answer.Error == Errno.ECONNRESET);
            Assert.Equal(0, answer.Ok ? answer.Count : 0);
            Assert.Null(descriptor);
        }

        // With a descriptor, which an ask never has.
        using (SeqPacketSocket socket = await ConnectAsync())
        using (SocketHandle surplus = Sockets.OpenTcp(AddressFamily.InterNetwork))
        {
            Assert.True(socket.Send(ListenerMessages.Ask((1, 1)), surplus, s_patience).Ok);
            Assert.Equal(0, socket.Receive(new byte[64], out _, s_patience).Count);
        }

        Assert.Equal(0, asked);
        using var taker = new ListenerTaker(_path, NullLogger.Instance);
        Assert.Empty(taker.Take((1, 1)));
        Assert.Equal(1, asked);
        Assert.Equal(0, ports.LendCalls);
    }

    [Fact]
    public async Task The_admin_ports_are_closed_before_it_is_said_that_they_are()
    {
        using var taker = new ListenerTaker(_path, NullLogger.Instance);
        Assert.False(taker.TryReleasePorts());

        var ports = new LentPorts();
        using var giver = new ListenerGiver(_path, _ => [], ports, NullLogger.Instance);
        await Eventually.TrueAsync(taker.TryReleasePorts, s_patience);
        Assert.False(ports.AreOpen);
    }

    [Fact]
    public async Task Ports_that_do_not_close_are_not_said_to_be_released()
    {
        using var taker = new ListenerTaker(_path, NullLogger.Instance);
        var ports = new LentPorts { LendFailures = 1 };
        using var giver = new ListenerGiver(_path, _ => [], ports, NullLogger.Instance);

        await Eventually.TrueAsync(
            () =>
            {
                bool isReleased = taker.TryReleasePorts();
                Assert.Equal(ports.LendCalls > 1, isReleased);
                return isReleased;
            },
            s_patience);
        Assert.Equal(2, ports.LendCalls);
    }

    [Fact]
    public async Task Ports_are_lent_for_as_long_as_the_next_process_lives_and_taken_back_when_it_has_ended()
    {
        var ports = new LentPorts { TakeBackFailures = 2 };
        using var giver = new ListenerGiver(_path, _ => [], ports, NullLogger.Instance);
        for (int time = 1; time <= 2; time++)
        {
            using (var next = new ListenerTaker(_path, NullLogger.Instance))
            {
                await Eventually.TrueAsync(next.TryReleasePorts, s_patience);

                // After each ask, and between them, it is looked whether that process is there.
                for (int ask = 0; ask < 3; ask++)
                {
                    Assert.Empty(next.Take((1, 1)));
                }

                using var another = new ListenerTaker(_path, NullLogger.Instance);
                Assert.False(another.TryReleasePorts());
                Assert.False(ports.AreOpen);
            }

            await Eventually.TrueAsync(() => ports.AreOpen, s_patience);
            Assert.Equal(time, ports.LendCalls);
            Assert.Equal(time + 2, ports.TakeBackCalls);
        }
    }

    [Fact]
    public void What_is_no_listener_of_the_port_it_is_said_to_be_is_not_taken()
    {
        using SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
        Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
        Sockets.Listen(listening, 1).OrThrow("listen");
        ushort port = (ushort)Sockets.LocalEndPoint(listening).Port;
        using SocketHandle idle = Sockets.OpenTcp(AddressFamily.InterNetwork);
        using SafeFileHandle file = File.OpenHandle(typeof(ListenerHandoverTests).Assembly.Location);

        Assert.Single(Answered((ListenerMessages.Listener(AddressFamily.InterNetwork, port), listening), (ListenerMessages.Done(1), null)));
        Assert.Empty(Answered((ListenerMessages.Listener(AddressFamily.InterNetwork, 1), listening), (ListenerMessages.Done(1), null)));
        Assert.Empty(Answered((ListenerMessages.Listener(AddressFamily.InterNetworkV6, port), listening), (ListenerMessages.Done(1), null)));
        Assert.Empty(Answered((ListenerMessages.Listener(AddressFamily.InterNetwork, port), listening), (ListenerMessages.Done(2), null)));
        Assert.Empty(Answered((ListenerMessages.Listener(AddressFamily.InterNetwork, port), listening)));
        Assert.Empty(Answered((ListenerMessages.Listener(AddressFamily.InterNetwork, port), null), (ListenerMessages.Done(1), null)));
        Assert.Empty(Answered((ListenerMessages.Listener(AddressFamily.InterNetwork, port), idle), (ListenerMessages.Done(1), null)));
        Assert.Empty(Answered((ListenerMessages.Listener(AddressFamily.InterNetwork, port), file), (ListenerMessages.Done(1), null)));
        Assert.Empty(Answered(("something"u8.ToArray(), null)));
        Assert.Empty(Answered());
    }

    /// <summary>What a taker has after such an answer; closed again.</summary>
    private List<ushort> Answered(params (byte[] Message, System.Runtime.InteropServices.SafeHandle? Descriptor)[] answer)
    {
        File.Delete(_path);
        using SeqPacketSocket listener = SeqPacketSocket.Listen(_path, 1);
        var playing = new Thread(() =>
        {
            listener.Accept(s_patience, out SeqPacketSocket? accepted).OrThrow("accept");
            using SeqPacketSocket socket = accepted!;
            socket.Receive(new byte[64], out _, s_patience).OrThrow("receive");
            foreach ((byte[] message, System.Runtime.InteropServices.SafeHandle? descriptor) in answer)
            {
                socket.Send(message, descriptor, s_patience);
            }
        });
        playing.Start();
        using var taker = new ListenerTaker(_path, NullLogger.Instance);
        IReadOnlyList<PodListener> taken = taker.Take((1, 2));
        playing.Join();
        foreach (PodListener one in taken)
        {
            one.Socket.Dispose();
        }

        return [.. taken.Select(one => one.Port)];
    }

    private async Task<SeqPacketSocket> ConnectAsync()
    {
        SeqPacketSocket? socket = null;
        await Eventually.TrueAsync(() => SeqPacketSocket.Connect(_path, out socket).Ok, s_patience);
        return socket!;
    }

    private sealed class CountedLines : ILogger
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Interlocked.Increment(ref _count);
    }
}
