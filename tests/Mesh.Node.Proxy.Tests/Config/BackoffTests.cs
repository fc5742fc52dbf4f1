using Mesh.Node.Proxy.Config;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Config;

public sealed class BackoffTests
{
    [Fact]
    public void Delays_double_to_the_longest_within_their_spread_and_start_over_after_a_success()
    {
        var backoff = new Backoff(TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(15), 0.2);
        for (int round = 0; round < 2; round++)
        {
            double expectedMs = 10;
            for (int attempt = 0; attempt < 40; attempt++)
            {
                Assert.InRange(backoff.Next().TotalMilliseconds, expectedMs * 0.8, expectedMs * 1.2);
                expectedMs = Math.Min(expectedMs * 2, 15_000);
            }

            backoff.Reset();
        }
    }

    [Fact]
    public void Two_nodes_do_not_march_in_step()
    {
        Assert.True(Enumerable.Range(0, 50).Select(_ => new Backoff(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(9), 0.2).Next()).Distinct().Count() > 1);
    }
}
