using Mesh.Lab.Networking;
using Xunit;

namespace Mesh.Lab.Tests;

public sealed class AddressTests
{
    [Fact]
    public void Nodes_pods_and_services_have_both_families_by_one_plan()
    {
        Assert.Equal("10.0.0.2, fd00:10::2", LabAddresses.Node(2).ToString());
        Assert.Equal("10.1.2.254, fd00:10:1:2::fe", LabAddresses.Pod(2, 254).ToString());
        Assert.Equal("10.96.1.1, fd00:10:96::101", LabAddresses.Service(257).ToString());
        Assert.Equal("10.1.200.0/24", LabAddresses.PodRange4(200).ToString());
        Assert.Equal("fd00:10:1:c8::/64", LabAddresses.PodRange6(200).ToString());
        Assert.True(LabAddresses.ServiceRange4.Contains(LabAddresses.Service(65000).V4));
        Assert.True(LabAddresses.ServiceRange6.Contains(LabAddresses.Service(65000).V6));
    }

    [Fact]
    public void A_number_given_back_is_the_last_to_be_used_again()
    {
        var pool = new NumberPool(2, 4, "pods");
        Assert.Equal(2, pool.Take());
        pool.Release(2);

        Assert.Equal(3, pool.Take());
        Assert.Equal(4, pool.Take());
        Assert.Equal(2, pool.Take());
        Assert.Contains("all 3 pods are in use", Assert.Throws<LabException>(() => pool.Take()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_demanded_number_is_given_once_and_only_from_the_range()
    {
        var pool = new NumberPool(2, 4, "pods");

        Assert.True(pool.TryTake(3));
        Assert.False(pool.TryTake(3));
        Assert.False(pool.TryTake(1));
        Assert.False(pool.TryTake(5));
        Assert.Equal([2, 4], [pool.Take(), pool.Take()]);
    }

    [Theory]
    [InlineData("   0: 00000000000000000000000000000000:3AA0 00000000000000000000000000000000:0000 0A 00000000:00000000", true)]
    [InlineData("   0: 0201010A:3AA0 00000000:0000 0A 00000000:00000000", true)]
    [InlineData("   0: 0201010A:3AA0 0301010A:D431 01 00000000:00000000", false)]
    [InlineData("   0: 0201010A:1F90 00000000:3AA0 0A 00000000:00000000", false)]
    [InlineData("  sl  local_address rem_address   st tx_queue", false)]
    public void A_listener_is_told_by_its_port_and_state(string line, bool isListener)
    {
        Assert.Equal(isListener, SocketTable.HasListener(new StringReader($"header\n{line}\n"), 15008));
    }

    [Fact]
    public void Of_the_table_of_sockets_nothing_is_read_behind_the_listeners()
    {
        using var table = new StringReader(
            """
            header
               0: 0201010A:1F90 00000000:0000 0A 00000000:00000000
               1: 0201010A:1F90 0301010A:D431 01 00000000:00000000
               2: 0201010A:1F90 0301010A:D432 01 00000000:00000000
            """);

        Assert.False(SocketTable.HasListener(table, 15008));
        Assert.StartsWith("   2:", table.ReadLine(), StringComparison.Ordinal);
    }
}
