using Mesh.Interop.Linux;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Succession;

/// <summary>
/// Gives the listening sockets of this process's pods to the proxy that comes after it, over a socket that only its own user may use. The
/// sockets are shared from then on: what waits in their queues is served by whoever takes it, and nothing is reset when this process ends.
/// The admin ports, which two processes of one network cannot both have, are closed when the next proxy wants them.
/// </summary>
/// <remarks>A thread of its own waits; one ask is answered at a time.</remarks>
public sealed class ListenerGiver : IDisposable
{
    private const int Backlog = 16;

    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_retryPause = TimeSpan.FromSeconds(1);

    private readonly string _path;
    private readonly Func<(ulong Device, ulong Inode), IReadOnlyList<PodListener>> _find;
    private readonly Func<Task> _releasePorts;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;

    /// <summary>Begins to listen, as soon as a proxy before this one has left the path.</summary>
    /// <param name="path">Where; at most <see cref="SeqPacketSocket.PathBytesMax"/> bytes.</param>
    /// <param name="find">The listeners of a namespace; called on the thread.</param>
    /// <param name="releasePorts">Closes the admin ports and is done when they are; begun on the thread, perhaps more than once.</param>
    /// <param name="logger">Where it is told what was given.</param>
    public ListenerGiver(
        string path, Func<(ulong Device, ulong Inode), IReadOnlyList<PodListener>> find, Func<Task> releasePorts, ILogger logger)
    {
        _releasePorts = releasePorts;
        _path = path;
        _find = find;
        _logger = logger;
        _thread = new Thread(Run) { IsBackground = true, Name = "listener-giver" };
        _thread.Start();
    }

    /// <summary>Stops listening and leaves the path to the next.</summary>
    public void Dispose()
    {
        if (_thread.IsAlive)
        {
            _stop.Cancel();
            _thread.Join();
        }

        _stop.Dispose();
    }

    private void Run()
    {
        string? told = null;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using SeqPacketSocket listener = SeqPacketSocket.Listen(_path, Backlog);
                using CancellationTokenRegistration onStop = _stop.Token.Register(listener.Dispose);
                AcceptAll(listener);
                return;
            }
            catch (PosixException refused)
            {
                // The proxy before this one listens there until it drains; that is told once, and so is any other reason.
                if (told != refused.Message)
                {
                    told = refused.Message;
                    Log.ListenersNotOffered(_logger, _path, refused.Message);
                }

                _stop.Token.WaitHandle.WaitOne(s_retryPause);
            }
        }
    }

    private void AcceptAll(SeqPacketSocket listener)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                SysResult accepted = listener.Accept(Timeout.InfiniteTimeSpan, out SeqPacketSocket? successor);
                if (successor is null)
                {
                    if (_stop.IsCancellationRequested)
                    {
                        return;
                    }

                    // Descriptors may have run out; a pause, so that it is not tried all the time.
                    Log.ListenersNotOffered(_logger, _path, accepted.Error.ToString());
                    _stop.Token.WaitHandle.WaitOne(s_retryPause);
                    continue;
                }

                using (successor)
                {
                    Answer(successor);
                }
            }
            catch (ObjectDisposedException)
            {
                // The process ends, or a pod has ended while its listeners were given away.
            }
        }
    }

    /// <summary>Closes the admin ports. The thread is the giver's own, and has nothing else to do meanwhile.</summary>
    /// <returns>What is wrong; null when they are closed.</returns>
    private string? ReleasePorts()
    {
        Task released = _releasePorts();
        ((IAsyncResult)released).AsyncWaitHandle.WaitOne();
        return released.IsCompletedSuccessfully
            ? null
            : $"the admin ports cannot be closed: {released.Exception?.InnerException?.Message ?? "it took too long"}";
    }

    private void Answer(SeqPacketSocket successor)
    {
        byte[] message = new byte[ListenerMessages.BytesMax];
        if (!successor.Peer.IsThisUser)
        {
            Log.ListenersRefused(_logger, successor.Peer.ProcessId, "it runs as another user");
            return;
        }

        SysResult received = successor.Receive(message, out Microsoft.Win32.SafeHandles.SafeFileHandle? surplus, s_answerTimeout);
        using (surplus)
        {
            if (received.Ok && surplus is null && ListenerMessages.IsRelease(message.AsSpan(0, received.Count)))
            {
                if (ReleasePorts() is string failure)
                {
                    // Without an answer the next proxy says which port is taken, and ends.
                    Log.ListenersRefused(_logger, successor.Peer.ProcessId, failure);
                    return;
                }

                Log.PortsReleased(_logger, successor.Peer.ProcessId);
                successor.Send(ListenerMessages.Done(0), null, s_answerTimeout);
                return;
            }

            if (!received.Ok || surplus is not null
                || !ListenerMessages.TryReadAsk(message.AsSpan(0, received.Count), out (ulong Device, ulong Inode) network))
            {
                Log.ListenersRefused(_logger, successor.Peer.ProcessId, "what it asks is not understood");
                return;
            }

            IReadOnlyList<PodListener> listeners = _find(network);
            foreach (PodListener listener in listeners)
            {
                if (!successor.Send(ListenerMessages.Listener(listener.Family, listener.Port), listener.Socket, s_answerTimeout).Ok)
                {
                    return;
                }
            }

            successor.Send(ListenerMessages.Done(listeners.Count), null, s_answerTimeout);
            if (listeners.Count > 0)
            {
                Log.ListenersGiven(_logger, listeners.Count, successor.Peer.ProcessId);
            }
        }
    }
}
