using Mesh.Node.Model.Policies;
using Mesh.Node.Model.Policies.Limits;
using Xunit;

namespace Mesh.Node.Model.Tests.Policies.Limits;

public sealed class TokenBucketTests
{
    private const long TicksPerSecond = 1_000_000_000;
    private const long Start = 5_000_000_000_000;

    [Fact]
    public void A_full_one_lets_a_burst_through_and_then_one_for_each_part_of_the_interval()
    {
        TokenBucket bucket = Bucket(requests: 10, TimeSpan.FromSeconds(1), burst: 3);
        Assert.True(bucket.IsFull(Start));
        Assert.Equal([true, true, true, false, false], Take(bucket, 5, Start));
        Assert.False(bucket.TryTake(Start + 99_999_999));
        Assert.True(bucket.TryTake(Start + 100_000_000));
        Assert.False(bucket.TryTake(Start + 100_000_000));
        Assert.Equal([true, true, false], Take(bucket, 3, Start + 300_000_000));
    }

    [Fact]
    public void It_never_holds_more_than_a_burst_however_long_nobody_asks()
    {
        TokenBucket bucket = Bucket(requests: 1_000, TimeSpan.FromSeconds(1), burst: 2);
        Assert.True(bucket.TryTake(Start));
        Assert.False(bucket.IsFull(Start));
        long later = Start + (3_600 * TicksPerSecond);
        Assert.True(bucket.IsFull(later));
        Assert.Equal([true, true, false], Take(bucket, 3, later));
    }

    [Fact]
    public void What_is_given_back_can_be_taken_again()
    {
        TokenBucket bucket = Bucket(requests: 1, TimeSpan.FromHours(1), burst: 1);
        Assert.Equal([true, false], Take(bucket, 2, Start));
        bucket.GiveBack();
        Assert.Equal([true, false], Take(bucket, 2, Start));
    }

    [Theory]
    [InlineData(1_000_000, 1, 1_000_000)]
    [InlineData(1, 3_600_000, 1_000_000)]
    [InlineData(3, 1, 1)]
    public void The_greatest_and_the_least_are_counted_without_overflow(int requests, int intervalMs, int burst)
    {
        TokenBucket bucket = Bucket(requests, TimeSpan.FromMilliseconds(intervalMs), burst);
        int taken = 0;
        while (bucket.TryTake(Start))
        {
            taken++;
        }

        Assert.Equal(burst, taken);
    }

    [Fact]
    public void Threads_that_take_at_once_take_together_no_more_than_there_is()
    {
        const int Burst = 50_000;
        TokenBucket bucket = Bucket(requests: 1, TimeSpan.FromHours(1), Burst);
        int taken = 0;
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < Burst; i++)
            {
                if (bucket.TryTake(Start))
                {
                    Interlocked.Increment(ref taken);
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(Burst, taken);
    }

    private static bool[] Take(TokenBucket bucket, int times, long nowTicks) =>
        [.. Enumerable.Range(0, times).Select(_ => bucket.TryTake(nowTicks))];

    private static TokenBucket Bucket(int requests, TimeSpan interval, int burst) =>
        new(new RateLimit(new AuthorizationRule([]), requests, interval, burst, IsByClient: false), TicksPerSecond);
}
