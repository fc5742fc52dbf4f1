using System.Text;
using Mesh.Node.Protocols.Sniffing;
using Mesh.Node.Transport.Buffers;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Http.Detection;

/// <summary>Looks at what a client begins with and leaves it to be read.</summary>
/// <remarks>
/// While it waits it is told of the channel's events in place of who was told before, and passes on what is not its own. One connection's,
/// for one look; belongs to its loop. Holds no buffer while it waits.
/// </remarks>
internal sealed class ProtocolPeek(TcpChannel client) : IChannelEvents, ITimerHandler
{
    private readonly LoopCompletion<PeekResult> _looked = new(client.Loop);
    private IChannelEvents? _before;
    private ClientHelloReader? _hellos;

    // What to say when nothing more comes.
    private PeekResult _soFar = PeekResult.Undecided(PeekOutcome.Silent);

    /// <summary>Waits until it is known what the client speaks, or will not be.</summary>
    /// <param name="timeLimit">For all of it.</param>
    /// <param name="isServerFirst">
    /// The client is not expected to speak (<see cref="PortHints"/>): unless it has begun already, nothing is waited for.
    /// </param>
    public async ValueTask<PeekResult> WaitAsync(TimeSpan timeLimit, bool isServerFirst = false)
    {
        if (TryLook(out PeekResult result) || (isServerFirst && result.Outcome == PeekOutcome.Silent))
        {
            return result;
        }

        _before = client.Events;
        client.Events = this;
        var timer = new LoopTimer(client.Loop, this);
        timer.Arm(timeLimit);
        result = await _looked.WaitAsync();
        timer.Cancel();
        StandBack();
        return result;
    }

    /// <summary>Gives the look up.</summary>
    public void Cancel() => _looked.TryComplete(PeekResult.Undecided(PeekOutcome.Broken));

    void IChannelEvents.OnReadable()
    {
        if (TryLook(out PeekResult result))
        {
            _looked.TryComplete(result);
        }
    }

    void IChannelEvents.OnWritable() => _before?.OnWritable();

    void IChannelEvents.OnFault()
    {
        // Whoever watches the connection hears of it first: it knows why it ended before our caller goes on.
        IChannelEvents? watcher = _before;
        StandBack();
        watcher?.OnFault();
        _looked.TryComplete(PeekResult.Undecided(PeekOutcome.Broken));
    }

    void ITimerHandler.OnTimer(LoopTimer timer) => _looked.TryComplete(_soFar);

    /// <summary>Gives the events back. A channel that was closed meanwhile has none to give.</summary>
    private void StandBack()
    {
        if (ReferenceEquals(client.Events, this))
        {
            client.Events = _before;
        }
    }

    /// <summary>Looks at what there is. False while more may come and would matter.</summary>
    private bool TryLook(out PeekResult result)
    {
        byte[] block = client.Loop.Buffers.Rent();
        IoResult peeked = client.Peek(block.AsSpan(0, Math.Min(BufferPool.BlockBytes, ProtocolSniffer.BytesMax)));
        bool isDecided = peeked.Status switch
        {
            IoStatus.Done => TryDecide(block.AsSpan(0, peeked.Bytes)) || client.IsPeerFinished,
            IoStatus.End => TryEnd(PeekOutcome.Finished),
            IoStatus.Failed => TryEnd(PeekOutcome.Broken),
            _ => false,
        };
        client.Loop.Buffers.Return(block);
        result = _soFar;
        return isDecided;
    }

    private bool TryEnd(PeekOutcome outcome)
    {
        _soFar = PeekResult.Undecided(outcome);
        return true;
    }

    private bool TryDecide(ReadOnlySpan<byte> first)
    {
        SniffedProtocol protocol = ProtocolSniffer.Sniff(first);
        if (protocol == SniffedProtocol.NeedMore)
        {
            // A client that begins and does not go on is none whose protocol we know.
            _soFar = new PeekResult(PeekOutcome.Decided, SniffedProtocol.Other, null);
            return false;
        }

        _soFar = new PeekResult(PeekOutcome.Decided, protocol, null);
        if (protocol != SniffedProtocol.Tls)
        {
            return true;
        }

        _hellos ??= new ClientHelloReader();
        ClientHelloStatus status = _hellos.Read(first, out ClientHello hello);
        if (status == ClientHelloStatus.Complete && !hello.ServerName.IsEmpty)
        {
            _soFar = _soFar with { ServerName = Encoding.ASCII.GetString(hello.ServerName).ToLowerInvariant() };
        }

        return status != ClientHelloStatus.NeedMore;
    }
}
