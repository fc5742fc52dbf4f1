using Mesh.Node.Capture.Rules;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

public sealed class PolicyRoutingTextTests
{
    private const string Right = """
        0:	from all lookup 255
        32764:	from all fwmark 0x111/0xfff lookup 100
        32766:	from all lookup 254
        2 default dev lo scope 254
        """;

    [Fact]
    public void What_is_right_needs_no_change()
    {
        PolicyRoutingState state = PolicyRoutingText.Parse(Right);

        Assert.Empty(PolicyRoutingText.Differences(state, "IPv4"));
        Assert.Equal("", PolicyRoutingText.WriteRepair(state));
        Assert.Equal(
            "rule del fwmark 0x111/0xfff lookup 100 pref 32764\nroute del local default dev lo table 100\n",
            PolicyRoutingText.WriteRemoval(state));
    }

    [Theory]
    [InlineData("32764:\tfrom all fwmark 0x111/0xfff lookup 100\n", "", "rule add fwmark 0x111/0xfff lookup 100 pref 32764\n")]
    [InlineData("2 default dev lo scope 254", "", "route add local default dev lo table 100\n")]
    [InlineData("2 default dev lo scope 254", "local default dev lo metric 1024 pref medium", "")]
    [InlineData("32766:", "32764:\tfrom all fwmark 0x111/0xfff lookup 100\n32766:", "rule del fwmark 0x111/0xfff lookup 100 pref 32764\n")]
    [InlineData("32766:", "7:\tfrom all fwmark 0x111/0xfff lookup 100\n32766:", "rule del from all fwmark 0x111/0xfff lookup 100 pref 7\n")]
    [InlineData("32766:", "7:\tfrom all fwmark 0x111/0xfff lookup 99\n32766:", "")]
    [InlineData("32766:", "7:\tfrom all fwmark 0x112/0xfff lookup 100\n32766:", "")]
    public void What_differs_is_repaired_by_the_least_change(string text, string instead, string repair)
    {
        PolicyRoutingState state = PolicyRoutingText.Parse(Right.Replace(text, instead, StringComparison.Ordinal));

        Assert.Equal(repair, PolicyRoutingText.WriteRepair(state));
        Assert.Equal(repair.Length > 0, PolicyRoutingText.Differences(state, "IPv4").Any());
    }

    [Fact]
    public void A_route_of_somebody_else_is_named_and_left_alone()
    {
        PolicyRoutingState state = PolicyRoutingText.Parse(Right + "\n10.0.0.0/8 via 10.9.0.1 dev eth0");

        Assert.Contains("10.0.0.0/8 via 10.9.0.1", Assert.Single(PolicyRoutingText.Differences(state, "IPv4")), StringComparison.Ordinal);
        Assert.Equal("", PolicyRoutingText.WriteRepair(state));
    }
}
