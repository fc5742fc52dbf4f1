using Mesh.Interop.Linux;
using Mesh.Node.Transport.Channels;

namespace Mesh.Node.Proxy.Hbone;

/// <summary>What waits to be sent, and when it goes.</summary>
internal sealed partial class TunnelConnection
{
    /// <summary>What TLS makes one record of at most. No peer can read a part of one.</summary>
    private const int WholeWriteBytesMax = 16 * 1024;

    private void AskFlushIfOutput()
    {
        if (!_http2.Output.Unsent.IsEmpty)
        {
            AskFlush();
        }
    }

    private void AskFlush()
    {
        if (!_flushAsked && !_closed)
        {
            _flushAsked = true;
            _loop.RunAtTurnEnd(this);
        }
    }

    private void FlushAndServe()
    {
        EndIfFailed();
        if (!_closed && TryFlush())
        {
            ServeAwaiting();
            TryFlush();
        }

        CloseIfDrained();
    }

    /// <summary>
    /// Closes when the engine has given the peer up while nothing was being received: for a time limit, or for what was being sent.
    /// </summary>
    private void EndIfFailed()
    {
        if (!_closed && _http2.Error.IsError)
        {
            OnProtocolError();
        }
    }

    /// <summary>Gives each waiting stream one turn, in order; whoever is still stopped queues again behind the others.</summary>
    private void ServeAwaiting()
    {
        for (int left = _awaitingOutput.Count; left > 0 && !_closed && _awaitingOutput.TryDequeue(out TunnelStream? next); left--)
        {
            next.IsQueuedForOutput = false;
            if (next.IsAlive)
            {
                next.Events.OnSendable();
            }
        }
    }

    /// <summary>Writes what waits; true when all of it went. A channel that takes nothing any more ends the tunnel.</summary>
    private bool TryFlush()
    {
        IoStatus status = Write(out Errno error);
        if (status == IoStatus.Failed)
        {
            Close(LostReason, error.ToString());
        }

        return status == IoStatus.Done;
    }

    /// <summary>
    /// Writes what waits; done when all of it went. A failure changes nothing here: a tunnel that is being ended for a reason ends for that
    /// one, whether or not its peer can still be told.
    /// </summary>
    private IoStatus Write(out Errno error)
    {
        error = Errno.None;
        while (!_http2.Output.Unsent.IsEmpty)
        {
            IoResult written = _channel.Write(_http2.Output.Unsent);
            if (written.Status != IoStatus.Done)
            {
                // Of a long write that failed, some may have gone.
                bool mayBeSeen = written.Status == IoStatus.Failed && _http2.Output.UnsentBytes > WholeWriteBytesMax;
                _leftBytes += mayBeSeen ? _http2.Output.UnsentBytes : 0;
                error = written.Error;
                return written.Status == IoStatus.WouldBlock ? IoStatus.WouldBlock : IoStatus.Failed;
            }

            _leftBytes += written.Bytes;
            _http2.Output.Advance(written.Bytes);
        }

        return IoStatus.Done;
    }
}
