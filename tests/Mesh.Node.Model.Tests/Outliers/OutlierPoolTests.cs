using Mesh.Node.Model.Outliers;
using Xunit;

namespace Mesh.Node.Model.Tests.Outliers;

/// <summary>Who is left out, for how long, and how they come back (reference 0.2, B.2, E.2).</summary>
public sealed class OutlierPoolTests
{
    private const long Second = 1_000;

    private static readonly OutlierOptions s_three = new() { Consecutive5xx = 3 };

    [Theory]
    [InlineData(AttemptResult.ServerError, EjectionCause.Consecutive5xx)]
    [InlineData(AttemptResult.GatewayError, EjectionCause.Consecutive5xx)]
    [InlineData(AttemptResult.LocalOriginFailure, EjectionCause.Consecutive5xx)]
    public void Failures_in_a_row_eject_at_the_threshold_and_not_before(AttemptResult failure, EjectionCause cause)
    {
        (_, OutlierEndpoint[] endpoints) = PoolOf(10, s_three);

        Fail(endpoints[0], failure, times: 2);
        Assert.False(endpoints[0].IsEjected);

        Fail(endpoints[0], failure, times: 1);
        Assert.True(endpoints[0].IsEjected);
        Assert.Equal(cause, endpoints[0].Cause);
    }

    [Fact]
    public void Any_success_starts_the_count_anew()
    {
        (_, OutlierEndpoint[] endpoints) = PoolOf(10, s_three);

        Fail(endpoints[0], AttemptResult.ServerError, times: 2);
        endpoints[0].Report(AttemptResult.Success, latencyMs: 1, nowMs: 0);
        Fail(endpoints[0], AttemptResult.ServerError, times: 2);

        Assert.False(endpoints[0].IsEjected);
    }

    [Fact]
    public void Gateway_errors_have_a_count_of_their_own_that_another_error_starts_anew()
    {
        (_, OutlierEndpoint[] endpoints) = PoolOf(10, new OutlierOptions { Consecutive5xx = 0, ConsecutiveGatewayErrors = 2 });

        endpoints[0].Report(AttemptResult.GatewayError, 1, 0);
        endpoints[0].Report(AttemptResult.ServerError, 1, 0);
        endpoints[0].Report(AttemptResult.GatewayError, 1, 0);
        Assert.False(endpoints[0].IsEjected);

        endpoints[0].Report(AttemptResult.LocalOriginFailure, 1, 0);
        Assert.Equal(EjectionCause.ConsecutiveGatewayErrors, endpoints[0].Cause);
    }

    [Fact]
    public void Failures_without_an_answer_are_counted_apart_where_that_is_wanted()
    {
        var options = new OutlierOptions { Consecutive5xx = 2, SplitsLocalOrigin = true, ConsecutiveLocalOriginFailures = 3 };
        (_, OutlierEndpoint[] endpoints) = PoolOf(10, options);

        Fail(endpoints[0], AttemptResult.LocalOriginFailure, times: 2);
        Assert.False(endpoints[0].IsEjected);
        Fail(endpoints[0], AttemptResult.LocalOriginFailure, times: 1);
        Assert.Equal(EjectionCause.ConsecutiveLocalOriginFailures, endpoints[0].Cause);

        // An answer of any kind shows that the endpoint is reached.
        Fail(endpoints[1], AttemptResult.LocalOriginFailure, times: 2);
        Fail(endpoints[1], AttemptResult.ServerError, times: 1);
        Fail(endpoints[1], AttemptResult.LocalOriginFailure, times: 2);
        Assert.False(endpoints[1].IsEjected);
    }

    [Fact]
    public void A_threshold_of_zero_never_ejects()
    {
        (_, OutlierEndpoint[] endpoints) = PoolOf(10, new OutlierOptions { Consecutive5xx = 0 });

        Fail(endpoints[0], AttemptResult.GatewayError, times: 1_000);

        Assert.False(endpoints[0].IsEjected);
    }

