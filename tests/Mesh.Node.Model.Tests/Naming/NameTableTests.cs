using System.Net;
using System.Text;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Workloads;
using Xunit;

namespace Mesh.Node.Model.Tests.Naming;

/// <summary>Goal: a name means what a resolver's user expects. Method: a small mesh, looked up by every form of name.</summary>
public sealed class NameTableTests
{
    private static readonly Service s_stock = Some.Service("stock", "10.96.0.7", "shop");
    private static readonly Service s_headless = Some.Service("db", "", "shop");
    private static readonly Service s_api = Entry("api.example.com", "shop", "240.240.0.9", "2001:2::9");
    private static readonly Service s_any = Entry("*.example.com", "shop", "240.240.0.10");
    private static readonly Service s_deep = Entry("*.eu.example.com", "shop", "240.240.0.11");
    private static readonly Service s_block = Entry("block.example.org", "shop", "192.0.2.0/24");
    private static readonly Service s_foreign = Entry("own.example.net", "other", "240.240.0.12") with { Visibility = ServiceVisibility.Namespace };

    private readonly NameTable _names = new("cluster.local");
    private readonly List<IpValue> _addresses = [];

    private static MeshSnapshot Mesh => Some.Snapshot(
        workloads:
        [
            Some.Workload("db-0", "10.0.1.1", "shop").EndpointOf(s_headless),
            Some.Workload("db-1", "10.0.1.2", "shop").EndpointOf(s_headless) with { Addresses = [IPAddress.Parse("10.0.1.2"), IPAddress.Parse("fd00::2")] },
            Some.Workload("db-2", "10.0.1.3", "shop").EndpointOf(s_headless) with { IsHealthy = false },
            Some.Workload("db-3", "10.0.1.4", "shop", network: "elsewhere").EndpointOf(s_headless),
        ],
        services: [s_stock, s_headless, s_api, s_any, s_deep, s_block, s_foreign, Some.Service("empty", "", "shop")]);

    [Theory]
    [InlineData("stock.shop.svc.cluster.local", "elsewhere", "stock.shop.svc.cluster.local")]
    [InlineData("stock.shop.svc", "elsewhere", "stock.shop.svc.cluster.local")]
    [InlineData("stock.shop", "elsewhere", "stock.shop.svc.cluster.local")]
    [InlineData("stock", "shop", "stock.shop.svc.cluster.local")]
    [InlineData("stock", "elsewhere", null)]
    [InlineData("stock.shop.svc.cluster", "shop", null)]
    [InlineData("stock.shop.pod", "shop", null)]
    [InlineData("pod-0.stock.shop.svc", "shop", null)]
    [InlineData("stock.other", "shop", null)]
    [InlineData("api.example.com", "elsewhere", "api.example.com")]
    [InlineData("www.example.com", "elsewhere", "*.example.com")]
    [InlineData("a.b.example.com", "elsewhere", "*.example.com")]
    [InlineData("a.eu.example.com", "elsewhere", "*.eu.example.com")]
    [InlineData("example.com", "elsewhere", null)]
    [InlineData("xexample.com", "elsewhere", null)]
    [InlineData("own.example.net", "other", "own.example.net")]
    [InlineData("own.example.net", "shop", null)]
    [InlineData("", "shop", null)]
    public void A_name_means_a_service(string name, string clientNamespace, string? hostname) =>
        Assert.Equal(hostname, _names.Find(Mesh, Encoding.ASCII.GetBytes(name), clientNamespace)?.Hostname);

    [Fact]
    public void A_name_of_the_longest_kind_is_looked_for_and_one_beyond_is_not()
    {
        byte[] longest = Encoding.ASCII.GetBytes(new string('x', 242) + ".example.com");
        Assert.Equal("*.example.com", _names.Find(Mesh, longest, "shop")?.Hostname);
        Assert.Null(_names.Find(Mesh, [(byte)'x', .. longest], "shop"));
        Assert.Null(_names.Find(Mesh, Encoding.ASCII.GetBytes(new string('x', 254)), "shop"));
    }

    [Fact]
    public void A_service_is_found_no_more_once_it_is_gone()
    {
        MeshSnapshot.Builder builder = Mesh.ToBuilder();
        Assert.True(builder.RemoveService(s_stock.Key));
        Assert.Null(_names.Find(builder.Build(), "stock.shop"u8, "shop"));
    }

    [Fact]
    public void One_host_name_of_two_namespaces_means_the_clients_own()
    {
        Service other = Entry("api.example.com", "other", "240.240.0.77");
        MeshSnapshot.Builder builder = Mesh.ToBuilder();
        builder.SetService(other);
        MeshSnapshot both = builder.Build();
        Assert.Same(other, _names.Find(both, "api.example.com"u8, "other"));
        Assert.Same(s_api, _names.Find(both, "api.example.com"u8, "shop"));
        builder.RemoveService(other.Key);
        Assert.Same(s_api, _names.Find(builder.Build(), "api.example.com"u8, "other"));
    }

    [Fact]
    public void A_service_has_its_virtual_addresses_or_those_of_its_endpoints()
    {
        Assert.Equal(["10.96.0.7"], Resolve(s_stock)!);
        Assert.Equal(["240.240.0.9", "2001:2::9"], Resolve(s_api)!);
        Assert.Equal(["10.0.1.1", "10.0.1.2", "fd00::2"], Resolve(s_headless)!);
        Assert.Equal(["10.0.1.4"], Resolve(s_headless, "elsewhere")!);
        Assert.Null(Resolve(s_headless, "nowhere"));
        Assert.Null(Resolve(s_block));
        Assert.Null(Resolve(s_stock, "elsewhere"));
        Assert.Null(Resolve(Some.Service("empty", "", "shop")));

        // A host outside the cluster's domain without an address is reached as DNS says.
        Assert.Null(Resolve(Entry("no.example.com", "shop")));
    }

    [Fact]
    public void Not_ready_endpoints_count_where_the_service_publishes_them()
    {
        Service publishing = s_headless with { LoadBalancing = LoadBalancing.Default with { AllowsUnhealthy = true } };
        Assert.Contains("10.0.1.3", Resolve(publishing)!);
    }

    [Fact]
    public void Looking_up_allocates_nothing()
    {
        MeshSnapshot mesh = Mesh;
        _names.TryResolve(mesh, s_headless, "", _addresses);
        _names.Find(mesh, "a.b.eu.example.com"u8, "shop");
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            _names.Find(mesh, "stock"u8, "shop");
            _names.Find(mesh, "a.b.eu.example.com"u8, "shop");
            _names.TryResolve(mesh, s_api, "", _addresses);
            _names.TryResolve(mesh, s_headless, "", _addresses);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private string[]? Resolve(Service service, string network = "") =>
        _names.TryResolve(Mesh, service, network, _addresses) ? [.. _addresses.Select(address => address.ToString())] : null;

    private static Service Entry(string hostname, string @namespace, params string[] addresses) => new(@namespace, hostname)
    {
        Name = "entry",
        Addresses = [.. addresses.Select(address => new NetworkPrefix("", IpPrefix.Parse(address)))],
    };
}
