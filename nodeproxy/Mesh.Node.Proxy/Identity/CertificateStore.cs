using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Mesh.Api.Identity;
using Mesh.Interop.OpenSsl;
using Mesh.Node.Proxy.Config;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Identity;

/// <summary>
/// The certificates of this node's workloads: one key and one certificate for each identity, in memory only. Asked for ahead of need,
/// renewed at half life or when revoked, kept while valid whatever the authority does, forgotten with the last workload of the identity.
/// </summary>
/// <remarks>
/// Any thread. Reading a certificate takes no lock; everything else is under one. Replaced contexts are not disposed: loops may be opening
/// sessions with them, and their memory goes with the last of these.
/// </remarks>
public sealed partial class CertificateStore : ICertificateReader, IAsyncDisposable
{
    /// <summary>Requests to the authority at once. As ztunnel; a node start must not be a storm.</summary>
    private const int RequestsMax = 8;

    /// <summary>Renewals are spread by this part of the half life, so that a node's certificates do not fall due together.</summary>
    private const double RenewalSpread = 0.1;

    // However short-lived the certificates are, renewal does not spin.
    private static readonly TimeSpan s_leastRenewal = TimeSpan.FromMilliseconds(100);

    // A timer waits for 49 days at most, and a certificate a foreign authority gave for years is renewed sooner than it must be.
    private static readonly TimeSpan s_greatestRenewal = TimeSpan.FromDays(30);

    private readonly ICertificateAuthority _authority;
    private readonly TimeSpan _requestTimeout;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly TrustSets _trust;
    private readonly ConcurrentDictionary<SpiffeId, CertificateEntry> _entries = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly Lock _gate = new();

    // Under the gate.
    private readonly PriorityQueue<CertificateEntry, (CertificatePriority Priority, long Order)> _queue = new();
    private readonly HashSet<Task> _requests = [];
    private TaskCompletionSource _localChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _order;
    private long _issued;
    private long _failed;

    internal CertificateStore(ICertificateAuthority authority, TimeSpan requestTimeout, TimeProvider time, ILogger<CertificateStore> logger)
    {
        _authority = authority;
        _requestTimeout = requestTimeout;
        _time = time;
        _logger = logger;
        _trust = new TrustSets(logger);
    }

    /// <summary>Certificates issued since the start.</summary>
    public long IssuedCount => Volatile.Read(ref _issued);

    /// <summary>Attempts that failed since the start.</summary>
    public long FailedCount => Volatile.Read(ref _failed);

    /// <summary>Makes a store that asks the control plane.</summary>
    public static CertificateStore Create(
        ControlPlaneChannel channel, ControlPlaneOptions options, TimeProvider time, ILogger<CertificateStore> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        var client = new CertificateClient(channel, TimeSpan.FromSeconds(options.CertificateLifetimeSeconds));
        return new CertificateStore(client, TimeSpan.FromSeconds(options.CertificateTimeoutSeconds), time, logger);
    }

    public bool TryGet(SpiffeId identity, [NotNullWhen(true)] out TlsContexts? contexts)
    {
        contexts = _entries.TryGetValue(identity, out CertificateEntry? entry) ? UsableOf(entry) : null;
        return contexts is not null;
    }

    public Task<TlsContexts?> GetAsync(SpiffeId identity, TimeSpan patience)
    {
        if (TryGet(identity, out TlsContexts? contexts))
        {
            return Task.FromResult<TlsContexts?>(contexts);
        }

        return WaitAsync(identity, patience);
    }

    /// <summary>Every identity of this node, with its certificate and what stands in its way. For display; never shows a key.</summary>
    public IReadOnlyList<CertificateStatus> Describe()
    {
        lock (_gate)
        {
            return
            [
                .. _entries.Values
                    .OrderBy(entry => entry.Identity.ToString(), StringComparer.Ordinal)
                    .Select(entry => new CertificateStatus(
                        entry.Identity,
                        StateOf(entry),
                        entry.Current?.Issued.Chain ?? [],
                        entry.Current?.Issued.ChainPem ?? "",
                        entry.Current?.Issued.RootsPem ?? "",
                        entry.NextAttempt,
                        entry.LastError)),
            ];
        }
    }

