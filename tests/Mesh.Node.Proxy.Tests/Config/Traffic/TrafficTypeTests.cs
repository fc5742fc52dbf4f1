using Google.Protobuf;
using Mesh.Api.Discovery;
using Mesh.Api.Traffic;
using Mesh.Node.Proxy.Config;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using Wire = Mesh.Node.Proxy.Tests.ControlPlane.Wire;

namespace Mesh.Node.Proxy.Tests.Config.Traffic;

public sealed class TrafficTypeTests
{
    private readonly ConfigurationStore _store = new(NullLogger<ConfigurationStore>.Instance);
    private readonly ResourceApplier _applier;
    private readonly List<ConfigurationChange> _changes = [];

    public TrafficTypeTests()
    {
        _applier = new ResourceApplier(_store, "istio-system", NullLogger<ResourceApplier>.Instance);
        _store.Changed += _changes.Add;
    }

    [Fact]
    public void Traffic_comes_changes_and_goes_by_itself_and_a_change_names_it()
    {
        Assert.Empty(Apply(Resource("stock", 80), Resource("cart", 81)));
        Mesh.Node.Model.Traffic.ServiceTraffic cart = _store.Current.FindTraffic("shop/cart")!;
        Assert.Empty(Apply(Resource("stock", 82)));

        Assert.Equal(["shop/cart", "shop/stock"], _changes[0].Traffic.Order());
        Assert.Equal(["shop/stock"], _changes[1].Traffic);
        Assert.Empty(_changes[1].Services);
        Assert.NotNull(_store.Current.FindTraffic("shop/stock")!.RoutesOf(82, "any"));
        Assert.Null(_store.Current.FindTraffic("shop/stock")!.RoutesOf(80, "any"));
        Assert.Same(cart, _store.Current.FindTraffic("shop/cart"));

        Assert.Empty(_applier.Apply(Wire.Removal(ResourceTypes.Traffic, "shop/stock", "never/there"))!);
        Assert.Equal(["shop/stock"], _changes[2].Traffic);
        Assert.Null(_store.Current.FindTraffic("shop/stock"));
        Assert.Same(cart, _store.Current.FindTraffic("shop/cart"));
    }

    [Fact]
    public void What_is_refused_leaves_what_was_good_and_takes_nothing_good_with_it()
    {
        Assert.Empty(Apply(Resource("stock", 80)));
        Mesh.Node.Model.Traffic.ServiceTraffic good = _store.Current.FindTraffic("shop/stock")!;

        IReadOnlyList<ResourceProblem> refused = Apply(Resource("stock", 70_000), Resource("cart", 81));

        ResourceProblem problem = Assert.Single(refused);
        Assert.Equal("shop/stock: scopes[0].ports[0].port: 70000 is not a port", problem.ToString());
        Assert.Same(good, _store.Current.FindTraffic("shop/stock"));
        Assert.NotNull(_store.Current.FindTraffic("shop/cart"));
    }

    [Fact]
    public void A_resource_under_anothers_name_or_of_no_sense_is_refused()
    {
        Resource misnamed = Wire.Resource("shop/cart", Traffic("stock", 80));
        Resource garbled = Resource("stock", 80);
        garbled.Resource_.Value = ByteString.CopyFrom(0x0a, 0xff);

        IReadOnlyList<ResourceProblem> refused = Apply(misnamed, garbled);

        Assert.Equal(["it is of the service 'shop/stock'", refused[1].Text], refused.Select(problem => problem.Text));
        Assert.StartsWith("its content cannot be decoded", refused[1].Text, StringComparison.Ordinal);
        Assert.Empty(_store.Current.Traffic);
    }

    private IReadOnlyList<ResourceProblem> Apply(params Resource[] resources) => _applier.Apply(Wire.Response(ResourceTypes.Traffic, resources))!;

    private static Resource Resource(string name, uint port) => Wire.Resource($"shop/{name}", Traffic(name, port));

    private static ServiceTraffic Traffic(string name, uint port) => new()
    {
        Namespace = "shop",
        Hostname = name,
        Scopes = { new TrafficScope { Ports = { new PortRoutes { Port = port } } } },
    };
}
