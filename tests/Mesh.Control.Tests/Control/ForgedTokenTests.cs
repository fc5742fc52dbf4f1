using System.Collections.Concurrent;
using System.Net;
using Mesh.Control.Cluster;
using Mesh.Control.Serving.Authentication;
using Mesh.Control.Tests.Support.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Mesh.Control.Tests.Control;

/// <summary>
/// Anybody can make tokens that look like a proxy's. They are questions to the API server that end in a refusal; here it answers none of
/// them, and the clock stands still unless it is said to move.
/// </summary>
public sealed class ForgedTokenTests : IDisposable
{
    private static readonly DateTimeOffset s_start = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly IPAddress s_forger = IPAddress.Parse("10.0.0.66");

    private readonly FakeTimeProvider _time = new(s_start);
    private readonly ConcurrentDictionary<string, string> _nodes = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource<RecognisedToken> _refusal = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ServiceAccountTokens _tokens;
    private int _asked;
    private volatile bool _isAway;

    public ForgedTokenTests() => _tokens = new ServiceAccountTokens(
        ReviewAsync, ["mesh-node/mesh-node-proxy"], "istio-ca", _time, NullLogger<ServiceAccountTokens>.Instance);

    public void Dispose()
    {
        _refusal.TrySetResult(RecognisedToken.Refused("forged"));
        _tokens.Dispose();
    }

    [Fact]
    public async Task However_many_are_presented_a_known_token_is_asked_about_again_and_answered()
    {
        string known = Give("node-1", "known");
        Assert.Equal("node-1", (await AskAsync(known, "10.0.0.1")).Caller!.Node);
        _time.Advance(TimeSpan.FromSeconds(61));

        Task<RecognisedToken>[] forged =
        [
            .. Enumerable.Range(0, 1_000).Select(number => AskAsync(Forge($"{number}"), $"10.0.1.{number % 200}")),
        ];

        Assert.Equal(UnknownTokenLimit.AtOnceMax, forged.Count(answer => !answer.IsCompleted));
        Assert.Equal("node-1", (await AskAsync(known, "10.0.0.1")).Caller!.Node);
        Assert.Equal(2, Volatile.Read(ref _asked));
        Assert.Equal(UnknownTokenLimit.AtOnceMax, forged.Count(answer => !answer.IsCompleted));
        _refusal.SetResult(RecognisedToken.Refused("forged"));
        RecognisedToken[] answers = await Task.WhenAll(forged);
        Assert.Equal(UnknownTokenLimit.AtOnceMax, answers.Count(answer => answer.Problem == "forged"));
        Assert.Equal(1_000 - UnknownTokenLimit.AtOnceMax, answers.Count(answer => answer.IsUnavailable));
    }

