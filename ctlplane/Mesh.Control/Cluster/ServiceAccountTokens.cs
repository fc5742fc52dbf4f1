using System.Security.Cryptography;
using System.Text;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Sources.Kubernetes;

namespace Mesh.Control.Cluster;

/// <summary>
/// The tokens that the kubelet gives to proxies. The API server is asked about each, and its answer is remembered for a minute; while the
/// API server is away, a token that was good stays so until it expires. Any thread.
/// </summary>
/// <param name="reviews">Asks.</param>
/// <param name="accounts">Service accounts of nodes, <c>NAMESPACE/NAME</c>.</param>
/// <param name="audience">Whom tokens must be for.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Says when nobody can be asked.</param>
internal sealed partial class ServiceAccountTokens(
    TokenReviews reviews, IReadOnlyList<string> accounts, string audience, TimeProvider time, ILogger<ServiceAccountTokens> logger)
    : INodeTokens, IDisposable
{
    /// <summary>Tokens remembered: a node has one, and another while it is renewed.</summary>
    private const int TokensMax = 20_000;

    private const int AskedAtOnceMax = 16;
    private static readonly TimeSpan s_goodFor = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan s_refusedFor = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_unavailableFor = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_waitMax = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Entry> _known = new(StringComparer.Ordinal);
    private readonly SemaphoreSlim _asking = new(AskedAtOnceMax);
    private readonly CancellationTokenSource _stopping = new();
    private long _saidAt;

    /// <summary>As the API server names a service account among users.</summary>
    public static string UserOf(string @namespace, string account) => $"system:serviceaccount:{@namespace}:{account}";

    public async Task<RecognisedToken> RecogniseAsync(string token, CancellationToken cancellation)
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

        return await AnswerAsync(token, claims, account, now).WaitAsync(cancellation);
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _stopping.Dispose();
        _asking.Dispose();
    }

    /// <summary>The answer that is known, or is being asked for; each token is asked about once at a time.</summary>
    private Task<RecognisedToken> AnswerAsync(string token, TokenClaims claims, string[] account, DateTimeOffset now)
    {
        string key = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        lock (_lock)
        {
            if (_known.TryGetValue(key, out Entry? known) && !known.IsDue(now))
            {
                return known.Answer;
            }

            if (known is null && _known.Count >= TokensMax && !MakeRoom(now))
            {
                return Task.FromResult(RecognisedToken.Unavailable("Too many tokens at once. Try again."));
            }

            var entry = new Entry(known?.LastGood, now, claims.ExpiresAt);
            entry.Answer = Task.Run(() => AskAsync(token, account, entry, _stopping.Token));
            _known[key] = entry;
            return entry.Answer;
        }
    }

    private async Task<RecognisedToken> AskAsync(string token, string[] account, Entry entry, CancellationToken stopping)
    {
        RecognisedToken? said = await TryAskAsync(token, account, stopping);
        said ??= entry.LastGood ?? RecognisedToken.Unavailable("The API server does not say whose the token is. Try again.");
        entry.Said = said;
        return said;
    }

    /// <returns>Null when nobody says.</returns>
    private async Task<RecognisedToken?> TryAskAsync(string token, string[] account, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(s_waitMax);
        bool isAsking = false;
        try
        {
            await _asking.WaitAsync(limit.Token);
            isAsking = true;
            return await reviews.AskAsync(token, account[0], account[1], limit.Token);
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
                _asking.Release();
            }
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

    /// <returns>Whether there is room for another.</returns>
    private bool MakeRoom(DateTimeOffset now)
    {
        foreach (string key in _known.Where(entry => entry.Value.IsDue(now)).Select(entry => entry.Key).ToList())
        {
            _known.Remove(key);
        }

        return _known.Count < TokensMax;
    }

    [LoggerMessage(
        EventId = 1701,
        Level = LogLevel.Warning,
        Message = "The API server cannot be asked whose a token is: {Problem} Nodes it was asked about before are known until their "
            + "tokens expire; others have to wait.")]
    private static partial void NotReviewed(ILogger logger, string problem);

    /// <param name="before">The last good answer of an earlier question.</param>
    /// <param name="askedAt">When it was asked.</param>
    /// <param name="expiresAt">Of the token.</param>
    private sealed class Entry(RecognisedToken? before, DateTimeOffset askedAt, DateTimeOffset expiresAt)
    {
        private RecognisedToken? _said;

        public Task<RecognisedToken> Answer { get; set; } = null!;

        /// <summary>Null until there is an answer.</summary>
        public RecognisedToken? Said
        {
            private get => Volatile.Read(ref _said);
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
