using Mesh.Lab.Cli;
using Xunit;

namespace Mesh.Lab.Tests;

public sealed class CommandLineTests
{
    [Fact]
    public void Options_stand_anywhere_before_the_command_to_run()
    {
        var reader = new ArgumentReader("exec", ["cart", "-n", "shop", "--name=two", "--", "curl", "-n", "x"]);

        Assert.Equal("two", reader.Option("--name"));
        Assert.Equal("shop", reader.Option("-n", "--namespace"));
        Assert.Equal("cart", reader.RequiredWord("the pod"));
        Assert.Equal(["curl", "-n", "x"], reader.Tail);
        reader.End();
    }

    [Fact]
    public void What_nobody_asked_for_is_an_error_that_names_it()
    {
        var reader = new ArgumentReader("up", ["--nodse", "3"]);
        Assert.Null(reader.Option("--nodes"));

        Assert.Contains("'--nodse'", Assert.Throws<LabException>(reader.End).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_option_without_its_value_is_an_error()
    {
        var reader = new ArgumentReader("up", ["--nodes"]);

        LabException refused = Assert.Throws<LabException>(() => reader.Option("--nodes"));
        Assert.Contains("--nodes needs a value", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("po", "Pod")]
    [InlineData("pods", "Pod")]
    [InlineData("svc", "Service")]
    [InlineData("authorizationpolicies", "AuthorizationPolicy")]
    [InlineData("AuthorizationPolicy", "AuthorizationPolicy")]
    [InlineData("peerauthentications", "PeerAuthentication")]
    [InlineData("Telemetry", "Telemetry")]
    public void Kinds_are_understood_as_people_type_them(string typed, string kind)
    {
        Assert.Equal(kind, KindNames.Canonical(typed));
    }

    [Theory]
    [InlineData("shop/cart", null, "shop.cart")]
    [InlineData("cart", "shop", "shop.cart")]
    [InlineData("mail", null, "other.mail")]
    [InlineData("node-1", null, "node-1")]
    [InlineData("fabric", null, "fabric")]
    public void A_pod_is_found_by_the_shortest_name_that_tells_it(string name, string? space, string networkNamespace)
    {
        Assert.Equal(networkNamespace, Target.NetworkNamespace(s_status, name, space));
    }

    [Fact]
    public void A_name_that_could_mean_several_pods_or_none_says_which_there_are()
    {
        LabException several = Assert.Throws<LabException>(() => Target.Pod(s_status, "cart", null));
        LabException none = Assert.Throws<LabException>(() => Target.Pod(s_status, "nosuch", null));

        Assert.Contains("several namespaces: shop/cart, other/cart", several.Message, StringComparison.Ordinal);
        Assert.Contains("there are: shop/cart, other/cart, other/mail, node-1", none.Message, StringComparison.Ordinal);
    }

    private static readonly LabStatus s_status = new(
        "default",
        true,
        [new NodeStatus("node-1", "10.0.0.1", "fd00:10::1")],
        [],
        [Pod("shop", "cart"), Pod("other", "cart"), Pod("other", "mail")],
        [],
        []);

    private static PodStatus Pod(string space, string name)
    {
        string place = $"{space}.{name}";
        return new PodStatus(space, name, "node-1", "default", place, "10.1.1.2", "fd00::2", "running", null, 1, 0, true, true, true);
    }
}
