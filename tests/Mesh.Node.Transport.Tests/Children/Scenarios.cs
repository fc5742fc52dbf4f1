using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Listeners;
using Mesh.Node.Transport.Tests.Relay;
using Xunit;
using TcpListener = Mesh.Node.Transport.Listeners.TcpListener;

namespace Mesh.Node.Transport.Tests.Children;

/// <summary>What happens in a child process: deaths, and shortages that would hurt the tests beside.</summary>
internal static class Scenarios
{
    private const int MiB = 1024 * 1024;

    public static Task RunAsync(string scenario) => scenario switch
    {
        nameof(ALoopIsStuckAsync) => ALoopIsStuckAsync(),
        nameof(WorkThrowsAsync) => WorkThrowsAsync(),
        nameof(ATimerThrowsAsync) => ATimerThrowsAsync(),
        nameof(AHandlerThrowsAsync) => AHandlerThrowsAsync(),
        nameof(AnotherThreadTouchesALoopAsync) => AnotherThreadTouchesALoopAsync(),
        nameof(DescriptorsRunOutAtAcceptAsync) => DescriptorsRunOutAtAcceptAsync(),
        nameof(DescriptorsRunOutUnderARelayAsync) => DescriptorsRunOutUnderARelayAsync(),
        nameof(PipePagesRunOutUnderARelayAsync) => PipePagesRunOutUnderARelayAsync(),
        _ => throw new ArgumentException($"There is no scenario {scenario}.", nameof(scenario)),
    };

    public static async Task ALoopIsStuckAsync()
    {
        using var group = EventLoopGroup.Start(2, new EventLoopOptions { StuckAfter = TimeSpan.FromSeconds(1) });
        using var never = new ManualResetEvent(false);
        group.Loops[1].Post(() => never.WaitOne());
        await new TaskCompletionSource().Task;
    }

    public static Task WorkThrowsAsync() => DieOnLoopAsync(static _ => throw new InvalidOperationException("thrown by work"));

    public static Task ATimerThrowsAsync() => DieOnLoopAsync(static loop => new LoopTimer(loop, new Thrower()).Arm(TimeSpan.Zero));

    public static Task AHandlerThrowsAsync() => DieOnLoopAsync(static loop => loop.RunNextTurn(new Thrower()));

    /// <summary>Ends well in a Release build: there the loop trusts its callers.</summary>
    public static Task AnotherThreadTouchesALoopAsync()
    {
        using EventLoop loop = EventLoop.Start("loop-under-test", 0, new EventLoopOptions());
        _ = new LoopCompletion<int>(loop).TryComplete(1);
        return Task.CompletedTask;
    }

    /// <summary>Under a low limit on descriptors: a connection that cannot be accepted is accepted once there is room, unasked.</summary>
    public static async Task DescriptorsRunOutAtAcceptAsync()
    {
        using var fixture = new LoopFixture();
        using var accepting = new Accepting();
        IPEndPoint front = await fixture.RunAsync(() => accepting.Start(fixture.Loop));
        using Socket first = Connecting();
        using Socket second = Connecting();
        await OnOwnThreadAsync(() =>
        {
            first.Connect(front);
            accepting.TakeAccepted().Dispose();

            List<SocketHandle> hoard = TakeAllDescriptors();
            second.Connect(front);
            Errno[] failures = [accepting.TakeFailure(), accepting.TakeFailure()];
            hoard.ForEach(static socket => socket.Dispose());

            accepting.TakeAccepted().Dispose();
            Assert.Equal([Errno.EMFILE, Errno.EMFILE], failures);
        });
    }

