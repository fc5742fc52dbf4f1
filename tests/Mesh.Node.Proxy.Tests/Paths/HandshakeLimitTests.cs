using System.Net.Sockets;
using Mesh.Node.Proxy.Telemetry;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Paths;

/// <summary>
/// Goal: a loop never has more handshakes than it may. Method: connections that a loaded home sends to the other loop, whose places are taken
/// before they arrive.
/// </summary>
public sealed class HandshakeLimitTests
{
    private const int TurnsMax = 40;

    [LabFact]
    public async Task A_handshake_that_finds_no_place_on_the_loop_it_was_sent_to_is_refused_by_name()
    {
        await using LabNode node = await LabNode.StartAsync();
        LabPod server = await node.AddPodAsync("server");

        // Of the two loops either is the pod's home: each is loaded in its turn until a connection was sent to the other.
        for (int turn = 0; node.ClosedTotal(ConnectionPath.InboundTunnel, CloseReason.HandshakeLimit) == 0; turn++)
        {
            Assert.True(turn < TurnsMax, "No connection was sent to the other loop.");
            await LoadAsync(node, server, node.Loops[turn % 2], node.Loops[(turn + 1) % 2]);
        }

        await node.WaitForLineAsync("path=InboundTunnel", $"close_reason={CloseReason.HandshakeLimit}");
    }

    /// <summary>Makes connections while one loop is loaded and the other, whose places are about to be taken, idle.</summary>
    private static async Task LoadAsync(LabNode node, LabPod server, EventLoop home, EventLoop other)
    {
        const int Connections = 4;
        List<Socket> made = [];
        try
        {
            using var busy = new BusyWork(home);
            await Eventually.TrueAsync(() => home.BusyPermille > 900 && other.BusyPermille < 100, LabNode.Patience);
            long sentBefore = home.SpilledCount;
            using var full = new FullGate(other);
            for (int connection = 0; connection < Connections; connection++)
            {
                made.Add(await LabPod.ConnectAsync(node.Host.Network, server.Address, MeshPorts.Hbone));
            }

            // Every second one, if this is the pod's home and the other does not look loaded too by now.
            await WaitIfSentAsync(home, sentBefore);
        }
        finally
        {
            made.ForEach(socket => socket.Dispose());
        }
    }

    private static async Task WaitIfSentAsync(EventLoop home, long before)
    {
        try
        {
            await Eventually.TrueAsync(() => home.SpilledCount > before, TimeSpan.FromSeconds(1));
        }
        catch (TimeoutException)
        {
            // It is the other's turn to be loaded.
        }
    }

    /// <summary>
    /// Keeps a loop inside a turn that ends with every place of its gate taken, so that what was posted meanwhile finds none; gives them back.
    /// </summary>
    private sealed class FullGate : IDisposable
    {
        private readonly EventLoop _loop;
        private readonly ManualResetEventSlim _go = new();
        private int _taken;

        public FullGate(EventLoop loop)
        {
            _loop = loop;
            using var standing = new ManualResetEventSlim();
            loop.Post(() =>
            {
                standing.Set();
                _go.Wait();
                while (loop.Handshakes.TryEnter())
                {
                    _taken++;
                }
            });
            standing.Wait();
        }

        public void Dispose()
        {
            using var given = new ManualResetEventSlim();
            _go.Set();
            _loop.Post(() =>
            {
                for (; _taken > 0; _taken--)
                {
                    _loop.Handshakes.Leave();
                }

                given.Set();
            });
            given.Wait();
        }
    }
}
