using System.Net;
using System.Security.Cryptography;
using System.Text;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>Asks the API server whose a token is, as <see cref="TokenReviews.AskAsync"/> does.</summary>
internal delegate Task<RecognisedToken> TokenReviewer(string token, string @namespace, string account, CancellationToken cancellation);

/// <summary>
/// The tokens that the kubelet gives to proxies. The API server is asked about each, and its answer is remembered for a minute; while the
/// API server is away, a token that was good stays so until it expires. Tokens that were good and all others share nothing: whoever makes
/// up any number of them displaces none that is known and is not asked about before it. Any thread.
/// </summary>
/// <param name="review">Asks.</param>
/// <param name="accounts">Service accounts of nodes, <c>NAMESPACE/NAME</c>.</param>
/// <param name="audience">Whom tokens must be for.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says when nobody can be asked.</param>
internal sealed partial class ServiceAccountTokens(
    TokenReviewer review, IReadOnlyList<string> accounts, string audience, TimeProvider time, ILogger<ServiceAccountTokens> logger)
    : INodeTokens, IDisposable
{
    /// <summary>
    /// Good tokens remembered of one node: its proxy has one, and others before it is renewed or replaced. Who has more has the one that
    /// expires first asked about as if it were new.
    /// </summary>
    public const int GoodPerNodeMax = 16;

    /// <summary>Refusals remembered; to forget one costs no more than another question.</summary>
    private const int OthersMax = 4_096;

    /// <summary>Questions at once about tokens that were good; others wait for their turn.</summary>
    private const int GoodAtOnceMax = 16;

    private static readonly TimeSpan s_goodFor = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_refusedFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_unavailableFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_waitMax = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();

    /// <summary>By the token's hash: what the API server has confirmed, until it expires or is refused.</summary>
    private readonly Dictionary<string, Entry> _good = new(StringComparer.Ordinal);

    /// <summary>What is being asked about for the first time, and what was not confirmed.</summary>
    private readonly Dictionary<string, Entry> _others = new(StringComparer.Ordinal);

    private readonly UnknownTokenLimit _limit = new(time);
    private readonly SemaphoreSlim _askingGood = new(GoodAtOnceMax);
    private readonly CancellationTokenSource _stopping = new();
    private long _saidAt;

    /// <summary>As the API server names a service account among users.</summary>
    public static string UserOf(string @namespace, string account) => $"system:serviceaccount:{@namespace}:{account}";

    public async Task<RecognisedToken> RecogniseAsync(string token, IPAddress? from, CancellationToken cancellation)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (TokenClaims.Read(token) is not { } claims)
        {
            return RecognisedToken.Refused("Neither a join token nor one of a service account.");
        }

        if (claims.ExpiresAt <= now)
        {
            return RecognisedToken.Refused("The token has expired.");
        }

        if (!claims.Audiences.Contains(audience))
        {
            return RecognisedToken.Refused($"The token is not for the audience {audience}.");
        }

        string[]? account = accounts.Select(known => known.Split('/'))
            .FirstOrDefault(known => UserOf(known[0], known[1]) == claims.Subject);
        if (account is null)
        {
            return RecognisedToken.Refused("The token is of another service account than a node's; see --node-account.");
        }

        string key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        var question = new Question(token, key, account, from ?? IPAddress.None);
        return await AnswerAsync(question, claims, now).WaitAsync(cancellation);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _stopping.Dispose();
        _askingGood.Dispose();
    }

    /// <summary>The answer that is known, or is being asked for; each token is asked about once at a time.</summary>
    private Task<RecognisedToken> AnswerAsync(Question question, TokenClaims claims, DateTimeOffset now)
    {
        lock (_lock)
        {
            if (_good.TryGetValue(question.Key, out Entry? good))
            {
                if (good.IsDue(now))
                {
                    good = new Entry(good.LastGood, now, claims.ExpiresAt);
                    _good[question.Key] = good;
                    good.Answer = AskAgainAsync(question, good);
                }

                return good.Answer;
            }

            if (_others.TryGetValue(question.Key, out Entry? other) && !other.IsDue(now))
            {
                return other.Answer;
            }

            if (!_limit.TryTake(question.From))
            {
                return Task.FromResult(RecognisedToken.Unavailable("Too many tokens that nobody knows yet. Try again."));
            }

            MakeRoomForOther(now);
            var entry = new Entry(before: null, now, claims.ExpiresAt);
            _others[question.Key] = entry;
            entry.Answer = AskFirstAsync(question, entry);
            return entry.Answer;
        }
    }

    /// <summary>About a token that was good; it stays so while nobody says otherwise.</summary>
    private Task<RecognisedToken> AskAgainAsync(Question question, Entry entry) => Task.Run(async () =>
    {
        RecognisedToken said = await TryAskAsync(question, _askingGood)
            ?? entry.LastGood
            ?? RecognisedToken.Unavailable("The API server does not say whose the token is. Try again.");
        Settle(question.Key, entry, said);
        return said;
    });

    /// <summary>About a token that nobody has confirmed. <see cref="UnknownTokenLimit"/> has let it through, so it has its place.</summary>
    private Task<RecognisedToken> AskFirstAsync(Question question, Entry entry) => Task.Run(async () =>
    {
        try
        {
            RecognisedToken said = await TryAskAsync(question, places: null)
                ?? RecognisedToken.Unavailable("The API server does not say whose the token is. Try again.");
            Settle(question.Key, entry, said);
            return said;
        }
        finally
        {
            _limit.Release(question.From);
        }
    });

    /// <param name="question">What to ask.</param>
    /// <param name="places">In which one is waited for; null when there is one.</param>
    /// <returns>Null when nobody says.</returns>
    private async Task<RecognisedToken?> TryAskAsync(Question question, SemaphoreSlim? places)
    {
        using var late = new CancellationTokenSource(s_waitMax, time);
        bool isAsking = false;
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, late.Token);
            if (places is not null)
            {
                await places.WaitAsync(limit.Token);
                isAsking = true;
            }

            return await review(question.Token, question.Account[0], question.Account[1], limit.Token);
        }
        catch (Exception exception) when (exception
            is ApiException or HttpRequestException or IOException or InvalidOperationException or OperationCanceledException)
        {
            Say(exception.Message);
            return null;
        }
        finally
        {
            if (isAsking)
            {
                places!.Release();
            }
        }
    }

    /// <summary>Puts a token where its answer belongs.</summary>
    private void Settle(string key, Entry entry, RecognisedToken said)
    {
        lock (_lock)
        {
            entry.Said = said;
            if (said.Caller is { } caller)
            {
                _others.Remove(key);
                if (_good.TryAdd(key, entry))
                {
                    MakeRoomForGood(caller.Node, time.GetUtcNow());
                }
            }
            else if (_good.Remove(key))
            {
                MakeRoomForOther(time.GetUtcNow());
                _others[key] = entry;
            }
        }
    }

    /// <summary>Drops what has expired, and of a node that has too many the one that expires first.</summary>
    private void MakeRoomForGood(string node, DateTimeOffset now)
    {
        foreach (string expired in _good.Where(known => known.Value.ExpiresAt <= now).Select(known => known.Key).ToList())
        {
            _good.Remove(expired);
        }

        List<KeyValuePair<string, Entry>> own = [.. _good.Where(known => known.Value.LastGood?.Caller?.Node == node)];
        if (own.Count > GoodPerNodeMax)
        {
            _good.Remove(own.MinBy(known => known.Value.ExpiresAt).Key);
        }
    }

    /// <summary>
    /// What is being asked is at most <see cref="UnknownTokenLimit.AtOnceMax"/>, so forgetting what was answered is enough.
    /// </summary>
    private void MakeRoomForOther(DateTimeOffset now)
    {
        if (_others.Count < OthersMax)
        {
            return;
        }

        bool isAnyDue = _others.Values.Any(other => other.IsDue(now));
        foreach (string key in _others.Where(other => isAnyDue ? other.Value.IsDue(now) : other.Value.Said is not null)
            .Select(other => other.Key)
            .ToList())
        {
            _others.Remove(key);
        }
    }

    /// <summary>Every node asks, and all of them at once when the API server comes to be away.</summary>
    private void Say(string problem)
    {
        long now = time.GetTimestamp();
        long last = Volatile.Read(ref _saidAt);
        if ((last == 0 || time.GetElapsedTime(last, now) >= s_goodFor) && Interlocked.CompareExchange(ref _saidAt, now, last) == last)
        {
            NotReviewed(logger, problem);
        }
    }

    [LoggerMessage(
        EventId = 1701,
        Level = LogLevel.Warning,
        Message = "The API server cannot be asked whose a token is: {Problem} Nodes it was asked about before are known until their "
            + "tokens expire; others have to wait.")]
    private static partial void NotReviewed(ILogger logger, string problem);

    /// <param name="Token">As presented.</param>
    /// <param name="Key">Its hash.</param>
    /// <param name="Account">Namespace and name of whose it says it is.</param>
    /// <param name="From">Who presents it.</param>
    private sealed record Question(string Token, string Key, string[] Account, IPAddress From);

    /// <param name="before">The last good answer of an earlier question.</param>
    /// <param name="askedAt">When it was asked.</param>
    /// <param name="expiresAt">Of the token.</param>
    private sealed class Entry(RecognisedToken? before, DateTimeOffset askedAt, DateTimeOffset expiresAt)
    {
        private RecognisedToken? _said;

        public Task<RecognisedToken> Answer { get; set; } = null!;

        public DateTimeOffset ExpiresAt => expiresAt;

        /// <summary>Null until there is an answer.</summary>
        public RecognisedToken? Said
        {
            get => Volatile.Read(ref _said);
            set => Volatile.Write(ref _said, value);
        }

        /// <summary>The last good answer, short of a refusal since.</summary>
        public RecognisedToken? LastGood => Said switch
        {
            { Caller: not null } good => good,
            null or { IsUnavailable: true } => before,
            _ => null,
        };

        public bool IsDue(DateTimeOffset now)
        {
            if (Said is not { } said)
            {
                return Answer.IsFaulted;
            }

            TimeSpan goodFor = said.Caller is not null ? s_goodFor : said.IsUnavailable ? s_unavailableFor : s_refusedFor;
            return now >= expiresAt || now - askedAt >= goodFor;
        }
    }
}