    /// <summary>Under a low limit on descriptors: a relay that can have no pipe copies, and splices when it can again.</summary>
    public static async Task DescriptorsRunOutUnderARelayAsync()
    {
        using var rehearsal = new LoopFixture();
        await using RelayedPair rehearsed = await RelayedPair.StartAsync(rehearsal);
        using var fixture = new LoopFixture();
        await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
        await OnOwnThreadAsync(() =>
        {
            Carry(rehearsed);
            List<SocketHandle> hoard = TakeAllDescriptors();
            Carry(pair);
            hoard.ForEach(static socket => socket.Dispose());
            Assert.Equal(0, fixture.Loop.Pipes.SplicedBytes);
            Assert.InRange(fixture.Loop.Pipes.RefusedByKernelCount, 1, 100);
            Assert.Equal(0, fixture.Loop.Pipes.OpenCount);
        });

        for (int attempt = 0; attempt < 100 && fixture.Loop.Pipes.SplicedBytes == 0; attempt++)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System);
            Carry(pair);
        }

        Assert.NotEqual(0, fixture.Loop.Pipes.SplicedBytes);
    }

    /// <summary>In a user namespace, where nobody may exceed fs.pipe-user-pages-soft: a relay that can have no large pipe copies.</summary>
    public static async Task PipePagesRunOutUnderARelayAsync()
    {
        List<PipePair> hoard = [];
        bool hasCopied = false;

        // Another process of the same user may give pages back just then: once more.
        for (int attempt = 0; attempt < 20 && !hasCopied; attempt++)
        {
            using var fixture = new LoopFixture();
            await using RelayedPair pair = await RelayedPair.StartAsync(fixture);
            TakeAllPipePages(hoard);
            Carry(pair);
            hasCopied = fixture.Loop.Pipes is { SplicedBytes: 0, RefusedByKernelCount: >= 1 and <= 100, OpenCount: 0 };
        }

        Assert.True(hasCopied);
        hoard.ForEach(static pipe => pipe.Dispose());
    }

    private static void TakeAllPipePages(List<PipePair> hoard)
    {
        PipePair? taken;
        do
        {
            PipePair.TryOpen(MiB, out taken).OrThrow("pipe2");
            hoard.Add(taken!);
        }
        while (taken!.CapacityBytes == MiB && hoard.Count < 10_000);

        Assert.InRange(hoard.Count, 1, 9_999);
    }

    private static Task DieOnLoopAsync(Action<EventLoop> fault)
    {
        EventLoop loop = EventLoop.Start("loop-under-test", 0, new EventLoopOptions());
        loop.Post(() => fault(loop));
        return new TaskCompletionSource().Task;
    }

    /// <summary>
    /// Runs what goes on in a shortage. Without descriptors the runtime can start no thread and load no code, so nothing there may need the
    /// thread pool, and all code must have run before.
    /// </summary>
    private static Task OnOwnThreadAsync(Action body)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        new Thread(() =>
        {
            try
            {
                body();
                done.SetResult();
            }
            catch (Exception fault)
            {
                done.SetException(fault);
            }
        }).Start();
        return done.Task;
    }

    /// <summary>Sends chunks large enough to be spliced and small enough for the sockets to hold, and compares.</summary>
    private static void Carry(RelayedPair pair)
    {
        pair.Client.SendBufferSize = MiB;
        pair.Server.ReceiveBufferSize = MiB;
        byte[] sent = RandomNumberGenerator.GetBytes(256 * 1024);
        byte[] received = new byte[sent.Length];
        for (int i = 0; i < 64; i++)
        {
            pair.Client.Send(sent);
            for (int bytes = 0; bytes < received.Length;)
            {
                bytes += pair.Server.Receive(received, bytes, received.Length - bytes, SocketFlags.None);
            }

            Assert.True(sent.AsSpan().SequenceEqual(received));
        }
    }

    private static Socket Connecting() => new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    private static List<SocketHandle> TakeAllDescriptors()
    {
        List<SocketHandle> taken = [];
        while (Sockets.TryOpenTcp(AddressFamily.InterNetwork, out SocketHandle? socket).Ok)
        {
            taken.Add(socket!);
        }

        return taken;
    }

    private sealed class Thrower : ITimerHandler, IReadyHandler
    {
        public void OnTimer(LoopTimer timer) => throw new InvalidOperationException("thrown by a timer");

        public void OnReady(EpollEvents events) => throw new InvalidOperationException("thrown by a handler");
    }

    /// <summary>A listener, and what it says.</summary>
    private sealed class Accepting : IAcceptHandler, IDisposable
    {
        private readonly BlockingCollection<SocketHandle> _accepted = [];
        private readonly BlockingCollection<Errno> _failed = [];

        public bool CanAccept => true;

        public IPEndPoint Start(EventLoop loop)
        {
            SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
            Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
            Sockets.Listen(listening, 16).OrThrow("listen");
            TcpListener.TryStart(loop, listening, this, out _).OrThrow("epoll_ctl");

            // Used once before the shortage.
            _failed.Add(Errno.None);
            _failed.Take();
            return Sockets.LocalEndPoint(listening);
        }

        public SocketHandle TakeAccepted() => _accepted.Take();

        public Errno TakeFailure() => _failed.Take();

        public void OnAccepted(SocketHandle socket, IPEndPoint peer) => _accepted.Add(socket);

        public void OnAcceptFailed(Errno error) => _failed.Add(error);

        public void Dispose()
        {
            _accepted.Dispose();
            _failed.Dispose();
        }
    }
}
