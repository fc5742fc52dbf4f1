using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Capture.Handover;

/// <summary>
/// One proxy's connection, seen from the agent: says hello, takes the snapshot, then follows changes, one request at a time.
/// </summary>
/// <remarks>
/// <see cref="RunAsync"/> alone sends and receives. Other threads leave removals and wake it. Owned by <see cref="HandoverServer"/>.
/// </remarks>
internal sealed class HandoverSession : IDisposable
{
    private static readonly TimeSpan s_retryFirst = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_retryLast = TimeSpan.FromSeconds(15);

    private readonly HandoverServer _server;
    private readonly HandoverConnection _connection;
    private readonly int _number;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _closed = new();
    private readonly WakeSignal _wake = new();

    // What this proxy has answered, by uid. Written by RunAsync, read by any thread.
    private readonly ConcurrentDictionary<string, PodAnswer> _answers = new(StringComparer.Ordinal);

    // Guarded by itself. Removals asked for and not yet answered; null when the session has ended.
    private readonly Lock _removalGate = new();
    private Queue<(string Uid, TaskCompletionSource Done)>? _removals = new();

    private int _messageBytesMax;
    private Task<HandoverPacket?>? _next;
    private string _closeReason = "the agent stops";

    public HandoverSession(HandoverServer server, HandoverConnection connection, int number, ILogger logger, TimeProvider time)
    {
        _server = server;
        _connection = connection;
        _number = number;
        _logger = logger;
        _time = time;
    }

    /// <summary>Whether the proxy has said that it serves a pod. Any thread.</summary>
    public bool Serves(string uid) => _answers.TryGetValue(uid, out PodAnswer? answer) && answer.Error is null;

    /// <summary>What the proxy said is wrong with a pod; null when nothing. Any thread.</summary>
    public string? ErrorOf(string uid) => _answers.TryGetValue(uid, out PodAnswer? answer) ? answer.Error : null;

