using System.Text;
using Mesh.Node.Model.Balancing.Hashing;
using Xunit;

namespace Mesh.Node.Model.Tests.Balancing.Hashing;

/// <summary>Keys stay with their endpoints, and endpoints get their shares, by ring and by table.</summary>
public sealed class ConsistentHashTests
{
    private const int Keys = 100_000;

    private static readonly ulong[] s_keys = [.. Enumerable.Range(0, Keys).Select(key => HashOf($"user-{key}"))];

    // The reference implementation's own examples of XXH64 without a seed: other nodes, and other versions, must agree.
    [Theory]
    [InlineData("", 0xEF46_DB37_51D8_E999)]
    [InlineData("a", 0xD24E_C4F1_A98C_6E5B)]
    [InlineData("abc", 0x44BC_2CF5_AD77_0999)]
    public void A_hash_is_XXH64(string key, ulong hash) => Assert.Equal(hash, HashOf(key));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_key_is_led_to_the_same_endpoint_wherever_the_structure_was_made(bool isTable)
    {
        ConsistentHash one = Make(isTable, Endpoints(20));
        ConsistentHash other = Make(isTable, Endpoints(20));
        bool[] usable = All(20);

        Assert.All(s_keys[..1_000], key => Assert.Equal(one.Pick(key, usable), other.Pick(key, usable)));
    }

    [Theory]
    [InlineData(false, new uint[] { 1, 1, 1, 1 }, 0.15)]
    [InlineData(true, new uint[] { 1, 1, 1, 1 }, 0.02)]
    [InlineData(false, new uint[] { 1, 2, 4 }, 0.15)]
    [InlineData(true, new uint[] { 1, 2, 4 }, 0.02)]
    [InlineData(true, new uint[] { 100, 0, 1 }, 0.1)]
    [InlineData(false, new uint[] { 3, 0, 1 }, 0.15)]
    public void Endpoints_get_keys_by_their_weights(bool isTable, uint[] weights, double within)
    {
        ConsistentHash hash = Make(isTable, [.. weights.Select((weight, index) => new HashedEndpoint($"pod-{index}", weight))]);
        int[] counts = new int[weights.Length];
        foreach (ulong key in s_keys)
        {
            counts[hash.Pick(key, All(weights.Length))]++;
        }

        Assert.All(weights.Zip(counts), pair =>
        {
            double share = Keys * (double)pair.First / weights.Sum(weight => weight);
            Assert.InRange(pair.Second, share * (1 - within), share * (1 + within));
        });
    }

    [Theory]
    [InlineData(false, 0.06)]
    [InlineData(true, 0.05)]
    public void When_an_endpoint_leaves_hardly_any_keys_of_others_move(bool isTable, double movedMax)
    {
        HashedEndpoint[] all = Endpoints(20);
        ConsistentHash before = Make(isTable, all);

        // The last, so that the others keep their places.
        ConsistentHash after = Make(isTable, all[..^1]);
        int others = 0;
        int moved = 0;
        foreach (ulong key in s_keys)
        {
            int was = before.Pick(key, All(20));
            others += was == 19 ? 0 : 1;
            moved += was != 19 && after.Pick(key, All(19)) != was ? 1 : 0;
        }

        // Of a hash by remainder, nineteen of twenty would.
        Assert.InRange(moved / (double)others, 0, movedMax);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void While_an_endpoint_cannot_be_used_only_its_own_keys_are_elsewhere(bool isTable)
    {
        ConsistentHash hash = Make(isTable, Endpoints(5));
        bool[] without = All(5);
        without[2] = false;

        foreach (ulong key in s_keys[..10_000])
        {
            int own = hash.Pick(key, All(5));
            int now = hash.Pick(key, without);
            Assert.True(own == 2 ? now != 2 : now == own);
            Assert.Equal(now, hash.Pick(key, without));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_is_picked_where_nothing_may_be(bool isTable)
    {
        Assert.Equal(ConsistentHash.None, Make(isTable, []).Pick(1, []));
        Assert.Equal(ConsistentHash.None, Make(isTable, Endpoints(3)).Pick(1, [false, false, false]));
        Assert.Equal(ConsistentHash.None, Make(isTable, [new HashedEndpoint("idle", 0)]).Pick(1, [true]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(65_536)]
    [InlineData(0)]
    public void A_table_has_a_prime_number_of_slots(int slots) =>
        Assert.Throws<ArgumentException>(() => MaglevTable.Create(Endpoints(2), slots));

    [Theory]
    [InlineData(0)]
    [InlineData(HashRing.PointsMax + 1)]
    public void A_ring_has_a_size_that_can_be_had(int points) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => HashRing.Create(Endpoints(2), points));

    private static ConsistentHash Make(bool isTable, HashedEndpoint[] endpoints) =>
        isTable ? MaglevTable.Create(endpoints) : HashRing.Create(endpoints);

    private static HashedEndpoint[] Endpoints(int count) => [.. Enumerable.Range(0, count).Select(index => new HashedEndpoint($"pod-{index}", 1))];

    private static bool[] All(int count) => [.. Enumerable.Repeat(true, count)];

    private static ulong HashOf(string key) => ConsistentHash.HashOf(Encoding.UTF8.GetBytes(key));
}
