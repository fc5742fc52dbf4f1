using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Routing;
using Xunit;

namespace Mesh.Node.Model.Tests.Routing;

/// <summary>Shares of a split, and what becomes of them when a destination cannot be used.</summary>
public sealed class WeightedDestinationsTests
{
    private const int Draws = 200_000;

    [Theory]
    [InlineData(new uint[] { 50, 50 }, new double[] { 0.5, 0.5 })]
    [InlineData(new uint[] { 90, 10 }, new double[] { 0.9, 0.1 })]
    [InlineData(new uint[] { 9_999, 1 }, new double[] { 0.9999, 0.0001 })]
    [InlineData(new uint[] { 1, 2, 1 }, new double[] { 0.25, 0.5, 0.25 })]
    [InlineData(new uint[] { 0, 1 }, new double[] { 0, 1 })]
    [InlineData(new uint[] { uint.MaxValue, uint.MaxValue }, new double[] { 0.5, 0.5 })]
    public void A_share_is_the_weight_over_the_sum(uint[] weights, double[] shares) => AssertShares(Split(weights), [], shares);

    [Theory]
    [InlineData(new uint[] { 50, 50 }, new[] { 0 }, new double[] { 0, 1 })]
    [InlineData(new uint[] { 98, 1, 1 }, new[] { 0 }, new double[] { 0, 0.5, 0.5 })]
    [InlineData(new uint[] { 50, 30, 20 }, new[] { 1 }, new double[] { 0.714286, 0, 0.285714 })]
    [InlineData(new uint[] { 100, 0 }, new[] { 1 }, new double[] { 1, 0 })]
    public void What_cannot_be_used_is_skipped_and_the_others_take_its_share(uint[] weights, int[] unusable, double[] shares) =>
        AssertShares(Split(weights), unusable, shares);

    [Fact]
    public void Where_shares_are_kept_what_cannot_be_used_has_its_own() =>
        AssertShares(Split([50, 50], keepsUnusable: true), [0], [0.5, 0.5]);

    [Theory]
    [InlineData(new uint[] { 50, 50 }, new[] { 0, 1 })]
    [InlineData(new uint[] { 100, 0 }, new[] { 0 })]
    [InlineData(new uint[] { 0, 0 }, new int[0])]
    [InlineData(new uint[] { 1 }, new[] { 0 })]
    public void Nothing_is_picked_where_nothing_may_be(uint[] weights, int[] unusable)
    {
        var random = new RandomState(1);
        var health = new Unusable([.. unusable]);

        Assert.Equal(WeightedDestinations.None, Split(weights).Pick(in health, ref random));
    }

    [Fact]
    public void A_single_destination_gets_all_whatever_its_weight() => AssertShares(Split([0]), [], [1]);

    [Fact]
    public void Of_many_destinations_the_only_usable_one_gets_all()
    {
        uint[] weights = [.. Enumerable.Repeat(1u, 100)];
        var random = new RandomState(7);
        var health = new Unusable([.. Enumerable.Range(0, 99)]);

        Assert.All(Enumerable.Range(0, 1_000), _ => Assert.Equal(99, Split(weights).Pick(in health, ref random)));
    }

    [Fact]
    public void A_split_has_a_destination() => Assert.Throws<ArgumentOutOfRangeException>(() => Split([]));

    private static WeightedDestinations Split(uint[] weights, bool keepsUnusable = false) => new(
        [.. weights.Select((weight, index) => new WeightedDestination("shop/catalog", 80, $"v{index}", weight))], keepsUnusable);

    private static void AssertShares(WeightedDestinations split, int[] unusable, double[] shares)
    {
        var random = new RandomState(42);
        var health = new Unusable([.. unusable]);
        int[] picks = new int[shares.Length];
        for (int i = 0; i < Draws; i++)
        {
            picks[split.Pick(in health, ref random)]++;
        }

        // Six standard deviations of the rarest draw; what has no share is never drawn.
        Assert.All(shares.Zip(picks), pair => Assert.InRange(
            pair.Second / (double)Draws,
            pair.First - (6 * Math.Sqrt(pair.First * (1 - pair.First) / Draws)),
            pair.First + (6 * Math.Sqrt(pair.First * (1 - pair.First) / Draws)) + 1e-9));
    }

    private sealed class Unusable(HashSet<int> places) : IDestinationHealth
    {
        public bool IsUsable(WeightedDestination destination) =>
            !places.Contains(int.Parse(destination.Subset[1..], System.Globalization.CultureInfo.InvariantCulture));
    }
}
