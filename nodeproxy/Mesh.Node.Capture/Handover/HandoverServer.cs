using Mesh.Interop.Linux;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Handover;

/// <summary>
/// The agent's end of the hand-over (istio-cni's role): offers pods to the proxies that connect. A pod is offered to the
/// newest proxy only; its removal is told to all, so that an old one that still drains drops it too. Members may be called from any thread.
/// </summary>
public sealed class HandoverServer
{
    private const int Backlog = 16;
    private const int SessionsMax = 8;

    // 5 connections a second, so that a proxy that fails at once does not keep us busy.
    private static readonly TimeSpan s_acceptPause = TimeSpan.FromMilliseconds(200);

    private readonly HandoverOptions _options;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly Action _onChanged;
    private readonly Lock _gate = new();

    // Guarded by _gate. A revision tells a session that what it has of a pod is old.
    private readonly Dictionary<string, (PodOffer Offer, long Revision)> _offers = new(StringComparer.Ordinal);
    private readonly List<HandoverSession> _sessions = [];
    private readonly List<Task> _running = [];
    private long _revision;
    private int _sessionNumber;

    /// <param name="options">Where to listen.</param>
    /// <param name="onChanged">Called from any thread when <see cref="ServingOf"/> or <see cref="SessionCount"/> may answer differently.
    /// Must not block.</param>
    /// <param name="logger">For the operator.</param>
    /// <param name="time">For deadlines.</param>
    public HandoverServer(HandoverOptions options, Action onChanged, ILogger logger, TimeProvider time)
    {
        _options = options;
        _onChanged = onChanged;
        _logger = logger;
        _time = time;
    }

    /// <summary>How many proxies are connected.</summary>
    public int SessionCount
    {
        get
        {
            lock (_gate)
            {
                return _sessions.Count;
            }
        }
    }

    /// <summary>Listens until cancelled, then closes every connection. Proxies keep what they serve.</summary>
    /// <exception cref="CaptureException">The socket cannot be listened on.</exception>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using SeqPacketSocket listener = Listen();
        TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        var thread = new Thread(() => AcceptAll(listener, ended, cancellation)) { IsBackground = true, Name = "handover-accept" };
        thread.Start();
        using (cancellation.Register(listener.Dispose))
        {
            await ended.Task;
        }

        Task[] running;
        lock (_gate)
        {
            running = [.. _running];
        }

        await Task.WhenAll(running);
    }

    /// <summary>Offers a pod, or offers it anew because something of it changed.</summary>
    public void Offer(PodOffer offer)
    {
        lock (_gate)
        {
            _offers[offer.Pod.Uid] = (offer, ++_revision);
            _sessions.LastOrDefault()?.Wake();
        }
    }

    /// <summary>Takes a pod back.</summary>
    /// <returns>Done when every connected proxy has said so, has failed to within the time for an answer, or is gone.</returns>
    public Task WithdrawAsync(string uid)
    {
        lock (_gate)
        {
            _offers.Remove(uid);
            return Task.WhenAll(_sessions.Select(session => session.RemoveAsync(uid)));
        }
    }

    /// <summary>Whether a proxy serves a pod now.</summary>
    public PodServing ServingOf(string uid)
    {
        lock (_gate)
        {
            return _sessions.Count == 0 ? new PodServing(false, "no proxy is connected")
                : _sessions.Any(session => session.Serves(uid)) ? new PodServing(true, null)
                : new PodServing(false, _sessions[^1].ErrorOf(uid) ?? "the proxy has not answered yet");
        }
    }

    /// <summary>What a session is to be told of next; null when it has everything. Only the newest is told of pods.</summary>
    internal (PodOffer Offer, long Revision)? NextFor(HandoverSession session, Func<string, long, bool> isDue)
    {
        lock (_gate)
        {
            if (!ReferenceEquals(_sessions.LastOrDefault(), session))
            {
                return null;
            }

            foreach ((string uid, (PodOffer Offer, long Revision) offer) in _offers)
            {
                if (offer.Offer.Network is not null && isDue(uid, offer.Revision))
                {
                    return offer;
                }
            }

            return null;
        }
    }

    /// <summary>Everything there is, for a session that begins.</summary>
    internal IReadOnlyList<(PodOffer Offer, long Revision)> Snapshot()
    {
        lock (_gate)
        {
            return [.. _offers.Values];
        }
    }

    /// <summary>A session's answers have changed.</summary>
    internal void OnChanged() => _onChanged();

    private SeqPacketSocket Listen()
    {
        try
        {
            return SeqPacketSocket.Listen(_options.SocketPath, Backlog);
        }
        catch (Exception refused) when (refused is PosixException or ArgumentException)
        {
            throw new CaptureException($"The hand-over socket cannot be opened: {refused.Message}", refused);
        }
    }

    private void AcceptAll(SeqPacketSocket listener, TaskCompletionSource ended, CancellationToken cancellation)
    {
        try
        {
            while (!cancellation.IsCancellationRequested)
            {
                SysResult accepted = listener.Accept(Timeout.InfiniteTimeSpan, out SeqPacketSocket? socket);
                if (socket is not null)
                {
                    Begin(socket, cancellation);
                }
                else if (!cancellation.IsCancellationRequested)
                {
                    Log.AcceptFailed(_logger, _options.SocketPath, accepted.Error.ToString());
                }

                cancellation.WaitHandle.WaitOne(s_acceptPause);
            }
        }
        catch (ObjectDisposedException)
        {
            // The listener is closed when the process ends.
        }
        finally
        {
            ended.SetResult();
        }
    }

    private void Begin(SeqPacketSocket socket, CancellationToken cancellation)
    {
        HandoverSession? surplus = null;
        lock (_gate)
        {
            HandoverSession session = new(this, new HandoverConnection(socket), ++_sessionNumber, _logger, _time);
            _sessions.Add(session);
            surplus = _sessions.Count > SessionsMax ? _sessions[0] : null;
            _running.RemoveAll(task => task.IsCompleted);
            _running.Add(RunSessionAsync(session, cancellation));
        }

        surplus?.Close("there are too many connections, and this is the oldest");
        _onChanged();
    }

    private async Task RunSessionAsync(HandoverSession session, CancellationToken cancellation)
    {
        // Not under the caller's lock.
        await Task.Yield();
        try
        {
            await session.RunAsync(cancellation);
        }
        finally
        {
            lock (_gate)
            {
                _sessions.Remove(session);

                // The newest that is left must now be told what only this one was told.
                _sessions.LastOrDefault()?.Wake();
            }

            session.Dispose();
            _onChanged();
        }
    }
}
