using Mesh.Node.Protocols.Http2.Streams;

namespace Mesh.Node.Protocols.Tests.Http2;

/// <summary>Goal: windows keep invariants W and R at their edges. Method: the edges, one by one.</summary>
public sealed class WindowTests
{
    [Theory]
    [InlineData(0, 1, true, 1)]
    [InlineData(int.MaxValue - 1, 1, true, int.MaxValue)]
    [InlineData(int.MaxValue, 1, false, int.MaxValue)]
    [InlineData(1, int.MaxValue, false, 1)]
    [InlineData(-5, int.MaxValue, true, int.MaxValue - 5)]
    public void A_send_window_never_grows_above_its_maximum(int bytes, int increment, bool grows, int after)
    {
        var window = new SendWindow(bytes);
        Assert.Equal(grows, window.TryGrow(increment));
        Assert.Equal(after, window.Bytes);
    }

    [Fact]
    public void A_send_window_goes_below_zero_when_settings_shrink_it()
    {
        var window = new SendWindow(100);
        window.Take(80);
        Assert.True(window.TryResize(-100));
        Assert.Equal(-80, window.Bytes);
        Assert.True(window.TryResize(int.MaxValue));
        Assert.Equal(int.MaxValue - 80, window.Bytes);
        Assert.False(window.TryResize(81));
    }

    [Fact]
    public void A_receive_window_accounts_for_every_byte()
    {
        var window = new ReceiveWindow(100);
        Assert.True(window.TryTake(100));
        Assert.False(window.TryTake(1));
        Assert.Equal((0, 100), (window.AvailableBytes, window.HeldBytes));

        window.Return(49);
        Assert.False(window.IsUpdateDue);
        window.Return(1);
        Assert.True(window.IsUpdateDue);
        Assert.Equal((0, 50), (window.AvailableBytes, window.HeldBytes));

        Assert.Equal(50, window.Announce(100));
        Assert.Equal((50, 50), (window.AvailableBytes, window.HeldBytes));

        window.Return(50);
        Assert.Equal(150, window.Announce(200));
        Assert.Equal((200, 0), (window.AvailableBytes, window.HeldBytes));
        Assert.False(window.IsUpdateDue);
    }

    [Fact]
    public void A_receive_window_of_the_largest_size_does_not_overflow()
    {
        var window = new ReceiveWindow(int.MaxValue / 2);
        Assert.True(window.TryTake(int.MaxValue / 2));
        window.Return(int.MaxValue / 2);
        Assert.Equal(int.MaxValue, window.Announce(int.MaxValue));
        Assert.Equal(int.MaxValue, window.AvailableBytes);
    }
}
