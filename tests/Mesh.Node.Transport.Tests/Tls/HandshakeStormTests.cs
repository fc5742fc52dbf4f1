using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;
using Mesh.Node.Transport.Listeners;
using Mesh.Node.Transport.Tls;
using Xunit;
using TcpListener = Mesh.Node.Transport.Listeners.TcpListener;

namespace Mesh.Node.Transport.Tests.Tls;

/// <summary>
/// Goal: any number of handshakes at once leaves a loop responsive. Method: 2,000 clients on a loop of their own connect to a server that
/// accepts as the HBONE port does, while every turn of the server's loop is looked at.
/// </summary>
public sealed class HandshakeStormTests(TlsLab lab) : IClassFixture<TlsLab>
{
    private const int Clients = 2_000;
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    [Fact]
    public async Task Two_thousand_handshakes_at_once_all_succeed_within_the_limits_and_few_steps_are_taken_in_a_turn()
    {
        var options = new EventLoopOptions { HandshakesMax = 100, HandshakeStepsPerTurnMax = 4 };
        using var serving = new LoopFixture(options);
        using var dialling = new LoopFixture(new EventLoopOptions { HandshakeStepsPerTurnMax = 64 });
        var server = new Server(serving.Loop, lab);
        IPEndPoint front = await serving.RunAsync(server.Start);
        var turns = new TurnWatch(serving.Loop);
        serving.Loop.Post(turns);

        var clients = new Dialler(dialling.Loop, lab, front);
        await dialling.RunAsync(() =>
        {
            for (int i = 0; i < Clients; i++)
            {
                _ = clients.DialAsync();
            }

            return 0;
        });
        await clients.Done.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);
        await server.Done.Task.WaitAsync(s_patience, TestContext.Current.CancellationToken);

        Assert.Equal(Clients, clients.Succeeded);
        (int succeeded, int mostAtOnce, long mostSteps, int left) = await serving.RunAsync(() =>
        {
            turns.Stop();
            server.Stop();
            return (server.Succeeded, server.MostAtOnce, turns.MostSteps, serving.Loop.Handshakes.Count);
        });
        Assert.Equal((Clients, 0), (succeeded, left));

        // All places were taken at some time, and never more. Two turns may have ended between two looks.
        Assert.Equal(options.HandshakesMax, mostAtOnce);
        Assert.InRange(mostSteps, 1, 2 * options.HandshakeStepsPerTurnMax);
    }

    [Fact]
    public async Task Steps_beyond_those_of_a_turn_are_taken_in_later_turns_in_order()
    {
        using var fixture = new LoopFixture(new EventLoopOptions { HandshakeStepsPerTurnMax = 3 });
        var steps = new List<(int Number, long Turn)>();
        var all = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await fixture.RunAsync(() =>
        {
            for (int i = 0; i < 10; i++)
            {
                fixture.Loop.Handshakes.Step(new Numbered(i, fixture.Loop, steps, all));
            }

            Assert.Equal(3, steps.Count);
            return 0;
        });
        await all.Task.WaitAsync(SocketIo.Patience, TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Range(0, 10), steps.Select(step => step.Number));
        Assert.Equal([3, 3, 3, 1], steps.GroupBy(step => step.Turn).Select(turn => turn.Count()));
    }

    private sealed class Numbered(int number, EventLoop loop, List<(int Number, long Turn)> steps, TaskCompletionSource all) : IHandshakeStep
    {
        public void OnStep()
        {
            steps.Add((number, loop.Turns));
            if (steps.Count == 10)
            {
                all.SetResult();
            }
        }
    }

    /// <summary>Looks at the loop once each turn.</summary>
    private sealed class TurnWatch(EventLoop loop) : LoopWork
    {
        private long _stepsBefore;
        private bool _stopped;

        public long MostSteps { get; private set; }

        public override void Run()
        {
            long steps = loop.Handshakes.StepCount;
            MostSteps = Math.Max(MostSteps, steps - _stepsBefore);
            _stepsBefore = steps;
            if (!_stopped)
            {
                loop.Post(this);
            }
        }

        public void Stop() => _stopped = true;
    }

    private sealed class Server(EventLoop loop, TlsLab lab) : IAcceptHandler
    {
        private readonly List<TlsChannel> _channels = [];
        private TcpListener? _listener;

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Succeeded { get; private set; }

        public int MostAtOnce { get; private set; }

        public bool CanAccept => loop.Handshakes.HasRoom;

        public IPEndPoint Start()
        {
            SocketHandle listening = Sockets.OpenTcp(AddressFamily.InterNetwork);
            Sockets.Bind(listening, new IPEndPoint(IPAddress.Loopback, 0)).OrThrow("bind");
            Sockets.Listen(listening, Clients).OrThrow("listen");
            TcpListener.TryStart(loop, listening, this, out _listener).OrThrow("epoll_ctl");
            loop.Handshakes.RoomMade += _listener!.Resume;
            return Sockets.LocalEndPoint(listening);
        }

        public void Stop()
        {
            _listener!.Close();
            _channels.ForEach(static channel => channel.Reset());
        }

        public void OnAccepted(SocketHandle socket, IPEndPoint peer) => _ = SecureAsync(socket);

        public void OnAcceptFailed(Errno error) => Done.TrySetException(new PosixException(error, "accept"));

        private async Task SecureAsync(SocketHandle socket)
        {
            TcpChannel.TryAttach(loop, socket, out TcpChannel? tcp).OrThrow("epoll_ctl");
            Assert.True(loop.Handshakes.TryEnter());
            MostAtOnce = Math.Max(MostAtOnce, loop.Handshakes.Count);
            var tls = new TlsChannel(tcp!, lab.Server, new AnyPeer());
            _channels.Add(tls);
            TlsHandshakeResult result = await tls.HandshakeAsync(s_patience);
            loop.Handshakes.Leave();
            if (result.Status != TlsHandshakeStatus.Done)
            {
                Done.TrySetException(new InvalidOperationException($"{result.Status}: {result.Failure}"));
            }
            else if (++Succeeded == Clients)
            {
                Done.TrySetResult();
            }
        }
    }

    private sealed class Dialler(EventLoop loop, TlsLab lab, IPEndPoint front)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Succeeded { get; private set; }

        public async Task DialAsync()
        {
            ConnectResult connected = await new TcpConnector(loop).ConnectAsync(Sockets.OpenTcp(AddressFamily.InterNetwork), front, s_patience);
            if (connected.Channel is null)
            {
                Done.TrySetException(new InvalidOperationException($"{connected.Status}: {connected.Error}"));
                return;
            }

            var tls = new TlsChannel(connected.Channel, lab.Client, new AnyPeer());
            TlsHandshakeResult result = await tls.HandshakeAsync(s_patience);
            if (result.Status != TlsHandshakeStatus.Done)
            {
                Done.TrySetException(new InvalidOperationException($"{result.Status}: {result.Failure}"));
            }
            else if (++Succeeded == Clients)
            {
                Done.TrySetResult();
            }
        }
    }
}