    /// <summary>Makes the session look for something to tell. Any thread.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Tells the proxy to drop a pod. Done when it has answered, or the session is over. Any thread.</summary>
    public Task RemoveAsync(string uid)
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_removalGate)
        {
            if (_removals is null)
            {
                return Task.CompletedTask;
            }

            _removals.Enqueue((uid, done));
        }

        Wake();
        return done.Task;
    }

    /// <summary>Ends the session. Any thread.</summary>
    public void Close(string reason)
    {
        _closeReason = reason;
        try
        {
            _closed.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // It has ended by itself.
        }
    }

    /// <summary>Speaks with the proxy until one of the two goes.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(_closed.Token, cancellation);
        try
        {
            Log.ProxyConnected(_logger, _number, _connection.Peer.ProcessId);
            await ReadHelloAsync(either.Token);
            int served = 0;
            foreach ((PodOffer offer, long revision) in _server.Snapshot())
            {
                served += await TellAsync(offer, revision, either.Token) ? 1 : 0;
            }

            await AskAsync(new HandoverRequest.SnapshotSent(), null, either.Token);
            Log.SnapshotAccepted(_logger, _number, served);
            while (true)
            {
                await FollowAsync(either.Token);
            }
        }
        catch (HandoverException ended)
        {
            Log.ProxyLost(_logger, _number, ended.Message);
        }
        catch (OperationCanceledException)
        {
            Log.ProxyLost(_logger, _number, _closeReason);
        }
        finally
        {
            FinishRemovals();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _connection.Dispose();
        _closed.Dispose();
    }

    private async Task ReadHelloAsync(CancellationToken cancellation)
    {
        using HandoverPacket packet = await ReceiveAsync("say hello", cancellation);
        if (!HandoverCodec.TryDecodeHello(packet.Message, out _messageBytesMax, out string? error))
        {
            throw new HandoverException(error);
        }
    }

    /// <summary>Does the next thing there is to do, or waits until there may be one.</summary>
    private async Task FollowAsync(CancellationToken cancellation)
    {
        if (TryTakeRemoval(out (string Uid, TaskCompletionSource Done) removal))
        {
            await RemoveAsync(removal.Uid, removal.Done, cancellation);
            return;
        }

        long now = _time.GetTimestamp();
        if (_server.NextFor(this, (uid, revision) => IsDue(uid, revision, now)) is (PodOffer offer, long revision))
        {
            await TellAsync(offer, revision, cancellation);
            return;
        }

        await WaitAsync(cancellation);
    }

    /// <summary>Until woken, or the next repetition, or the proxy's end.</summary>
    private async Task WaitAsync(CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _next ??= _connection.ReceiveAsync(CancellationToken.None);
        bool isRepeating = _answers.Values.Any(answer => answer.Error is not null);
        Task woken = _wake.WaitAsync(stop.Token);
        Task repetition = Task.Delay(isRepeating ? s_retryFirst : Timeout.InfiniteTimeSpan, _time, stop.Token);
        Task first = await Task.WhenAny(woken, repetition, _next);
        await stop.CancelAsync();
        cancellation.ThrowIfCancellationRequested();
        if (first == _next)
        {
            using HandoverPacket? packet = await _next;
            throw new HandoverException(packet is null ? "the proxy closed it" : "the proxy answered what nobody asked");
        }
    }

    /// <summary>Adds or keeps a pod, and notes the answer.</summary>
    /// <returns>Whether it is served.</returns>
    private async Task<bool> TellAsync(PodOffer offer, long revision, CancellationToken cancellation)
    {
        if (offer.Network is null)
        {
            await AskAsync(new HandoverRequest.Keep(offer.Pod.Uid), null, cancellation);
            return true;
        }

        // A proxy that did not say it takes more is not ours, and would not know what to do with details.
        bool isOurs = _messageBytesMax > HandoverCodec.PlainMessageBytesMax;
        HandoverRequest.Add request = new(isOurs ? offer.Pod : offer.Pod with { Details = null });
        string? failure;
        try
        {
            failure = await AskAsync(request, offer, cancellation);
        }
        catch (ObjectDisposedException)
        {
            // The pod ended meanwhile; its removal is on its way.
            return false;
        }

        int failures = failure is null ? 0 : _answers.TryGetValue(offer.Pod.Uid, out PodAnswer? earlier) ? earlier.Failures + 1 : 1;
        _answers[offer.Pod.Uid] = new PodAnswer(revision, failure, failures, _time.GetTimestamp());
        if (failure is not null)
        {
            Log.PodRefused(_logger, _number, $"{offer.Pod.Namespace}/{offer.Pod.Name}", offer.Pod.Uid, failure);
        }

        _server.OnChanged();
        return failure is null;
    }

    private async Task RemoveAsync(string uid, TaskCompletionSource done, CancellationToken cancellation)
    {
        try
        {
            string? failure = await AskAsync(new HandoverRequest.Remove(uid), null, cancellation);
            if (failure is not null)
            {
                Log.RemovalRefused(_logger, _number, uid, failure);
            }
        }
        finally
        {
            _answers.TryRemove(uid, out _);
            done.SetResult();
            _server.OnChanged();
        }
    }

    /// <summary>One request and its answer.</summary>
    /// <returns>What the proxy says went wrong; null when nothing did.</returns>
    private async Task<string?> AskAsync(HandoverRequest request, PodOffer? offer, CancellationToken cancellation)
    {
        byte[] message = HandoverCodec.Encode(request);
        if (message.Length > _messageBytesMax)
        {
            return $"what there is to say of it takes {message.Length} bytes, and the proxy takes {_messageBytesMax}: "
                + "it has too many annotations or probes";
        }

        _connection.Send(message, offer?.Network?.Handle);
        using HandoverPacket answer = await ReceiveAsync("answer", cancellation);
        return HandoverCodec.TryDecodeAck(answer.Message, out string? failure, out string? error)
            ? failure
            : throw new HandoverException(error);
    }

    private async Task<HandoverPacket> ReceiveAsync(string expectation, CancellationToken cancellation)
    {
        Task<HandoverPacket?> next = _next ?? _connection.ReceiveAsync(CancellationToken.None);
        _next = null;
        try
        {
            HandoverPacket packet = await next.WaitAsync(HandoverConnection.AnswerTimeout, _time, cancellation)
                ?? throw new HandoverException("the proxy closed it");
            if (packet.Descriptor is not null)
            {
                packet.Dispose();
                throw new HandoverException("the proxy sent a descriptor");
            }

            return packet;
        }
        catch (TimeoutException)
        {
            throw new HandoverException($"the proxy did not {expectation} within {HandoverConnection.AnswerTimeout.TotalSeconds} s");
        }
    }

    private bool IsDue(string uid, long revision, long now)
    {
        if (!_answers.TryGetValue(uid, out PodAnswer? answer) || answer.Revision != revision)
        {
            return true;
        }

        if (answer.Error is null)
        {
            return false;
        }

        TimeSpan wait = s_retryFirst * Math.Pow(2, Math.Min(answer.Failures - 1, 4));
        return _time.GetElapsedTime(answer.At, now) >= (wait < s_retryLast ? wait : s_retryLast);
    }

    private bool TryTakeRemoval(out (string Uid, TaskCompletionSource Done) removal)
    {
        lock (_removalGate)
        {
            removal = default;
            return _removals is not null && _removals.TryDequeue(out removal);
        }
    }

    private void FinishRemovals()
    {
        Queue<(string Uid, TaskCompletionSource Done)>? left;
        lock (_removalGate)
        {
            left = _removals;
            _removals = null;
        }

        while (left is not null && left.TryDequeue(out (string Uid, TaskCompletionSource Done) removal))
        {
            removal.Done.SetResult();
        }
    }

    /// <summary>What the proxy answered about one pod.</summary>
    /// <param name="Revision">Of the offer it answered.</param>
    /// <param name="Error">Null when it serves the pod.</param>
    /// <param name="Failures">How often in a row it did not.</param>
    /// <param name="At">When.</param>
    private sealed record PodAnswer(long Revision, string? Error, int Failures, long At);
}
