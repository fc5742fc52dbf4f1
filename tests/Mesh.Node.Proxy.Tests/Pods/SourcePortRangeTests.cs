using System.Collections.Concurrent;
using Mesh.Node.Proxy.Pods;
using Xunit;

namespace Mesh.Node.Proxy.Tests.Pods;

/// <summary>The ports that connections in a client's name are made from.</summary>
public sealed class SourcePortRangeTests
{
    [Theory]
    [InlineData(32_768, 60_999, 0)]
    [InlineData(32_768, 60_999, 65_534)]
    [InlineData(1_024, 60_999, 7)]
    [InlineData(10_000, 65_535, 7)]
    public void Every_port_the_kernel_leaves_free_comes_once_in_a_round_and_none_of_its_own(int first, int last, int seed)
    {
        int[] free = [.. Enumerable.Range(1_024, 65_536 - 1_024).Where(port => port < first || port > last)];
        var range = new SourcePortRange(first, last, seed);
        for (int round = 0; round < 2; round++)
        {
            Assert.Equal(free, Enumerable.Range(0, free.Length).Select(_ => (int)range.Next()).Order());
        }
    }

    [Fact]
    public void Where_the_kernel_leaves_next_to_nothing_any_port_must_do()
    {
        var range = new SourcePortRange(1_100, 65_500, 3);
        Assert.Equal(Enumerable.Range(1_024, 65_536 - 1_024), Enumerable.Range(0, 65_536 - 1_024).Select(_ => (int)range.Next()).Order());
    }

    [Fact]
    public async Task Loops_that_ask_at_once_get_different_ports()
    {
        var range = new SourcePortRange(32_768, 60_999, 0);
        var ports = new ConcurrentBag<int>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < 5_000; i++)
            {
                ports.Add(range.Next());
            }
        })));

        Assert.Equal(20_000, ports.Distinct().Count());
        Assert.DoesNotContain(ports, port => port is >= 32_768 and <= 60_999);
    }
}
