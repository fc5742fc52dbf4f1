using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Keys;

namespace Mesh.Control.Keys;

/// <summary>
/// The keys that policies refer to: fetched when a policy first does, again every 20 minutes, and sooner after a failure. What was good
/// last is kept until something good replaces it; where there was never anything, no token is accepted. Any thread.
/// </summary>
internal sealed partial class KeyStore(KeyFetcher fetcher, TimeProvider time, ILogger<KeyStore> logger) : IKeyReader
{
    private const int ConcurrentMax = 4;
    private const double JitterShare = 0.1;

    private static readonly TimeSpan s_lookInterval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan s_refreshInterval = TimeSpan.FromMinutes(20);
    private static readonly TimeSpan s_retryFirst = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_retryMax = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<KeyLocation, Entry> _entries = [];
    private long _version;

    /// <summary>Keys differ from before. Called by <see cref="RunAsync"/>.</summary>
    public event Action? Changed;

    /// <inheritdoc/>
    public long Version => Interlocked.Read(ref _version);

    /// <inheritdoc/>
    public ImmutableArray<PublicKey> KeysAt(KeyLocation location)
    {
        lock (_lock)
        {
            return _entries.TryGetValue(location, out Entry? entry) ? entry.Keys : [];
        }
    }

    /// <summary>Says which keys the model refers to. Others are forgotten.</summary>
    public void Want(MeshModel model)
    {
        HashSet<KeyLocation> wanted =
        [
            .. model.Namespaces.Values
                .SelectMany(entry => entry.Policies)
                .SelectMany(policy => policy.TokenRules)
                .Select(rule => rule.KeyLocation)
                .OfType<KeyLocation>(),
        ];
        lock (_lock)
        {
            foreach (KeyLocation gone in _entries.Keys.Where(location => !wanted.Contains(location)).ToArray())
            {
                _entries.Remove(gone);
            }

            foreach (KeyLocation location in wanted)
            {
                _entries.TryAdd(location, new Entry { DueAt = time.GetUtcNow() });
            }
        }
    }

    /// <summary>Fetches what is due, until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        using var timer = new PeriodicTimer(s_lookInterval, time);
        do
        {
            await FetchDueAsync(cancellation);
        }
        while (await timer.WaitForNextTickAsync(cancellation));
    }

    /// <summary>Fetches what is due now.</summary>
    public async Task FetchDueAsync(CancellationToken cancellation)
    {
        KeyLocation[] due;
        lock (_lock)
        {
            DateTimeOffset now = time.GetUtcNow();
            due = [.. _entries.Where(entry => entry.Value.DueAt <= now).Select(entry => entry.Key)];
        }

        if (due.Length == 0)
        {
            return;
        }

        long before = Version;
        await Parallel.ForEachAsync(
            due,
            new ParallelOptions { MaxDegreeOfParallelism = ConcurrentMax, CancellationToken = cancellation },
            async (location, stopping) => Take(location, await fetcher.FetchAsync(location, stopping)));
        if (Version != before)
        {
            Changed?.Invoke();
        }
    }

    private void Take(KeyLocation location, JsonWebKeySet set)
    {
        // What stands after the path could be a secret.
        string place = new Uri(location.Uri).GetLeftPart(UriPartial.Path);
        lock (_lock)
        {
            if (!_entries.TryGetValue(location, out Entry? entry))
            {
                return;
            }

            if (set.Problem is { } problem)
            {
                entry.DueAt = time.GetUtcNow() + Jittered(entry.Backoff);
                entry.Backoff = entry.Backoff * 2 < s_retryMax ? entry.Backoff * 2 : s_retryMax;
                if (entry.Problem != problem)
                {
                    entry.Problem = problem;
                    string consequence = entry.Keys.IsEmpty ? "No token of theirs is accepted." : "Those known before stay in force.";
                    NotFetched(logger, place, problem, consequence);
                }

                return;
            }

            entry.DueAt = time.GetUtcNow() + Jittered(s_refreshInterval);
            entry.Backoff = s_retryFirst;
            entry.Problem = null;
            if (!AreSame(entry.Keys, set.Keys))
            {
                entry.Keys = set.Keys;
                Interlocked.Increment(ref _version);
                Fetched(logger, set.Keys.Length, place, string.Join(' ', set.LeftOut));
            }
        }
    }

    private static TimeSpan Jittered(TimeSpan interval) => interval * (1 + (JitterShare * ((2 * Random.Shared.NextDouble()) - 1)));

    private static bool AreSame(ImmutableArray<PublicKey> left, ImmutableArray<PublicKey> right) =>
        left.Length == right.Length && left.Zip(right).All(pair =>
            (pair.First.Id, pair.First.Algorithm, pair.First.Kind) == (pair.Second.Id, pair.Second.Algorithm, pair.Second.Kind)
            && pair.First.First.AsSpan().SequenceEqual(pair.Second.First.AsSpan())
            && pair.First.Second.AsSpan().SequenceEqual(pair.Second.Second.AsSpan()));

    [LoggerMessage(EventId = 1601, Level = LogLevel.Information, Message = "{Count} keys of {Place} are in force. {LeftOut}")]
    private static partial void Fetched(ILogger logger, int count, string place, string leftOut);

    [LoggerMessage(EventId = 1602, Level = LogLevel.Warning, Message = "The keys of {Place} cannot be fetched. {Problem} {Consequence}")]
    private static partial void NotFetched(ILogger logger, string place, string problem, string consequence);

    private sealed class Entry
    {
        public ImmutableArray<PublicKey> Keys { get; set; } = [];

        public DateTimeOffset DueAt { get; set; }

        public TimeSpan Backoff { get; set; } = s_retryFirst;

        public string? Problem { get; set; }
    }
}
