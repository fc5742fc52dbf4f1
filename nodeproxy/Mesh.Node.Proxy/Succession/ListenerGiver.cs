using Mesh.Interop.Linux;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace Mesh.Node.Proxy.Succession;

/// <summary>
/// Gives the listening sockets of this process's pods to the proxy that comes after it, over a socket that only its own user may use. The
/// sockets are shared from then on: what waits in their queues is served by whoever takes it, and nothing is reset when this process ends.
/// The admin ports, which two processes of one network cannot both have, are lent: closed when the next proxy wants them, and opened again
/// when it ends before this one does. It keeps the connection over which it asked for as long as it lives.
/// </summary>
/// <remarks>A thread of its own waits; one ask is answered at a time.</remarks>
public sealed class ListenerGiver : IDisposable
{
    private const int Backlog = 16;

    private static readonly TimeSpan s_answerTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_retryPause = TimeSpan.FromSeconds(1);

    /// <summary>How often it is asked whether the process that has the ports is still there.</summary>
    private static readonly TimeSpan s_borrowerCheck = TimeSpan.FromMilliseconds(500);

    private readonly string _path;
    private readonly Func<(ulong Device, ulong Inode), IReadOnlyList<PodListener>> _find;
    private readonly IPortLender _ports;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;

    // The thread's own. Whether the admin ports are lent, over which connection, and why they could not be taken back, as it was told.
    private bool _isLent;
    private SeqPacketSocket? _borrower;
    private string? _toldNotBack;

    /// <summary>Begins to listen, as soon as a proxy before this one has left the path.</summary>
    /// <param name="path">Where; at most <see cref="SeqPacketSocket.PathBytesMax"/> bytes.</param>
    /// <param name="find">The listeners of a namespace; called on the thread.</param>
    /// <param name="ports">The admin ports; called on the thread.</param>
    /// <param name="logger">Where it is told what was given.</param>
    public ListenerGiver(
        string path, Func<(ulong Device, ulong Inode), IReadOnlyList<PodListener>> find, IPortLender ports, ILogger logger)
    {
        _ports = ports;
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
                _borrower?.Dispose();
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
                SysResult accepted = listener.Accept(_isLent ? s_borrowerCheck : Timeout.InfiniteTimeSpan, out SeqPacketSocket? successor);
                if (_isLent && !HasBorrower())
                {
                    TakePortsBack();
                }

                if (successor is null)
                {
                    if (_stop.IsCancellationRequested)
                    {
                        return;
                    }

                    if (accepted.Error == Errno.ETIMEDOUT)
                    {
                        continue;
                    }

                    // Descriptors may have run out; a pause, so that it is not tried all the time.
                    Log.ListenersNotOffered(_logger, _path, accepted.Error.ToString());
                    _stop.Token.WaitHandle.WaitOne(s_retryPause);
                    continue;
                }

                try
                {
                    Answer(successor);
                }
                finally
                {
                    if (successor != _borrower)
                    {
                        successor.Dispose();
                    }
                }
            }
            catch (ObjectDisposedException)
            {
                // The process ends, or a pod has ended while its listeners were given away.
            }
        }
    }

    private void LendPorts(SeqPacketSocket successor)
    {
        if (_isLent && HasBorrower())
        {
            Log.ListenersRefused(_logger, successor.Peer.ProcessId, $"process {_borrower!.Peer.ProcessId} has the admin ports");
            return;
        }

        if (Failure(_ports.LendAsync()) is string failure)
        {
            // Without an answer the next proxy says which port is taken, and ends.
            Log.ListenersRefused(_logger, successor.Peer.ProcessId, $"the admin ports cannot be closed: {failure}");
            return;
        }

        Log.PortsReleased(_logger, successor.Peer.ProcessId);
        _borrower?.Dispose();
        _borrower = successor;
        _isLent = true;
        successor.Send(ListenerMessages.Done(0), null, s_answerTimeout);
    }

    /// <summary>Whether the process that has the ports is there: it says nothing, and its end is the end of its connection.</summary>
    private bool HasBorrower()
    {
        SysResult received = _borrower!.Receive(new byte[ListenerMessages.BytesMax], out SafeFileHandle? surplus, TimeSpan.Zero);
        surplus?.Dispose();
        return received.Ok ? received.Count > 0 : received.Error == Errno.ETIMEDOUT;
    }

    /// <summary>Serves the admin ports again; what does not succeed is tried again.</summary>
    private void TakePortsBack()
    {
        string? failure = Failure(_ports.TakeBackAsync());
        if (failure is null)
        {
            Log.PortsTakenBack(_logger, _borrower!.Peer.ProcessId);
            _borrower.Dispose();
            _borrower = null;
            _isLent = false;
        }
        else if (failure != _toldNotBack)
        {
            Log.PortsNotTakenBack(_logger, failure);
        }

        _toldNotBack = failure;
    }

    /// <summary>Waits for the end; the thread is the giver's own, and has nothing else to do meanwhile.</summary>
    /// <returns>What is wrong; null when it succeeded.</returns>
    private static string? Failure(Task task)
    {
        ((IAsyncResult)task).AsyncWaitHandle.WaitOne();
        return task.IsCompletedSuccessfully ? null : task.Exception?.InnerException?.Message ?? "it took too long";
    }

    private void Answer(SeqPacketSocket successor)
    {
        byte[] message = new byte[ListenerMessages.BytesMax];
        if (!successor.Peer.IsThisUser)
        {
            Log.ListenersRefused(_logger, successor.Peer.ProcessId, "it runs as another user");
            return;
        }

        SysResult received = successor.Receive(message, out SafeFileHandle? surplus, s_answerTimeout);
        using (surplus)
        {
            if (received.Ok && surplus is null && ListenerMessages.IsRelease(message.AsSpan(0, received.Count)))
            {
                LendPorts(successor);
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