    /// <summary>
    /// Says which identities this node's workloads have. New ones are asked for when wanted early; others wait for a first use.
    /// </summary>
    /// <param name="local">Each identity, and whether to ask for it before anything needs it.</param>
    internal void SetLocal(IReadOnlyDictionary<SpiffeId, bool> local)
    {
        lock (_gate)
        {
            foreach (CertificateEntry entry in _entries.Values.Where(entry => !local.ContainsKey(entry.Identity)))
            {
                Forget(entry);
            }

            foreach ((SpiffeId identity, bool isWantedEarly) in local)
            {
                CertificateEntry entry = _entries.GetOrAdd(identity, static identity => new CertificateEntry(identity));
                if (isWantedEarly && entry.Current is null && entry.Timer is null)
                {
                    Enqueue(entry, CertificatePriority.Warmup);
                }
            }

            StartRequests();
            _localChanged.TrySetResult();
            _localChanged = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>The control plane is back: what waits to be tried again and has nothing peers take is tried now.</summary>
    internal void RetryNow()
    {
        lock (_gate)
        {
            foreach (CertificateEntry entry in _entries.Values.Where(entry =>
                entry.LastError is not null && (UsableOf(entry) is null || entry.Current is { IsRevoked: true })))
            {
                Enqueue(entry, entry.Waiters is null ? CertificatePriority.Warmup : CertificatePriority.RealTime);
            }

            StartRequests();
        }
    }

    /// <summary>Stops asking, waits for requests under way and wipes the keys.</summary>
    public async ValueTask DisposeAsync()
    {
        Task[] requests;
        await _stopping.CancelAsync();
        lock (_gate)
        {
            foreach (CertificateEntry entry in _entries.Values)
            {
                Forget(entry);
            }

            requests = [.. _requests];
        }

        await Task.WhenAll(requests);
        _stopping.Dispose();
    }

    private async Task<TlsContexts?> WaitAsync(SpiffeId identity, TimeSpan patience)
    {
        long start = _time.GetTimestamp();
        try
        {
            // A connection can know a new workload a moment before this store does, so an identity nobody has is waited for as well.
            while (true)
            {
                (Task<TlsContexts?>? arrival, Task localChanged) = Await(identity);
                TimeSpan left = TimeSpan.FromTicks(Math.Max(0, (patience - _time.GetElapsedTime(start)).Ticks));
                if (arrival is not null)
                {
                    return await arrival.WaitAsync(left, _time);
                }

                await localChanged.WaitAsync(left, _time);
            }
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private (Task<TlsContexts?>? Arrival, Task LocalChanged) Await(SpiffeId identity)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(identity, out CertificateEntry? entry))
            {
                return (null, _localChanged.Task);
            }

            if (UsableOf(entry) is TlsContexts arrived)
            {
                return (Task.FromResult<TlsContexts?>(arrived), _localChanged.Task);
            }

            // A failed attempt keeps its delay: connections that come meanwhile must not turn it into a storm.
            if (entry.Timer is null)
            {
                Enqueue(entry, CertificatePriority.RealTime);
                StartRequests();
            }

            entry.Waiters ??= new TaskCompletionSource<TlsContexts?>(TaskCreationOptions.RunContinuationsAsynchronously);
            return (entry.Waiters.Task, _localChanged.Task);
        }
    }

    private TlsContexts? UsableOf(CertificateEntry entry) =>
        entry.Current is KeyedCertificate current && current.Issued.NotAfter > _time.GetUtcNow() ? current.Contexts : null;

    private CertificateState StateOf(CertificateEntry entry) => (UsableOf(entry), entry.Current, entry.LastError) switch
    {
        (not null, { IsRevoked: true }, _) => CertificateState.Revoked,
        (not null, _, _) => CertificateState.Valid,
        (null, not null, _) => CertificateState.Expired,
        (null, null, not null) => CertificateState.Unavailable,
        _ => CertificateState.Awaited,
    };

    /// <summary>Queues a request, or moves one that is queued forward. Under the gate.</summary>
    private void Enqueue(CertificateEntry entry, CertificatePriority priority)
    {
        bool isQueuedAsHigh = entry.Phase == CertificatePhase.Queued && entry.Priority <= priority;
        if (entry.Phase == CertificatePhase.Requesting || isQueuedAsHigh)
        {
            return;
        }

        // An entry that moves forward is in the queue twice; the later one is passed over.
        ClearTimer(entry);
        entry.Phase = CertificatePhase.Queued;
        entry.Priority = priority;
        _queue.Enqueue(entry, (priority, _order++));
    }

    /// <summary>Starts as many queued requests as may run. Under the gate.</summary>
    private void StartRequests()
    {
        while (_requests.Count < RequestsMax && !_stopping.IsCancellationRequested && _queue.TryDequeue(out CertificateEntry? entry, out _))
        {
            if (entry.Phase != CertificatePhase.Queued || entry.IsForgotten)
            {
                continue;
            }

            entry.Phase = CertificatePhase.Requesting;
            Task request = RequestAsync(entry);
            _requests.Add(request);
            _ = request.ContinueWith(
                finished => FinishRequest(finished, entry), CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private void FinishRequest(Task request, CertificateEntry entry)
    {
        if (request.Exception?.InnerException is Exception fault)
        {
            Faulted(_logger, entry.Identity, fault);
            Fail(entry, "a fault in the proxy");
        }

        lock (_gate)
        {
            _requests.Remove(request);
            StartRequests();
        }
    }

    private async Task RequestAsync(CertificateEntry entry)
    {
        // The lock is not held across the request: a task that began under it goes on elsewhere.
        await Task.Yield();
        try
        {
            using WorkloadKey key = WorkloadKey.Create(entry.Identity);
            using var timeout = new CancellationTokenSource(_requestTimeout, _time);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, _stopping.Token);
            IReadOnlyList<string> answer = await _authority.IssueAsync(entry.Identity, key.RequestPem, ending.Token);
            if (IssuedCertificate.TryRead(
                answer, entry.Identity, key, _time.GetUtcNow(), out IssuedCertificate? issued, out string? problem))
            {
                Accept(entry, issued, key);
            }
            else
            {
                Fail(entry, problem);
            }
        }
        catch (Exception exception) when (exception is CertificateRefusedException or CryptographicException or TlsConfigurationException)
        {
            Fail(entry, exception.Message);
        }
        catch (OperationCanceledException)
        {
            Fail(entry, "the authority did not answer in time");
        }
    }

    /// <exception cref="TlsConfigurationException">The TLS engine does not take what the authority gave.</exception>
    private void Accept(CertificateEntry entry, IssuedCertificate issued, WorkloadKey key)
    {
        LearnTrust(entry.Identity.TrustDomain, issued.RootsPem);
        lock (_gate)
        {
            if (entry.IsForgotten)
            {
                return;
            }

            KeyedCertificate certificate = Combine(entry.Identity, issued, key);
            Replace(entry, certificate);
            _issued++;
            entry.Phase = CertificatePhase.Resting;
            ScheduleNext(entry, certificate);
            entry.Waiters?.TrySetResult(certificate.Contexts);
            entry.Waiters = null;
        }

        Issued(_logger, entry.Identity, issued.NotAfter);
    }

    /// <summary>Under the gate.</summary>
    private void ScheduleNext(CertificateEntry entry, KeyedCertificate certificate)
    {
        if (certificate.IsRevoked)
        {
            // It was revoked while it was on its way here. An authority that goes on like that is not asked without pause.
            entry.LastError = "the certificate had been revoked when it came";
            Schedule(entry, entry.Retries.Next(), CertificatePriority.Warmup);
            return;
        }

        entry.LastError = null;
        entry.Retries.Reset();
        Schedule(entry, RenewalDelay(certificate.Issued.NotAfter - _time.GetUtcNow()), CertificatePriority.Background);
    }

    private void Fail(CertificateEntry entry, string reason)
    {
        TimeSpan delay;
        lock (_gate)
        {
            if (entry.IsForgotten || _stopping.IsCancellationRequested)
            {
                return;
            }

            _failed++;
            entry.Phase = CertificatePhase.Resting;
            entry.LastError = reason;
            delay = entry.Retries.Next();
            Schedule(entry, delay, CertificatePriority.Warmup);
        }

        Failed(_logger, entry.Identity, reason, delay.TotalSeconds);
    }

    /// <summary>Under the gate.</summary>
    private void Schedule(CertificateEntry entry, TimeSpan delay, CertificatePriority priority)
    {
        ClearTimer(entry);
        entry.NextAttempt = _time.GetUtcNow() + delay;
        entry.Timer = _time.CreateTimer(_ => OnDue(entry, priority), null, delay, Timeout.InfiniteTimeSpan);
    }

    private void OnDue(CertificateEntry entry, CertificatePriority priority)
    {
        lock (_gate)
        {
            if (!entry.IsForgotten)
            {
                Enqueue(entry, entry.Waiters is null ? priority : CertificatePriority.RealTime);
                StartRequests();
            }
        }
    }

    private static void ClearTimer(CertificateEntry entry)
    {
        entry.Timer?.Dispose();
        entry.Timer = null;
        entry.NextAttempt = null;
    }

    /// <summary>Under the gate.</summary>
    private void Forget(CertificateEntry entry)
    {
        _entries.TryRemove(entry.Identity, out _);
        entry.IsForgotten = true;
        ClearTimer(entry);
        Replace(entry, null);
        entry.Waiters?.TrySetResult(null);
        entry.Waiters = null;
    }

    /// <summary>Under the gate.</summary>
    private static void Replace(CertificateEntry entry, KeyedCertificate? next)
    {
        KeyedCertificate? previous = entry.Current;
        entry.Current = next;
        if (previous is not null && !ReferenceEquals(previous.PrivateKeyPkcs8, next?.PrivateKeyPkcs8))
        {
            CryptographicOperations.ZeroMemory(previous.PrivateKeyPkcs8);
        }
    }

    private static TimeSpan RenewalDelay(TimeSpan left)
    {
        // Not a secret: predictable spreading harms nobody.
#pragma warning disable CA5394
        TimeSpan delay = left / 2 * (1 - RenewalSpread + (2 * RenewalSpread * Random.Shared.NextDouble()));
#pragma warning restore CA5394
        return TimeSpan.FromTicks(Math.Clamp(delay.Ticks, s_leastRenewal.Ticks, s_greatestRenewal.Ticks));
    }

    [LoggerMessage(EventId = 1304, Level = LogLevel.Error,
        Message = "The request for {Identity} met a fault in the proxy. Please report it.")]
    private static partial void Faulted(ILogger logger, SpiffeId identity, Exception fault);

    [LoggerMessage(EventId = 1301, Level = LogLevel.Information, Message = "Certificate for {Identity}, valid until {NotAfter:u}.")]
    private static partial void Issued(ILogger logger, SpiffeId identity, DateTimeOffset notAfter);

    [LoggerMessage(EventId = 1302, Level = LogLevel.Warning,
        Message = "No certificate for {Identity}: {Reason}. What is valid stays in use; trying again in {DelaySeconds:F1} s.")]
    private static partial void Failed(ILogger logger, SpiffeId identity, string reason, double delaySeconds);
}
