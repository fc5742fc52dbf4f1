using System.Collections.Immutable;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Retries;
using Xunit;

namespace Mesh.Node.Model.Tests.Retries;

/// <summary>After what a request is sent once more, and how soon (reference 0.5, B.1, E.3).</summary>
public sealed class RetryPolicyTests
{
    private const int Draws = 10_000;

    [Theory]
    [InlineData("5xx", "500 501 502 503 504 599", "connect refused before reset timeout", "")]
    [InlineData("gateway-error", "502 503 504", "connect refused before reset timeout", "")]
    [InlineData("reset", "", "refused before reset timeout", "")]
    [InlineData("reset-before-request", "", "before", "")]
    [InlineData("connect-failure", "", "connect", "")]
    [InlineData("refused-stream", "", "refused", "")]
    [InlineData("retriable-4xx", "409", "", "")]
    [InlineData("retriable-status-codes", "", "", "")]
    [InlineData("429,418", "418 429", "", "")]
    [InlineData("cancelled", "", "", "1")]
    [InlineData("deadline-exceeded", "", "", "4")]
    [InlineData("internal", "", "", "13")]
    [InlineData("resource-exhausted", "", "", "8")]
    [InlineData("unavailable", "", "", "14")]
    [InlineData("connect-failure, refused-stream,503 ,unavailable", "503", "connect refused", "14")]
    [InlineData("", "", "", "")]
    public void Each_condition_allows_what_it_names_and_nothing_else(string list, string statuses, string kinds, string grpcStatuses)
    {
        RetryPolicy policy = PolicyOf(list);

        Assert.Equal(statuses, Join(Enumerable.Range(100, 500).Where(status => policy.Allows(AttemptOutcome.Answered(status)))));
        Assert.Equal(grpcStatuses, Join(Enumerable.Range(0, 17).Where(status => policy.Allows(AttemptOutcome.Answered(200, status)))));
        Assert.Equal(kinds, string.Join(' ', s_kinds.Where(kind => policy.Allows(new AttemptOutcome(kind.Kind))).Select(kind => kind.Name)));

        static string Join(IEnumerable<int> numbers) => string.Join(' ', numbers.Where(number => number is <= 504 or 599));
    }

    [Theory]
    [InlineData("5xx,gateway-error,reset,connect-failure")]
    public void What_a_limit_of_ours_kept_back_is_never_tried_again(string list) =>
        Assert.False(PolicyOf(list).Allows(new AttemptOutcome(AttemptOutcomeKind.Overflow)));

    [Theory]
    [InlineData("5xx", false)]
    [InlineData("envoy-ratelimited", true)]
    [InlineData("5xx,envoy-ratelimited", true)]
    public void Who_limits_is_asked_again_only_where_that_is_wanted(string list, bool isAllowed) =>
        Assert.Equal(isAllowed, PolicyOf(list).Allows(AttemptOutcome.Answered(503, isRateLimited: true)));

    [Fact]
    public void Where_nothing_is_said_two_more_attempts_follow_what_was_not_processed()
    {
        RetryPolicy policy = RetryPolicy.Default;

        Assert.Equal(2, policy.Retries);
        Assert.True(policy.Allows(new AttemptOutcome(AttemptOutcomeKind.ConnectFailure)));
        Assert.True(policy.Allows(new AttemptOutcome(AttemptOutcomeKind.RefusedStream)));
        Assert.True(policy.Allows(AttemptOutcome.Answered(200, grpcStatus: 14)));
        Assert.True(policy.Allows(AttemptOutcome.Answered(200, grpcStatus: 1)));
        Assert.False(policy.Allows(AttemptOutcome.Answered(503)));
        Assert.False(policy.Allows(new AttemptOutcome(AttemptOutcomeKind.Reset)));
        Assert.False(policy.Allows(new AttemptOutcome(AttemptOutcomeKind.ResetBeforeRequest)));
    }

    [Fact]
    public void Never_is_never()
    {
        Assert.Equal(0, RetryPolicy.Never.Retries);
        Assert.All(s_kinds, kind => Assert.False(RetryPolicy.Never.Allows(new AttemptOutcome(kind.Kind))));
    }

    [Theory]
    [InlineData("503,often", "often")]
    [InlineData("5XX", "5XX")]
    [InlineData("600", "600")]
    [InlineData("99", "99")]
    [InlineData("+503", "+503")]
    public void What_is_no_condition_is_named(string list, string unknown)
    {
        Assert.False(RetryConditionList.TryRead(list, out _, out _, out string? named));
        Assert.Equal(unknown, named);
    }

    [Theory]
    [InlineData(1, 25)]
    [InlineData(2, 75)]
    [InlineData(3, 175)]
    [InlineData(4, 250)]
    [InlineData(60, 250)]
    public void Pauses_are_spread_from_nothing_to_a_reach_that_doubles_up_to_a_longest(int retry, int reachMs)
    {
        var random = new RandomState(3);
        double[] pausesMs = [.. Enumerable.Range(0, Draws).Select(_ => RetryPolicy.Default.PauseBefore(retry, ref random).TotalMilliseconds)];

        Assert.All(pausesMs, pause => Assert.InRange(pause, 0, reachMs));

        // Of ten thousand even draws the least and the greatest are this near to the ends, but for one run in e^100.
        Assert.True(pausesMs.Min() < reachMs * 0.01);
        Assert.True(pausesMs.Max() > reachMs * 0.99);
        Assert.InRange(pausesMs.Average(), reachMs * 0.48, reachMs * 0.52);
    }

    [Fact]
    public void A_longest_pause_of_its_own_is_kept()
    {
        var random = new RandomState(3);
        RetryPolicy policy = RetryPolicy.Default with { BackoffMax = TimeSpan.FromMilliseconds(30) };

        Assert.True(Enumerable.Range(0, Draws).Max(_ => policy.PauseBefore(9, ref random)) < TimeSpan.FromMilliseconds(30));
    }

    private static readonly (string Name, AttemptOutcomeKind Kind)[] s_kinds =
    [
        ("connect", AttemptOutcomeKind.ConnectFailure),
        ("refused", AttemptOutcomeKind.RefusedStream),
        ("before", AttemptOutcomeKind.ResetBeforeRequest),
        ("reset", AttemptOutcomeKind.Reset),
        ("timeout", AttemptOutcomeKind.AttemptTimeout),
    ];

    private static RetryPolicy PolicyOf(string list)
    {
        Assert.True(RetryConditionList.TryRead(list, out RetryConditions conditions, out ImmutableArray<int> codes, out string? unknown), unknown);
        return new RetryPolicy { Retries = 1, Conditions = conditions, StatusCodes = codes };
    }
}
