using System.Text;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Protocols.Http2;
using Mesh.Node.Proxy.Hbone;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.EventLoops;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Hbone;

/// <summary>
/// Goal: nothing is lost between the answer to a CONNECT and the relay that carries the connection. Method: answer, data and end come in
/// one read, while so many continuations run inside one another that the one that waits for the answer runs in the next turn only.
/// </summary>
public sealed class ConnectResponseTests : IDisposable
{
    private readonly EventLoop _loop = EventLoop.Start("tunnel", 0, new EventLoopOptions());

    public void Dispose() => _loop.Dispose();

    [Fact]
    public async Task What_comes_with_the_answer_is_delivered_although_nobody_waits_inline()
    {
        var relay = new Receiver();
        Assert.True(await AnswerAsync(new BufferBudget(1024 * 1024), relay));
        Assert.Equal(["hello, world", "end"], relay.Heard);
    }

    [Fact]
    public async Task What_cannot_be_held_is_told_and_not_passed_over()
    {
        var relay = new Receiver();
        Assert.False(await AnswerAsync(new BufferBudget(0), relay));
        Assert.Empty(relay.Heard);
    }

    /// <summary>Has a CONNECT answered, and says whether what came with the answer was delivered.</summary>
    private async Task<bool> AnswerAsync(BufferBudget budget, Receiver relay)
    {
        var delivered = new TaskCompletionSource<bool>(TaskCreationOptions.RunContinuationsAsynchronously);
        EnginePeer server = await TunnelPair.OnLoopAsync(_loop, () =>
        {
            var peer = new EnginePeer(_loop, Http2Role.Server);
            TunnelConnection tunnel = TunnelConnection.Start(peer, Http2Role.Client, Http2Profiles.Client, TunnelPair.Options, new QuietTunnelOwner());
            var response = new ConnectResponse(_loop, budget);
            Assert.NotNull(tunnel.TryOpenStream(Connect(), response));
            _ = DeliverAsync(response, relay, delivered);
            return peer;
        });
        await Eventually.TrueAsync(() => TunnelPair.OnLoopAsync(_loop, () => server.Stream is not null), TunnelPair.Patience);
        await TunnelPair.OnLoopAsync(_loop, () =>
        {
            Answer(server);
            return 0;
        });
        return await delivered.Task.WaitAsync(TunnelPair.Patience);
    }

    private static async Task DeliverAsync(ConnectResponse response, Receiver relay, TaskCompletionSource<bool> delivered)
    {
        ConnectAnswer answer = await response.WaitAsync(TunnelPair.Patience);
        Assert.Equal(new ConnectAnswer(ConnectAnswerKind.Answered, 200), answer);
        delivered.SetResult(response.TryDeliverTo(relay));
        response.Release();
    }

    private void Answer(EnginePeer peer)
    {
        Http2Stream stream = peer.Stream!;
        var headers = new HeaderList();
        headers.Add(":status"u8, "200"u8);
        peer.Engine.SendHeaders(stream, headers, endStream: false);
        foreach (string part in (string[])["hello, ", "world"])
        {
            Encoding.ASCII.GetBytes(part, peer.Engine.ReserveData(stream, part.Length));
            peer.Engine.CommitData(stream, part.Length, endStream: false);
        }

        peer.Engine.CompleteSend(stream);
        RunDeepest(() => peer.OnReady(default));
    }

    /// <summary>Runs an action inside as many continuations as the loop lets run inside one another.</summary>
    private void RunDeepest(Action action)
    {
        bool isInside = false;
        bool isDone = false;
        var completion = new LoopCompletion<int>(_loop);
        _ = GoOnAsync();
        completion.TryComplete(0);
        if (!isInside)
        {
            // The continuation was put off to the next turn: this is the deepest.
            isDone = true;
            action();
        }

        async Task GoOnAsync()
        {
            await completion.WaitAsync();
            if (!isDone)
            {
                isInside = true;
                RunDeepest(action);
            }
        }
    }

    private static HeaderList Connect()
    {
        var headers = new HeaderList();
        headers.Add(":method"u8, "CONNECT"u8);
        headers.Add(":authority"u8, "10.0.0.1:80"u8);
        return headers;
    }

    private sealed class Receiver : QuietTunnelOwner
    {
        public List<string> Heard { get; } = [];

        public override void OnData(ReadOnlySpan<byte> data, bool endStream) =>
            Heard.Add(endStream ? "end" : Encoding.ASCII.GetString(data));
    }
}