    [Theory]
    [InlineData(1, 10, 1)]
    [InlineData(2, 10, 1)]
    [InlineData(9, 10, 1)]
    [InlineData(20, 10, 2)]
    [InlineData(29, 10, 2)]
    [InlineData(4, 50, 2)]
    [InlineData(3, 100, 3)]
    [InlineData(3, 0, 1)]
    public void No_more_than_the_limit_are_out_but_one_always_may_be(int endpoints, int percent, int ejected)
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(endpoints, s_three with { MaxEjectionPercent = percent });

        Assert.All(all, endpoint => Fail(endpoint, AttemptResult.ServerError, times: 3));

        Assert.Equal(ejected, all.Count(endpoint => endpoint.IsEjected));
        Assert.Equal(ejected, pool.EjectedCount);
        Assert.Equal(ejected, pool.EjectionsTotal);
        Assert.Equal(endpoints - ejected, pool.OverflowsTotal);
    }

    [Fact]
    public void An_endpoint_that_was_spared_goes_with_its_next_failure_once_there_is_room()
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(2, s_three);
        Assert.All(all, endpoint => Fail(endpoint, AttemptResult.ServerError, times: 3));
        Assert.False(all[1].IsEjected);

        pool.Remove(all[0]);
        Fail(all[1], AttemptResult.ServerError, times: 1);

        Assert.True(all[1].IsEjected);
        Assert.Equal(1, pool.EjectedCount);
    }

    [Fact]
    public void The_nth_ejection_in_a_row_lasts_n_times_as_long_up_to_the_longest()
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(10, s_three);
        long nowMs = 0;
        foreach (int seconds in (int[])[30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
        {
            Fail(all[0], AttemptResult.ServerError, times: 3, nowMs);
            pool.Sweep(nowMs + (seconds * Second) - 1);
            Assert.True(all[0].IsEjected, $"still out before {seconds} s");
            nowMs += seconds * Second;
            pool.Sweep(nowMs);
            Assert.False(all[0].IsEjected, $"back after {seconds} s");
        }
    }

    [Fact]
    public void Each_interval_in_which_it_stays_well_makes_the_next_ejection_shorter()
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(10, s_three);
        Fail(all[0], AttemptResult.ServerError, times: 3);
        pool.Sweep(30 * Second);
        pool.Sweep(40 * Second);

        Fail(all[0], AttemptResult.ServerError, times: 3, nowMs: 50 * Second);
        pool.Sweep(80 * Second);

        Assert.False(all[0].IsEjected);
    }

    [Fact]
    public void A_base_longer_than_the_longest_is_kept()
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(10, s_three with { BaseEjection = TimeSpan.FromMinutes(10) });
        Fail(all[0], AttemptResult.ServerError, times: 3);

        pool.Sweep(599 * Second);
        Assert.True(all[0].IsEjected);
        pool.Sweep(600 * Second);
        Assert.False(all[0].IsEjected);
    }

    [Fact]
    public void Who_comes_back_needs_as_many_failures_as_the_first_time()
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(10, s_three);

        // What was under way when it was ejected comes in while it is out.
        Fail(all[0], AttemptResult.ServerError, times: 10);
        pool.Sweep(30 * Second);

        Fail(all[0], AttemptResult.ServerError, times: 2, nowMs: 31 * Second);
        Assert.False(all[0].IsEjected);
        Fail(all[0], AttemptResult.ServerError, times: 1, nowMs: 31 * Second);
        Assert.True(all[0].IsEjected);
    }

    [Theory]
    [InlineData(50, true)]
    [InlineData(97, false)]
    public void A_success_rate_far_below_the_others_ejects(int successPercent, bool isEjected)
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(10, new OutlierOptions { Consecutive5xx = 0, SuccessRate = new SuccessRateOptions() });
        for (int i = 0; i < all.Length; i++)
        {
            // The others lie between 96 and 100, so that there is a deviation.
            Answer(all[i], 100, i == 0 ? successPercent : 96 + (i % 5));
        }

        pool.Sweep(10 * Second);

        Assert.Equal(isEjected, all[0].IsEjected);
        Assert.Equal(isEjected ? EjectionCause.SuccessRate : null, all[0].Cause);
        Assert.DoesNotContain(all[1..], endpoint => endpoint.IsEjected);
    }

    [Theory]
    [InlineData(4, 100)]
    [InlineData(10, 99)]
    public void Too_few_endpoints_or_requests_are_not_compared(int endpoints, int requests)
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(endpoints, new OutlierOptions { Consecutive5xx = 0, SuccessRate = new SuccessRateOptions() });
        for (int i = 0; i < all.Length; i++)
        {
            Answer(all[i], requests, i == 0 ? 0 : requests);
        }

        pool.Sweep(10 * Second);

        Assert.Equal(0, pool.EjectedCount);
    }

    [Fact]
    public void Only_what_one_interval_counted_is_compared()
    {
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(10, new OutlierOptions { Consecutive5xx = 0, SuccessRate = new SuccessRateOptions() });
        for (int sweep = 1; sweep <= 3; sweep++)
        {
            Assert.All(all, endpoint => Answer(endpoint, 60, endpoint == all[0] ? 0 : 60));
            pool.Sweep(sweep * 10 * Second);
        }

        Assert.Equal(0, pool.EjectedCount);
    }

    [Theory]
    [InlineData(300, true)]
    [InlineData(150, false)]
    public void Who_answers_far_slower_than_the_others_is_ejected(int latencyMs, bool isEjected)
    {
        var options = new OutlierOptions { Consecutive5xx = 0, Latency = new LatencyOptions(3, 20, 200, TimeSpan.FromMilliseconds(50)) };
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(4, options);
        foreach (OutlierEndpoint endpoint in all)
        {
            Answer(endpoint, 20, 20, endpoint == all[0] ? latencyMs : 100);
        }

        pool.Sweep(10 * Second);

        Assert.Equal(isEjected, all[0].IsEjected);
        Assert.Equal(isEjected ? 1 : 0, pool.EjectedCount);
    }

    [Fact]
    public void What_was_not_answered_makes_nobody_faster()
    {
        var options = new OutlierOptions { Consecutive5xx = 0, Latency = new LatencyOptions(3, 20, 200, TimeSpan.FromMilliseconds(50)) };
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(4, options);
        foreach (OutlierEndpoint endpoint in all)
        {
            Answer(endpoint, 20, 20, endpoint == all[0] ? 300 : 100);
        }

        Fail(all[0], AttemptResult.LocalOriginFailure, times: 80);
        pool.Sweep(10 * Second);

        Assert.Equal(EjectionCause.Latency, all[0].Cause);
    }

    [Fact]
    public void Nobody_is_too_slow_below_the_floor()
    {
        var options = new OutlierOptions { Consecutive5xx = 0, Latency = new LatencyOptions(3, 20, 200, TimeSpan.FromMilliseconds(50)) };
        (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(4, options);
        Assert.All(all, endpoint => Answer(endpoint, 20, 20, endpoint == all[0] ? 40 : 1));

        pool.Sweep(10 * Second);

        Assert.Equal(0, pool.EjectedCount);
    }

    [Fact]
    public async Task Threads_that_report_at_once_eject_an_endpoint_once()
    {
        for (int round = 0; round < 50; round++)
        {
            (OutlierPool pool, OutlierEndpoint[] all) = PoolOf(10, s_three);

            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() => Fail(all[0], AttemptResult.ServerError, times: 100))));

            Assert.True(all[0].IsEjected);
            Assert.Equal((1, 1L, 0L), (pool.EjectedCount, pool.EjectionsTotal, pool.OverflowsTotal));
        }
    }

    private static (OutlierPool Pool, OutlierEndpoint[] Endpoints) PoolOf(int endpoints, OutlierOptions options)
    {
        var pool = new OutlierPool(options);
        return (pool, [.. Enumerable.Range(0, endpoints).Select(index => pool.Add($"endpoint-{index}"))]);
    }

    private static void Fail(OutlierEndpoint endpoint, AttemptResult failure, int times, long nowMs = 0)
    {
        for (int i = 0; i < times; i++)
        {
            endpoint.Report(failure, latencyMs: 1, nowMs);
        }
    }

    private static void Answer(OutlierEndpoint endpoint, int requests, int successes, int latencyMs = 1)
    {
        for (int i = 0; i < requests; i++)
        {
            endpoint.Report(i < successes ? AttemptResult.Success : AttemptResult.ServerError, latencyMs, nowMs: 0);
        }
    }
}
