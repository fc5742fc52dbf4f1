using System.Net;
using System.Text;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Node.Protocols.Tests.Hbone;

/// <summary>
/// Goal: one spelling for each target, and nothing that two readers could take for different targets. Method: tables, and round trips.
/// </summary>
public sealed class HboneAuthorityTests
{
    [Theory]
    [InlineData("10.0.0.1:80", "10.0.0.1", 80)]
    [InlineData("0.0.0.0:1", "0.0.0.0", 1)]
    [InlineData("255.255.255.255:65535", "255.255.255.255", 65_535)]
    [InlineData("[::]:80", "::", 80)]
    [InlineData("[::1]:80", "::1", 80)]
    [InlineData("[1::]:80", "1::", 80)]
    [InlineData("[fd00::1:2]:8080", "fd00::1:2", 8_080)]
    [InlineData("[FD00::A]:8080", "fd00::a", 8_080)]
    [InlineData("[1:2:3:4:5:6:7:8]:80", "1:2:3:4:5:6:7:8", 80)]
    [InlineData("[1:2:3:4:5:6:7::]:80", "1:2:3:4:5:6:7:0", 80)]
    [InlineData("[::2:3:4:5:6:7:8]:80", "0:2:3:4:5:6:7:8", 80)]
    [InlineData("[0001:0002:0003:0004:0005:0006:0007:0008]:80", "1:2:3:4:5:6:7:8", 80)]
    [InlineData("[64:ff9b::10.0.0.1]:80", "64:ff9b::a00:1", 80)]
    [InlineData("[1:2:3:4:5:6:10.0.0.1]:80", "1:2:3:4:5:6:a00:1", 80)]
    [InlineData("[::ffff:10.0.0.1]:80", "10.0.0.1", 80)] // IPv4-mapped is IPv4.
    [InlineData("[::ffff:a00:1]:80", "10.0.0.1", 80)]
    public void An_address_is_read(string text, string address, int port)
    {
        Assert.True(TryParse(text, out HboneAuthority authority));
        Assert.Equal(IPAddress.Parse(address), authority.Address);
        Assert.Equal(new IPEndPoint(IPAddress.Parse(address), port), authority.EndPoint);
        Assert.Equal((port, null), (authority.Port, authority.Host));
    }

    [Theory]
    [InlineData("reviews:9080", "reviews", 9_080)]
    [InlineData("reviews.shop.svc.cluster.local:1", "reviews.shop.svc.cluster.local", 1)]
    [InlineData("Reviews.Shop:80", "reviews.shop", 80)]
    [InlineData("a-b.c--d.e1:80", "a-b.c--d.e1", 80)]
    [InlineData("1.2.3.com:80", "1.2.3.com", 80)]
    [InlineData("0xg:80", "0xg", 80)]
    [InlineData("xn--bcher-kva.example:80", "xn--bcher-kva.example", 80)]
    public void A_host_name_is_read(string text, string host, int port)
    {
        Assert.True(TryParse(text, out HboneAuthority authority));
        Assert.Equal((host, port), (authority.Host, authority.Port));
        Assert.Null(authority.Address);
        Assert.Null(authority.EndPoint);
    }

