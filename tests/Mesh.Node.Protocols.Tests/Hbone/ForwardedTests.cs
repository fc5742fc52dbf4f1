using System.Net;
using System.Text;
using Mesh.Node.Protocols.Hbone;

namespace Mesh.Node.Protocols.Tests.Hbone;

/// <summary>Goal: forwarded is written as ambient writes it and read as RFC 7239 says. Method: tables.</summary>
public sealed class ForwardedTests
{
    [Theory]
    [InlineData("for=\"10.0.0.1:1234\"", "10.0.0.1:1234", null)]
    [InlineData("for=\"10.0.0.1:1234\";host=reviews.shop.svc.cluster.local", "10.0.0.1:1234", "reviews.shop.svc.cluster.local")]
    [InlineData("for=\"[fd00::1]:1234\";host=a", "[fd00::1]:1234", "a")]
    [InlineData("for=\"[fd00::1]\"", "[fd00::1]:0", null)]
    [InlineData("for=10.0.0.1", "10.0.0.1:0", null)]
    [InlineData("For=\"10.0.0.1:1\";HOST=\"A:80\"", "10.0.0.1:1", "a")]
    [InlineData("host=\"[::1]:80\"", null, "::1")]
    [InlineData("host=10.0.0.1", null, "10.0.0.1")]
    [InlineData("proto=https;by=\"_x\";for=unknown", null, null)]
    [InlineData("for=_hidden.node-1", null, null)]
    [InlineData("for=\"10.0.0.\\1:80\"", "10.0.0.1:80", null)] // A quoted pair.
    [InlineData("for=10.0.0.1, for=10.0.0.2;host=b", "10.0.0.1:0", null)] // The first element counts.
    [InlineData("  for=10.0.0.1  ,\tfor=unknown ", "10.0.0.1:0", null)]
    [InlineData("for=\"[::ffff:10.0.0.1]:5\"", "10.0.0.1:5", null)]
    public void A_value_is_read(string text, string? client, string? host)
    {
        Assert.True(Forwarded.TryParse(Encoding.UTF8.GetBytes(text), out Forwarded forwarded));
        Assert.Equal(client is null ? null : IPEndPoint.Parse(client), forwarded.For);
        Assert.Equal(host, forwarded.Host);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("for")]
    [InlineData("for=")]
    [InlineData("=10.0.0.1")]
    [InlineData("for=10.0.0.1:80")] // A colon is no token: it must be quoted.
    [InlineData("for=[::1]")]
    [InlineData("for=\"10.0.0.1")]
    [InlineData("for=\"10.0.0.1\\")]
    [InlineData("for=\"10.0.0.1\"x")]
    [InlineData("for=\"::1\"")]
    [InlineData("for=\"10.0.0.1:0\"")]
    [InlineData("for=\"10.0.0.1:99999\"")]
    [InlineData("for=host")]
    [InlineData("for=\"\"")]
    [InlineData("for=_")]
    [InlineData("for=\"_a b\"")]
    [InlineData("for=10.0.0.1;for=10.0.0.1")]
    [InlineData("host=a;host=b")]
    [InlineData("host=\"a b\"")]
    [InlineData("host=\"a:0\"")]
    [InlineData("host=\"\"")]
    [InlineData("for=10.0.0.1;")]
    [InlineData("for=10.0.0.1;;host=a")]
    [InlineData("for=10.0.0.1,")]
    [InlineData(",for=10.0.0.1")]
    [InlineData("for=10.0.0.1 host=a")]
    [InlineData("for =10.0.0.1")]
    [InlineData("for=\"a\tb\"")]
    [InlineData("for=\"\u00e9\"")]
    public void Anything_else_is_refused(string text) => Assert.False(Forwarded.TryParse(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Length_elements_and_parameters_are_limited()
    {
        Assert.True(Parses(string.Join(',', Enumerable.Repeat("for=unknown", 16))));
        Assert.False(Parses(string.Join(',', Enumerable.Repeat("for=unknown", 17))));
        Assert.True(Parses(string.Join(';', Enumerable.Range(0, 8).Select(i => $"x{i}=y"))));
        Assert.False(Parses(string.Join(';', Enumerable.Range(0, 9).Select(i => $"x{i}=y"))));
        Assert.True(Parses("x=" + new string('y', Forwarded.BytesMax - 2)));
        Assert.False(Parses("x=" + new string('y', Forwarded.BytesMax - 1)));

        static bool Parses(string text) => Forwarded.TryParse(Encoding.UTF8.GetBytes(text), out _);
    }

    [Theory]
    [InlineData("10.0.0.1:1234", null, "for=\"10.0.0.1:1234\"")]
    [InlineData("10.0.0.1:1234", "reviews.shop.svc.cluster.local", "for=\"10.0.0.1:1234\";host=reviews.shop.svc.cluster.local")]
    [InlineData("[fd00::1]:1234", "a", "for=\"[fd00::1]:1234\";host=a")]
    public void A_value_is_written_as_ambient_writes_it(string client, string? host, string expected)
    {
        byte[] text = new byte[Forwarded.BytesMax];
        Assert.True(Forwarded.TryFormat(IPEndPoint.Parse(client), host, text, out int bytes));
        Assert.Equal(expected, Encoding.ASCII.GetString(text, 0, bytes));
        Assert.True(Forwarded.TryParse(text.AsSpan(0, bytes), out Forwarded forwarded));
        Assert.Equal((IPEndPoint.Parse(client), host), (forwarded.For, forwarded.Host));
        Assert.False(Forwarded.TryFormat(IPEndPoint.Parse(client), host, text.AsSpan(0, bytes - 1), out _));
    }
}
