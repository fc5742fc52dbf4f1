using System.Net;
using System.Net.Sockets;
using Mesh.Interop.Linux;
using Xunit;
using SocketAddress = Mesh.Interop.Linux.SocketAddress;

namespace Mesh.Interop.Tests.Linux;

/// <summary>
/// Method: bytes as written by a C compiler from netinet/in.h on a little-endian machine, which x64 and arm64 Linux both are.
/// </summary>
public sealed class SocketAddressTests
{
    private const string Ipv4 = "0200 3A99 C0000201 0000000000000000";
    private const string Ipv6 = "0A00 3A99 00000000 20010DB8000000000000000000000001 00000000";
    private const string Mapped = "0A00 3A99 00000000 00000000000000000000FFFFC0000201 00000000";
    private const string LinkLocal = "0A00 3A99 00000000 FE800000000000000000000000000001 07000000";

    [Theory]
    [InlineData("192.0.2.1:15001", AddressFamily.InterNetwork, Ipv4)]
    [InlineData("[2001:db8::1]:15001", AddressFamily.InterNetworkV6, Ipv6)]
    [InlineData("192.0.2.1:15001", AddressFamily.InterNetworkV6, Mapped)]
    [InlineData("[::ffff:192.0.2.1]:15001", AddressFamily.InterNetworkV6, Mapped)]
    [InlineData("[::ffff:192.0.2.1]:15001", AddressFamily.InterNetwork, Ipv4)]
    [InlineData("[fe80::1%7]:15001", AddressFamily.InterNetworkV6, LinkLocal)]
    public void An_end_point_is_written_in_the_kernels_form(string endPoint, AddressFamily socketFamily, string expected)
    {
        byte[] written = new byte[SocketAddress.BytesMax];
        Array.Fill(written, (byte)0xEE);

        int bytes = SocketAddress.Write(IPEndPoint.Parse(endPoint), socketFamily, written);

        Assert.Equal(expected.Replace(" ", ""), Convert.ToHexString(written.AsSpan(0, bytes)));
    }

    [Theory]
    [InlineData(Ipv4, "192.0.2.1:15001")]
    [InlineData(Ipv6, "[2001:db8::1]:15001")]
    [InlineData(Mapped, "192.0.2.1:15001")]
    [InlineData(LinkLocal, "[fe80::1%7]:15001")]
    public void The_kernels_form_is_read_and_a_mapped_address_comes_back_as_IPv4(string form, string expected)
    {
        byte[] bytes = Convert.FromHexString(form.Replace(" ", ""));

        Assert.Equal(IPEndPoint.Parse(expected), SocketAddress.Read(bytes));
    }

    [Theory]
    [InlineData(Ipv4, 16)]
    [InlineData(Ipv6, 28)]
    public void An_address_cut_short_is_none(string form, int completeBytes)
    {
        byte[] bytes = Convert.FromHexString(form.Replace(" ", ""));

        for (int length = 0; length < completeBytes; length++)
        {
            Assert.Null(SocketAddress.Read(bytes.AsSpan(0, length)));
        }
    }

    [Fact]
    public void Another_family_is_no_IP_address() => Assert.Null(SocketAddress.Read(Convert.FromHexString("0100" + new string('0', 52))));

    [Fact]
    public void An_IPv4_socket_cannot_be_given_an_IPv6_address()
    {
        using SocketHandle socket = Sockets.OpenTcp(AddressFamily.InterNetwork);

        Assert.Throws<ArgumentException>(() => Sockets.Bind(socket, new IPEndPoint(IPAddress.IPv6Loopback, 0)));
    }

    [Fact]
    public void A_family_that_is_not_IP_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Sockets.OpenTcp(AddressFamily.Unix));
}