    [Theory]
    [InlineData("")]
    [InlineData(":")]
    [InlineData(":80")]
    [InlineData("10.0.0.1")]
    [InlineData("10.0.0.1:")]
    [InlineData("10.0.0.1:0")]
    [InlineData("10.0.0.1:080")]
    [InlineData("10.0.0.1:65536")]
    [InlineData("10.0.0.1:99999")]
    [InlineData("10.0.0.1:100000")]
    [InlineData("10.0.0.1:+80")]
    [InlineData("10.0.0.1: 80")]
    [InlineData("10.0.0.1:80 ")]
    [InlineData(" 10.0.0.1:80")]
    [InlineData("10.0.0.1:8o")]
    [InlineData("10.0.0:80")]
    [InlineData("10.0.0.1.1:80")]
    [InlineData("10.0.0.256:80")]
    [InlineData("10.0.0.01:80")]
    [InlineData("010.0.0.1:80")]
    [InlineData("10.0.0.:80")]
    [InlineData("10..0.1:80")]
    [InlineData("1:80")] // A number some resolvers take for 0.0.0.1.
    [InlineData("0x7f.1:80")]
    [InlineData("0x7f000001:80")]
    [InlineData("0x:80")]
    [InlineData("host.0x1f:80")]
    [InlineData("a.1:80")]
    [InlineData("::1:80")]
    [InlineData("fd00::1:80")]
    [InlineData("[::1]")]
    [InlineData("[::1]80")]
    [InlineData("[]:80")]
    [InlineData("[::1:80")]
    [InlineData("::1]:80")]
    [InlineData("[[::1]]:80")]
    [InlineData("[::1%eth0]:80")]
    [InlineData("[::1%25eth0]:80")]
    [InlineData("[fe80::1/64]:80")]
    [InlineData("[:::]:80")]
    [InlineData("[1::2::3]:80")]
    [InlineData("[:1]:80")]
    [InlineData("[1:]:80")]
    [InlineData("[1:2:3:4:5:6:7]:80")]
    [InlineData("[1:2:3:4:5:6:7:8:9]:80")]
    [InlineData("[1:2:3:4:5:6:7:8::]:80")]
    [InlineData("[::1:2:3:4:5:6:7:8]:80")]
    [InlineData("[1::2:3:4:5:6:7:8]:80")] // "::" that stands for nothing.
    [InlineData("[12345::]:80")]
    [InlineData("[g::]:80")]
    [InlineData("[::1.2.3]:80")]
    [InlineData("[::1.2.3.4.5]:80")]
    [InlineData("[::01.2.3.4]:80")]
    [InlineData("[1:2:3:4:5:6:7:1.2.3.4]:80")]
    [InlineData("[1.2.3.4::]:80")]
    [InlineData("[10.0.0.1]:80")]
    [InlineData("host_name:80")]
    [InlineData("-host:80")]
    [InlineData("host-:80")]
    [InlineData("host.:80")]
    [InlineData(".host:80")]
    [InlineData("a..b:80")]
    [InlineData("höst:80")]
    [InlineData("user@host:80")]
    [InlineData("host:80/path")]
    [InlineData("host:80:80")]
    [InlineData("ho st:80")]
    [InlineData("host\0:80")]
    public void Anything_else_is_refused(string text) => Assert.False(TryParse(text, out _));

    [Fact]
    public void Names_are_limited_as_DNS_limits_them()
    {
        string label = new('a', 63);
        Assert.True(TryParse($"{label}:80", out _));
        Assert.False(TryParse($"{label}a:80", out _));
        string name = $"{label}.{label}.{label}.{new string('a', 61)}";
        Assert.Equal(253, name.Length);
        Assert.True(TryParse($"{name}:65535", out _));
        Assert.False(TryParse($"{name}a:65535", out _));
    }

    [Theory]
    [InlineData("10.0.0.1", 80, "10.0.0.1:80")]
    [InlineData("fd00::a", 8_080, "[fd00::a]:8080")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 65_535, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535")]
    public void An_address_is_written_and_read_again(string address, int port, string expected)
    {
        var target = new IPEndPoint(IPAddress.Parse(address), port);
        byte[] text = new byte[HboneAuthority.BytesMax];
        Assert.True(HboneAuthority.TryFormat(target, text, out int bytes));
        Assert.Equal(expected, Encoding.ASCII.GetString(text, 0, bytes));
        Assert.True(HboneAuthority.TryParse(text.AsSpan(0, bytes), out HboneAuthority authority));
        Assert.Equal(target, authority.EndPoint);
        for (int room = 0; room < bytes; room++)
        {
            Assert.False(HboneAuthority.TryFormat(target, text.AsSpan(0, room), out int written));
            Assert.Equal(0, written);
        }
    }

    [Fact]
    public void A_host_name_is_written()
    {
        byte[] text = new byte[HboneAuthority.BytesMax];
        Assert.True(HboneAuthority.TryFormat("reviews.shop.svc.cluster.local", 9_080, text, out int bytes));
        Assert.Equal("reviews.shop.svc.cluster.local:9080", Encoding.ASCII.GetString(text, 0, bytes));
        Assert.False(HboneAuthority.TryFormat("reviews", 9_080, text.AsSpan(0, 11), out _));
    }

    private static bool TryParse(string text, out HboneAuthority authority) =>
        HboneAuthority.TryParse(Encoding.UTF8.GetBytes(text), out authority);
}
