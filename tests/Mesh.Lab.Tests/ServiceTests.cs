using System.Net;
using System.Net.Sockets;
using Mesh.Lab.Manifests;
using Mesh.Lab.Networking;
using Xunit;

namespace Mesh.Lab.Tests;

public sealed class ServiceTests
{
    [Fact]
    public void Families_ports_and_selector_are_taken_from_the_manifest()
    {
        (ServiceSpec spec, List<string> problems) = Parse(
            """
            kind: Service
            metadata: {name: cart}
            spec:
              ipFamilies: [IPv6]
              selector: {app: cart, tier: web}
              ports:
              - {port: 80, targetPort: http}
              - {port: 53, protocol: UDP}
            """);

        Assert.Empty(problems);
        Assert.Equal([AddressFamily.InterNetworkV6], spec.Families);
        Assert.Equal([new ServicePortSpec("TCP", 80, "http"), new ServicePortSpec("UDP", 53, "53")], spec.Ports);
        Assert.True(spec.Selects(new Dictionary<string, string> { ["app"] = "cart", ["tier"] = "web", ["more"] = "x" }));
        Assert.False(spec.Selects(new Dictionary<string, string> { ["app"] = "cart" }));
    }

    [Fact]
    public void A_service_without_selector_selects_nothing()
    {
        (ServiceSpec spec, _) = Parse("kind: Service\nmetadata: {name: cart}\n");

        Assert.False(spec.Selects(new Dictionary<string, string> { ["app"] = "cart" }));
    }

    [Fact]
    public void Every_problem_of_a_service_is_reported()
    {
        (_, List<string> problems) = Parse(
            """
            kind: Service
            metadata: {name: cart}
            spec:
              clusterIPs: [10.96.0.300]
              ipFamilies: [IPv5]
              ports:
              - {port: 0}
              - {port: 80, protocol: SCTP}
            """);

        Assert.Equal(4, problems.Count);
    }

    [Fact]
    public void Routing_spreads_over_the_endpoints_and_refuses_a_service_without_any()
    {
        string script = ServiceRouting.Render(
        [
            Route("10.96.0.1", "10.1.1.2:8080", "10.1.2.2:8080"),
            Route("fd00:10:96::1", "[fd00:10:1:1::2]:8080"),
            Route("10.96.0.2"),
        ]);

        Assert.Contains(
            "ip daddr 10.96.0.1 tcp dport 80 dnat ip addr . port to numgen random mod 2 map { 0 : 10.1.1.2 . 8080, 1 : 10.1.2.2 . 8080 }",
            script,
            StringComparison.Ordinal);
        Assert.Contains(
            "ip6 daddr fd00:10:96::1 tcp dport 80 dnat ip6 addr . port to numgen random mod 1 ", script, StringComparison.Ordinal);
        Assert.DoesNotContain("10.96.0.2 ", script, StringComparison.Ordinal);
        Assert.Contains("ip daddr 10.96.0.0/16 meta l4proto tcp reject with tcp reset", script, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hosts_file_has_the_short_name_only_of_services_of_the_same_namespace()
    {
        string text = HostsFile.Render(
            "shop",
            "cart-1",
            new AddressPair(IPAddress.Parse("10.1.1.2"), IPAddress.Parse("fd00:10:1:1::2")),
            [
                new NamedAddresses("shop", "stock", [IPAddress.Parse("10.96.0.1"), IPAddress.Parse("fd00:10:96::1")]),
                new NamedAddresses("other", "mail", [IPAddress.Parse("10.96.0.2")]),
            ]);

        Assert.Equal(
            """
            127.0.0.1 localhost
            ::1 localhost ip6-localhost
            10.1.1.2 cart-1
            fd00:10:1:1::2 cart-1
            10.96.0.1 stock.shop.svc.cluster.local stock.shop.svc stock.shop stock
            fd00:10:96::1 stock.shop.svc.cluster.local stock.shop.svc stock.shop stock
            10.96.0.2 mail.other.svc.cluster.local mail.other.svc mail.other

            """,
            text);
    }

    private static ServiceRoute Route(string address, params string[] endpoints)
    {
        return new ServiceRoute(IPAddress.Parse(address), "TCP", 80, [.. endpoints.Select(IPEndPoint.Parse)]);
    }

    private static (ServiceSpec Spec, List<string> Problems) Parse(string text)
    {
        var problems = new List<string>();
        Manifest manifest = Assert.Single(ManifestReader.ReadText(text, "service.yaml", problems));
        return (ServiceSpec.Parse(manifest, problems), problems);
    }
}
