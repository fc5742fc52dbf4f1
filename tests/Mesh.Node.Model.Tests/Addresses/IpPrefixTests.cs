using System.Net;
using Mesh.Node.Model.Addresses;
using Xunit;

namespace Mesh.Node.Model.Tests.Addresses;

public sealed class IpPrefixTests
{
    [Theory]
    [InlineData("10.0.0.0/8", "10.255.255.255", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("10.0.0.0/8", "9.255.255.255", false)]
    [InlineData("10.1.2.3/8", "10.9.9.9", true)]
    [InlineData("0.0.0.0/0", "255.255.255.255", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("::/0", "fd00::1", true)]
    [InlineData("::/0", "10.0.0.1", false)]
    [InlineData("10.0.0.1/32", "10.0.0.1", true)]
    [InlineData("10.0.0.1/32", "10.0.0.0", false)]
    [InlineData("10.0.0.1", "10.0.0.1", true)]
    [InlineData("fd00::/9", "fd7f:ffff::1", true)]
    [InlineData("fd00::/9", "fd80::1", false)]
    [InlineData("fd00::1/128", "fd00::1", true)]
    [InlineData("fd00::1/128", "fd00::2", false)]
    [InlineData("::/1", "8000::", false)]
    public void Containment_compares_the_first_bits_within_one_family(string block, string address, bool contained) =>
        Assert.Equal(contained, IpPrefix.Parse(block).Contains(IpValue.From(IPAddress.Parse(address))));

    [Theory]
    [InlineData("10.0.0.0/33")]
    [InlineData("fd00::/129")]
    [InlineData("10.0.0.0/-1")]
    [InlineData("10.0.0.0/+8")]
    [InlineData("10.0.0.0/ 8")]
    [InlineData("10.0.0.0/")]
    [InlineData("/8")]
    [InlineData("example.com/8")]
    public void A_block_that_is_none_is_refused(string text) => Assert.Throws<FormatException>(() => IpPrefix.Parse(text));

    [Fact]
    public void Bits_after_the_length_do_not_tell_blocks_apart() => Assert.Equal(IpPrefix.Parse("10.1.2.3/8"), IpPrefix.Parse("10.0.0.0/8"));

    [Theory]
    [InlineData("10.0.0.0/8", "10.255.255.255")]
    [InlineData("0.0.0.0/0", "255.255.255.255")]
    [InlineData("10.0.0.1/32", "10.0.0.1")]
    [InlineData("fd00::/16", "fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    [InlineData("::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void The_last_address_has_every_later_bit_set(string block, string last) =>
        Assert.Equal(IPAddress.Parse(last), IpPrefix.Parse(block).Last.ToIPAddress());
}
