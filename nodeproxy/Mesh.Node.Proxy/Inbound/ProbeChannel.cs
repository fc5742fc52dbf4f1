using Mesh.Interop.Linux;
using Mesh.Node.Protocols.Probes;
using Mesh.Node.Transport.Channels;
using Mesh.Node.Transport.EventLoops;

namespace Mesh.Node.Proxy.Inbound;

/// <summary>
/// A client's connection through which only what a probe sends is read: bytes become readable once they are known to be a declared probe's.
/// Anything else breaks the channel and is told by <see cref="Refusal"/>.
/// </summary>
internal sealed class ProbeChannel : ByteChannel, IChannelEvents, ITimerHandler
{
    private readonly TcpChannel _client;
    private readonly ProbeGuard _guard;
    private readonly LoopCompletion<bool> _begun;
    private readonly byte[] _waiting = new byte[ProbeGuard.WaitingBytesMax];
    private int _waitingBytes;
    private int _releasedBytes;
    private bool _isJudged = true;

    /// <param name="client">Owned by whoever owns this channel.</param>
    /// <param name="allowed">What may be asked.</param>
    public ProbeChannel(TcpChannel client, ProbeRequests allowed)
        : base(client.Loop)
    {
        _client = client;
        _guard = new ProbeGuard(allowed);
        _begun = new LoopCompletion<bool>(client.Loop);
        client.Events = this;
    }

    /// <summary>Why the client is refused; null while it is not.</summary>
    public string? Refusal { get; private set; }

    /// <inheritdoc/>
    public override bool IsClosed => _client.IsClosed;

    /// <inheritdoc/>
    public override bool HasUnsentBytes => _client.HasUnsentBytes;

    /// <summary>Waits until the client has begun to ask for something it may ask for. Nothing is said to the application before.</summary>
    /// <returns>False when it has not in time, or never will; <see cref="Refusal"/> says why unless the connection broke.</returns>
    public async ValueTask<bool> WaitForRequestAsync(TimeSpan timeLimit)
    {
        if (!Look(out bool mayBegin))
        {
            return mayBegin;
        }

        var timer = new LoopTimer(Loop, this);
        timer.Arm(timeLimit);
        bool begun = await _begun.WaitAsync();
        timer.Cancel();
        return begun;
    }

    /// <summary>Gives the wait up.</summary>
    public void Cancel() => _begun.TryComplete(false);

    /// <inheritdoc/>
    public override IoResult Read(Span<byte> destination)
    {
        if (_releasedBytes == 0)
        {
            IoResult filled = Fill();
            if (filled.Status != IoStatus.Done)
            {
                return filled;
            }
        }

        int bytes = Math.Min(destination.Length, _releasedBytes);
        _waiting.AsSpan(0, bytes).CopyTo(destination);
        _waiting.AsSpan(bytes, _waitingBytes - bytes).CopyTo(_waiting);
        _waitingBytes -= bytes;
        _releasedBytes -= bytes;
        _isJudged = _releasedBytes > 0 || _waitingBytes == 0;
        return IoResult.Done(bytes);
    }

    /// <inheritdoc/>
    public override IoResult Write(ReadOnlySpan<byte> source) => _client.Write(source);

    /// <inheritdoc/>
    public override void CloseWrite() => _client.CloseWrite();

    /// <inheritdoc/>
    public override void Close() => _client.Close();

    /// <inheritdoc/>
    public override void Reset() => _client.Reset();

    /// <inheritdoc/>
    public override Errno TakeError() => _client.TakeError();

    void IChannelEvents.OnReadable()
    {
        if (Events is not null)
        {
            Events.OnReadable();
        }
        else if (_begun.IsWaiting && !Look(out bool mayBegin))
        {
            // While nobody waits, what has come is left for the relay: a silent probe may be over before it is connected.
            _begun.TryComplete(mayBegin);
        }
    }

    void IChannelEvents.OnWritable() => Events?.OnWritable();

    void IChannelEvents.OnFault()
    {
        if (Events is not null)
        {
            Events.OnFault();
        }
        else
        {
            _begun.TryComplete(false);
        }
    }

    void ITimerHandler.OnTimer(LoopTimer timer)
    {
        Refusal ??= "the client asked for nothing in time";
        _begun.TryComplete(false);
    }

    /// <summary>Reads what there is. False once it is known whether the client may begin.</summary>
    private bool Look(out bool mayBegin)
    {
        IoResult filled = _releasedBytes > 0 ? IoResult.Done(_releasedBytes) : Fill();
        if (filled.Status == IoStatus.End)
        {
            Refusal ??= "the client asked for nothing";
        }

        mayBegin = filled.Status == IoStatus.Done;
        return filled.Status == IoStatus.WouldBlock;
    }

    /// <summary>Reads until something is released, or cannot be.</summary>
    private IoResult Fill()
    {
        while (Refusal is null)
        {
            if (_isJudged)
            {
                IoResult read = _client.Read(_waiting.AsSpan(_waitingBytes));
                if (read.Status == IoStatus.End && _waitingBytes > 0)
                {
                    Refusal = "the client ended inside a request";
                    break;
                }

                if (read.Status != IoStatus.Done)
                {
                    return read;
                }

                _waitingBytes += read.Bytes;
            }

            // What stands behind a released request is judged for itself, also when nothing more comes.
            ProbeVerdict verdict = _guard.Judge(_waiting.AsSpan(0, _waitingBytes));
            _isJudged = true;
            Refusal = verdict.Refusal;
            _releasedBytes = verdict.ReleasedBytes;
            if (_releasedBytes > 0)
            {
                return IoResult.Done(_releasedBytes);
            }
        }

        return IoResult.Failed(Errno.EPROTO);
    }
}
