using Mesh.Node.Model.Addresses;
using Xunit;

namespace Mesh.Node.Model.Tests.Addresses;

public sealed class PrefixSetTests
{
    [Fact]
    public void A_set_answers_as_asking_every_block_does()
    {
        var random = new Random(7);
        for (int round = 0; round < 300; round++)
        {
            IpPrefix[] blocks = [.. Enumerable.Range(0, random.Next(0, 40)).Select(_ => RandomBlock(random))];
            var set = PrefixSet.Create(blocks);

            for (int question = 0; question < 100; question++)
            {
                IpValue address = random.Next(2) == 0 || blocks.Length == 0 ? RandomAddress(random) : Edge(blocks[random.Next(blocks.Length)], random);
                Assert.Equal(Array.Exists(blocks, block => block.Contains(address)), set.Contains(address));
            }
        }
    }

    [Fact]
    public void Blocks_within_blocks_are_merged()
    {
        var set = PrefixSet.Create([IpPrefix.Parse("10.0.0.0/8"), IpPrefix.Parse("10.1.0.0/16"), IpPrefix.Parse("10.0.0.0/8"), IpPrefix.Parse("fd00::/8")]);

        Assert.Equal(2, set.RangeCount);
    }

    // Few distinct leading bits, so that random blocks and addresses meet often.
    private static IpValue RandomAddress(Random random)
    {
        byte[] bytes = new byte[random.Next(2) == 0 ? 4 : 16];
        bytes[0] = (byte)random.Next(0, 4);
        bytes[1] = (byte)random.Next(0, 256);
        bytes[^1] = (byte)random.Next(0, 256);
        Assert.True(IpValue.TryFromBytes(bytes, out IpValue value));
        return value;
    }

    private static IpPrefix RandomBlock(Random random)
    {
        IpValue address = RandomAddress(random);
        Assert.True(IpPrefix.TryCreate(address, random.Next(0, address.WidthBits + 1), out IpPrefix block));
        return block;
    }

    private static IpValue Edge(IpPrefix block, Random random) => random.Next(2) == 0 ? block.Network : block.Last;
}
