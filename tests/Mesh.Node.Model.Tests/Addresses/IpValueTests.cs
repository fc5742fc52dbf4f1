using System.Net;
using Mesh.Node.Model.Addresses;
using Mesh.Testing;
using Xunit;

namespace Mesh.Node.Model.Tests.Addresses;

public sealed class IpValueTests
{
    [Theory]
    [InlineData("0.0.0.0")]
    [InlineData("10.1.2.3")]
    [InlineData("255.255.255.255")]
    [InlineData("::")]
    [InlineData("::1")]
    [InlineData("fd00::1:2:3")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")]
    public void An_address_survives_the_way_there_and_back(string text) =>
        Assert.Equal(IPAddress.Parse(text), IpValue.From(IPAddress.Parse(text)).ToIPAddress());

    [Fact]
    public void An_IPv4_mapped_address_is_the_IPv4_address()
    {
        IpValue mapped = IpValue.From(IPAddress.Parse("::ffff:10.1.2.3"));

        Assert.False(mapped.IsIPv6);
        Assert.Equal(IpValue.From(IPAddress.Parse("10.1.2.3")), mapped);
    }

    [Fact]
    public void Equal_numbers_of_different_families_differ()
    {
        IpValue v4 = IpValue.From(IPAddress.Parse("0.0.0.1"));
        IpValue v6 = IpValue.From(IPAddress.Parse("::1"));

        Assert.Equal(v4.Bits, v6.Bits);
        Assert.NotEqual(v4, v6);
        Assert.True(v4 < v6);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(15)]
    [InlineData(17)]
    public void Only_4_or_16_bytes_are_an_address(int length) => Assert.False(IpValue.TryFromBytes(new byte[length], out _));

    [Fact]
    public void Reading_an_address_allocates_nothing()
    {
        var address = IPAddress.Parse("fd00::1");

        Assert.Equal(0, SteadyState.AllocatedBytes(() =>
        {
            for (int round = 0; round < 1_000; round++)
            {
                _ = IpValue.From(address);
            }
        }));
    }
}