    [Fact]
    public async Task A_token_that_was_good_is_so_until_it_expires_though_nobody_can_be_asked_and_others_are_presented()
    {
        string known = Give("node-1", "known");
        Assert.NotNull((await AskAsync(known, "10.0.0.1")).Caller);
        _isAway = true;

        for (int minute = 1; minute < 60; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            for (int number = 0; number < 100; number++)
            {
                Assert.True((await AskAsync(Forge($"{minute}.{number}"), $"10.0.{number}.{minute}")).IsUnavailable);
            }

            Assert.Equal("node-1", (await AskAsync(known, "10.0.0.1")).Caller!.Node);
        }

        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Contains("expired", (await AskAsync(known, "10.0.0.1")).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Refusals_of_any_number_displace_no_token_that_is_known()
    {
        string known = Give("node-1", "known");
        Assert.NotNull((await AskAsync(known, "10.0.0.1")).Caller);
        _refusal.SetResult(RecognisedToken.Refused("forged"));

        // Four of each address and then two seconds: as many as they are let.
        for (int number = 0; number < 25_000; number++)
        {
            Assert.Equal("forged", (await AskAsync(Forge($"{number}"), $"10.1.{number / 200 % 5}.{number % 200}")).Problem);
            if (number % 4_000 == 3_999)
            {
                _time.Advance(TimeSpan.FromSeconds(2));
            }
        }

        Assert.NotNull((await AskAsync(known, "10.0.0.1")).Caller);
        Assert.Equal(1, Volatile.Read(ref _asked));
        _time.Advance(TimeSpan.FromSeconds(61));
        Assert.Equal("forged", (await AskAsync(Forge("another"), "10.1.0.0")).Problem);
        _isAway = true;
        Assert.Equal("node-1", (await AskAsync(known, "10.0.0.1")).Caller!.Node);
    }

    [Fact]
    public async Task Who_presents_many_is_refused_while_a_new_node_of_another_address_is_let_in()
    {
        Task<RecognisedToken>[] forged = [.. Enumerable.Range(0, 100).Select(number => AskAsync(Forge($"{number}"), "10.0.0.66"))];

        Assert.Equal(UnknownTokenLimit.AtOncePerAddressMax, forged.Count(answer => !answer.IsCompleted));
        Assert.Equal("node-2", (await AskAsync(Give("node-2", "new"), "10.0.0.2")).Caller!.Node);
    }

    [Fact]
    public async Task A_token_that_is_refused_later_is_no_longer_known()
    {
        string known = Give("node-1", "known");
        Assert.NotNull((await AskAsync(known, "10.0.0.1")).Caller);
        _nodes.Clear();
        _refusal.SetResult(RecognisedToken.Refused("its pod is gone"));
        _time.Advance(TimeSpan.FromSeconds(61));

        Assert.Equal("its pod is gone", (await AskAsync(known, "10.0.0.1")).Problem);
        _isAway = true;
        _time.Advance(TimeSpan.FromSeconds(11));
        Assert.True((await AskAsync(known, "10.0.0.1")).IsUnavailable);
    }

    [Fact]
    public async Task A_node_of_many_tokens_displaces_its_own_and_no_others()
    {
        string other = Give("node-2", "other");
        Assert.NotNull((await AskAsync(other, "10.0.0.2")).Caller);
        int many = ServiceAccountTokens.GoodPerNodeMax + 1;
        string[] own = [.. Enumerable.Range(0, many).Select(number => Give("node-1", $"{number}", number))];
        foreach (string token in own)
        {
            _time.Advance(TimeSpan.FromMilliseconds(500));
            Assert.NotNull((await AskAsync(token, "10.0.0.1")).Caller);
        }

        int asked = Volatile.Read(ref _asked);
        Assert.NotNull((await AskAsync(other, "10.0.0.2")).Caller);
        Assert.NotNull((await AskAsync(own[^1], "10.0.0.1")).Caller);
        Assert.NotNull((await AskAsync(own[1], "10.0.0.1")).Caller);
        Assert.Equal(asked, Volatile.Read(ref _asked));
        Assert.NotNull((await AskAsync(own[0], "10.0.0.1")).Caller);
        Assert.Equal(asked + 1, Volatile.Read(ref _asked));
    }

    [Fact]
    public void An_address_asks_a_burst_and_then_a_few_a_second()
    {
        var limit = new UnknownTokenLimit(_time);
        for (int number = 0; number < UnknownTokenLimit.BurstMax; number++)
        {
            Assert.True(Answer(limit));
        }

        Assert.False(Answer(limit));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(UnknownTokenLimit.PerSecond, Enumerable.Range(0, 10).Count(_ => Answer(limit)));
        _time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(UnknownTokenLimit.BurstMax, Enumerable.Range(0, 10).Count(_ => Answer(limit)));
    }

    [Fact]
    public void Addresses_without_end_are_refused_and_forgotten_when_they_ask_no_more()
    {
        var limit = new UnknownTokenLimit(_time);
        Assert.Equal(4_096, Enumerable.Range(0, 5_000).Count(number => Answer(limit, new IPAddress(number))));

        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(Answer(limit, new IPAddress(5_001)));
    }

    private static bool Answer(UnknownTokenLimit limit, IPAddress? from = null)
    {
        bool isTaken = limit.TryTake(from ?? s_forger);
        if (isTaken)
        {
            limit.Release(from ?? s_forger);
        }

        return isTaken;
    }

    private static string Forge(string signature) =>
        AccountTokens.Make(AccountTokens.Proxy, "istio-ca", s_start.AddYears(1), $"forged {signature}");

    private string Give(string node, string signature, int seconds = 0)
    {
        string token = AccountTokens.Make(AccountTokens.Proxy, "istio-ca", s_start.AddHours(1).AddSeconds(seconds), signature);
        _nodes[token] = node;
        return token;
    }

    private Task<RecognisedToken> AskAsync(string token, string from) =>
        _tokens.RecogniseAsync(token, IPAddress.Parse(from), TestContext.Current.CancellationToken);

    /// <summary>Counts the questions about tokens that are real; those about forged ones are answered when the test says so.</summary>
    private Task<RecognisedToken> ReviewAsync(string token, string @namespace, string account, CancellationToken cancellation)
    {
        if (_isAway)
        {
            throw new HttpRequestException("away");
        }

        if (!_nodes.TryGetValue(token, out string? node))
        {
            return _refusal.Task.WaitAsync(cancellation);
        }

        Interlocked.Increment(ref _asked);
        return Task.FromResult(RecognisedToken.Of(new NodeCaller(node, $"{@namespace}/{account}", CancellationToken.None)));
    }
}
