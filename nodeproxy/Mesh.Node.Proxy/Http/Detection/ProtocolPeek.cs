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
    private readonly FirstBytes _first = new();
    private IChannelEvents? _before;

    /// <summary>Waits until it is known what the client speaks, or will not be.</summary>
    /// <param name="timeLimit">For all of it.</param>
    /// <param name="isServerFirst">
    /// The client is not expected to speak (<see cref="PortHints"/>): unless it has begun already, nothing is waited for.
    /// </param>
    public async ValueTask<PeekResult> WaitAsync(TimeSpan timeLimit, bool isServerFirst = false)
    {
        if (TryLook() || (isServerFirst && _first.SoFar.Outcome == PeekOutcome.Silent))
        {
            return _first.SoFar;
        }

        _before = client.Events;
        client.Events = this;
        var timer = new LoopTimer(client.Loop, this);
        timer.Arm(timeLimit);
        PeekResult result = await _looked.WaitAsync();
        timer.Cancel();
        StandBack();
        return result;
    }

    /// <summary>Gives the look up.</summary>
    public void Cancel() => _looked.TryComplete(PeekResult.Undecided(PeekOutcome.Broken));

    void IChannelEvents.OnReadable()
    {
        if (TryLook())
        {
            _looked.TryComplete(_first.SoFar);
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

    void ITimerHandler.OnTimer(LoopTimer timer) => _looked.TryComplete(_first.SoFar);

    /// <summary>Gives the events back. A channel that was closed meanwhile has none to give.</summary>
    private void StandBack()
    {
        if (ReferenceEquals(client.Events, this))
        {
            client.Events = _before;
        }
    }

    /// <summary>Looks at what there is. False while more may come and would matter.</summary>
    private bool TryLook()
    {
        byte[] block = client.Loop.Buffers.Rent();
        IoResult peeked = client.Peek(block.AsSpan(0, Math.Min(BufferPool.BlockBytes, ProtocolSniffer.BytesMax)));
        bool isDecided = peeked.Status != IoStatus.WouldBlock;
        switch (peeked.Status)
        {
            case IoStatus.Done:
                isDecided = _first.TryDecide(block.AsSpan(0, peeked.Bytes)) || client.IsPeerFinished;
                break;
            case IoStatus.End:
                _first.End(PeekOutcome.Finished);
                break;
            case IoStatus.Failed:
                _first.End(PeekOutcome.Broken);
                break;
        }

        client.Loop.Buffers.Return(block);
        return isDecided;
    }
}
