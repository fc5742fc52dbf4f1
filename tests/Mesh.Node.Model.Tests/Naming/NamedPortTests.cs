using System.Text;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Workloads;
using Xunit;

namespace Mesh.Node.Model.Tests.Naming;

public sealed class NamedPortTests
{
    private static readonly NamedPorts s_ports = NamedPorts.Of(
    [
        Entry("www.example.org", ServiceReach.Names, 80, PortProtocol.Http),
        Entry("*.example.org", ServiceReach.Names, 80, PortProtocol.Http2),
        Entry("*.deep.example.org", ServiceReach.Names, 80, PortProtocol.Grpc),
        Entry("local.example.org", ServiceReach.Names, 80, PortProtocol.Http) with { Visibility = ServiceVisibility.Namespace },
        Entry("any.example.org", ServiceReach.Names | ServiceReach.Port, 443, PortProtocol.Detect),
        Entry("tls.example.org", ServiceReach.Names, 443, PortProtocol.Tls),
        Entry("tcp.example.org", ServiceReach.Port, 25, PortProtocol.Tcp),
        Entry("web.example.org", ServiceReach.Names, 25, PortProtocol.Http),
        Entry("kept.example.org", ServiceReach.Addresses, 80, PortProtocol.Http),
    ]);

    [Theory]
    [InlineData("www.example.org", "www.example.org")]
    [InlineData("WWW.Example.ORG:8080", "www.example.org")]
    [InlineData("www.example.org.", "www.example.org")]
    [InlineData("other.example.org", "*.example.org")]
    [InlineData("a.b.example.org", "*.example.org")]
    [InlineData("a.deep.example.org", "*.deep.example.org")]
    [InlineData("deep.example.org", "*.example.org")]
    [InlineData("kept.example.org", "*.example.org")]
    [InlineData("local.example.org", "*.example.org")]
    [InlineData("example.org", null)]
    [InlineData("", null)]
    [InlineData(":80", null)]
    [InlineData("[2001:db8::1]:80", null)]
    [InlineData("[", null)]
    [InlineData("w\u00ebw.example.org", null)]
    public void A_host_leads_to_the_entry_that_fits_it_best(string authority, string? expected) =>
        Assert.Equal(expected, s_ports.Find(80)!.FindByAuthority(Encoding.UTF8.GetBytes(authority), "elsewhere")?.Hostname);

    [Fact]
    public void A_host_longer_than_a_name_can_be_leads_nowhere() =>
        Assert.Null(s_ports.Find(80)!.FindByAuthority(Encoding.ASCII.GetBytes(new string('a', 300) + ".example.org"), "elsewhere"));

    [Fact]
    public void What_is_seen_from_its_namespace_only_is_found_there() =>
        Assert.Equal("local.example.org", s_ports.Find(80)!.FindByAuthority("local.example.org"u8, "shop")?.Hostname);

    [Fact]
    public void A_port_leads_by_the_protocol_that_its_entry_declares()
    {
        NamedPort mixed = s_ports.Find(443)!;
        Assert.Equal("any.example.org", mixed.FindByAuthority("any.example.org"u8, "shop")?.Hostname);
        Assert.Null(mixed.FindByAuthority("tls.example.org"u8, "shop"));
        Assert.Equal("tls.example.org", mixed.FindByServerName("tls.example.org", "shop")?.Hostname);
        Assert.Equal("any.example.org", mixed.FindByServerName("any.example.org", "shop")?.Hostname);
        Assert.Null(mixed.FindByServerName("", "shop"));
        Assert.Null(mixed.FindByServerName(null, "shop"));
        Assert.Equal("any.example.org", mixed.FindByPort("shop")?.Hostname);

        NamedPort bare = s_ports.Find(25)!;
        Assert.True(bare.HasHosts);
        Assert.False(bare.HasServerNames);
        Assert.Equal("tcp.example.org", bare.FindByPort("shop")?.Hostname);
        Assert.Null(s_ports.Find(8080));
    }

    private static Service Entry(string host, ServiceReach reach, ushort port, PortProtocol protocol) => new("shop", host)
    {
        Name = host,
        Reach = reach,
        Ports = [new ServicePort(port, port, protocol)],
    };
}
