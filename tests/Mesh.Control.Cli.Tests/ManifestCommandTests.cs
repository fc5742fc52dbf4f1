using System.Text.Json.Nodes;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>The commands that show and change a directory of manifests.</summary>
public sealed class ManifestCommandTests
{
    private const string Cart = """
        # What customers have chosen.
        apiVersion: v1
        kind: Service
        metadata:
          name: cart
          namespace: shop
        spec:
          selector:
            app: cart
          ports:
          - name: http
            port: 80
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata:
          name: cart
          namespace: shop
        spec:
          host: cart # in full: cart.shop.svc.cluster.local
          subsets:
          - name: v1
            labels:
              version: v1

        """;

    private static string Route(string subset) => $"""
        # Where requests for the cart go.
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata:
          name: cart
          namespace: shop
        spec:
          hosts: [cart]
          http:
          - route:
            - destination:
                host: cart
                subset: {subset}

        """;

    [Fact]
    public async Task Get_shows_what_is_where()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart).With("route.yaml", Route("v1"));

        CliResult all = await Cli.RunAsync("get", folder.Path);
        CliResult one = await Cli.RunAsync("get", folder.Path, "dr", "cart", "-n", "shop", "-o", "yaml");
        CliResult none = await Cli.RunAsync("get", folder.Path, "vs", "-n", "elsewhere");

        string[] rows = all.Output.TrimEnd().Split('\n');
        Assert.Equal(["KIND", "NAMESPACE", "NAME", "ABOUT", "ORIGIN"], rows[0].Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains(
            rows, row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                is ["VirtualService", "shop", "cart", "[cart]", string origin] && origin == $"{folder.Of("route.yaml")}:2");
        Assert.Equal(
            """
            apiVersion: networking.istio.io/v1
            kind: DestinationRule
            metadata:
              name: cart
              namespace: shop
            spec:
              host: cart
              subsets:
              - name: v1
                labels:
                  version: v1

            """,
            one.Output);
        Assert.Equal((0, 0, 1), (all.Code, one.Code, none.Code));
    }

    [Fact]
    public async Task Get_does_not_show_what_secrets_hold()
    {
        using Folder folder = new Folder().With(
            "secret.yaml", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: key\n  namespace: shop\nstringData:\n  tls.key: precious\n");

        foreach (string form in (string[])["table", "yaml", "json"])
        {
            CliResult result = await Cli.RunAsync("get", folder.Path, "secret", "-o", form);
            Assert.DoesNotContain("precious", result.Output, StringComparison.Ordinal);
            Assert.Equal(0, result.Code);
        }
    }

    [Fact]
    public async Task Apply_makes_replaces_and_leaves_alone()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart);
        string rule = Cart.Split("---\n")[1].Replace("  subsets:", "  exportTo: ['*']\n  subsets:", StringComparison.Ordinal);
        using Folder outside = new Folder().With("route.yaml", Route("v1")).With("rule.yaml", rule);

        CliResult made = await Cli.RunAsync("apply", folder.Path, outside.Of("route.yaml"));
        CliResult again = await Cli.RunAsync("apply", folder.Path, outside.Of("route.yaml"));
        CliResult replaced = await Cli.RunAsync("apply", folder.Path, outside.Of("rule.yaml"));

        string file = folder.Of("virtualservice-shop-cart.yaml");
        Assert.Equal($"VirtualService shop/cart created ({file})\n", made.Output);
        Assert.Equal(Route("v1"), await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken));
        Assert.Equal($"VirtualService shop/cart unchanged ({file})\n", again.Output);
        Assert.Equal($"DestinationRule shop/cart configured ({folder.Of("cart.yaml")})\n", replaced.Output);
        Assert.StartsWith("# What customers have chosen.\n", folder.Read("cart.yaml"), StringComparison.Ordinal);
        Assert.EndsWith(outside.Read("rule.yaml"), folder.Read("cart.yaml"), StringComparison.Ordinal);
        Assert.Equal(["cart.yaml", "virtualservice-shop-cart.yaml"], folder.Files);
        Assert.Equal((0, 0, 0), (made.Code, again.Code, replaced.Code));
    }

    [Fact]
    public async Task Apply_refuses_what_would_be_in_error_unless_told_otherwise()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart);
        using Folder outside = new Folder().With("route.yaml", Route("v9"));

        CliResult refused = await Cli.RunAsync("apply", folder.Path, outside.Of("route.yaml"));
        string[] files = folder.Files;
        CliResult forced = await Cli.RunAsync("apply", folder.Path, outside.Of("route.yaml"), "--force");

        Assert.Equal(1, refused.Code);
        Assert.Equal(string.Empty, refused.Output);
        Assert.Contains(
            $"Error [IST0101] (VirtualService shop/cart {outside.Of("route.yaml")}:13)", refused.Errors, StringComparison.Ordinal);
        Assert.Equal(["cart.yaml"], files);
        Assert.Equal(0, forced.Code);
        Assert.Equal(["cart.yaml", "virtualservice-shop-cart.yaml"], folder.Files);
    }

    [Fact]
    public async Task A_dry_run_writes_nothing()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart);

        CliResult applied = await Cli.RunWithInputAsync(Route("v1"), "apply", folder.Path, "-", "--dry-run");
        CliResult deleted = await Cli.RunAsync("delete", folder.Path, "dr", "cart", "--dry-run");

        Assert.EndsWith(" (dry run)\n", applied.Output, StringComparison.Ordinal);
        Assert.EndsWith(" (dry run)\n", deleted.Output, StringComparison.Ordinal);
        Assert.Equal(["cart.yaml"], folder.Files);
        Assert.Equal(Cart, folder.Read("cart.yaml"));
    }

    [Fact]
    public async Task Delete_refuses_what_others_need_and_leaves_no_empty_file()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart).With("route.yaml", Route("v1"));

        CliResult refused = await Cli.RunAsync("delete", folder.Path, "destinationrule", "cart", "-n", "shop");
        CliResult route = await Cli.RunAsync("delete", folder.Path, "virtualservices", "cart");
        CliResult rule = await Cli.RunAsync("delete", folder.Path, "destinationrule", "cart", "-n", "shop");
        CliResult gone = await Cli.RunAsync("delete", folder.Path, "destinationrule", "cart", "-n", "shop");

        Assert.Contains($"[IST0101] (VirtualService shop/cart {folder.Of("route.yaml")}:13)", refused.Errors, StringComparison.Ordinal);
        Assert.Equal((1, 0, 0, 1), (refused.Code, route.Code, rule.Code, gone.Code));
        Assert.Equal(["cart.yaml"], folder.Files);
        Assert.Equal(Cart.Split("---\n")[0], folder.Read("cart.yaml"));
    }

    [Fact]
    public async Task What_stands_in_a_list_is_not_taken_apart()
    {
        using Folder folder = new Folder().With(
            "list.yaml",
            """
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: Namespace
              metadata: {name: one}
            - apiVersion: v1
              kind: Namespace
              metadata: {name: two}
            """);

        CliResult result = await Cli.RunAsync("delete", folder.Path, "ns", "one");

        Assert.Equal(1, result.Code);
        Assert.Contains($"{folder.Of("list.yaml")}:1: Namespace one stands in a list", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Diff_says_what_changes_for_which_service()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart).With("route.yaml", Route("v1"));
        using Folder outside = new Folder()
            .With("same.yaml", Route("v1"))
            .With("timeout.yaml", Route("v1").Replace("  - route:", "  - timeout: 3s\n    route:", StringComparison.Ordinal));

        CliResult same = await Cli.RunAsync("diff", folder.Path, outside.Of("same.yaml"));
        CliResult text = await Cli.RunAsync("diff", folder.Path, outside.Of("timeout.yaml"));
        CliResult json = await Cli.RunAsync("diff", folder.Path, outside.Of("timeout.yaml"), "-o", "json");

        Assert.Equal((0, "No service would change.\n"), (same.Code, same.Output));
        Assert.StartsWith(
            "shop/cart.shop.svc.cluster.local changed\n+ traffic[0].ports[0].routes[0].", text.Output, StringComparison.Ordinal);
        Assert.Contains("imeout: \"00:00:03\"\n", text.Output, StringComparison.Ordinal);
        JsonNode difference = Assert.Single(JsonNode.Parse(json.Output)!.AsArray())!;
        Assert.Equal("shop/cart.shop.svc.cluster.local", (string?)difference["service"]);
        Assert.Equal((1, 1), (text.Code, json.Code));
    }

    [Fact]
    public async Task Diff_knows_policies_of_pods_that_are_yet_to_come()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart).With(
            "deployment.yaml",
            """
            apiVersion: apps/v1
            kind: Deployment
            metadata: {name: cart, namespace: shop}
            spec:
              template:
                metadata:
                  labels: {app: cart, version: v1}
            """);
        const string Policy = """
            apiVersion: security.istio.io/v1
            kind: AuthorizationPolicy
            metadata: {name: cart, namespace: shop}
            spec:
              selector:
                matchLabels: {app: cart}
              action: DENY
              rules:
              - to:
                - operation: {methods: [DELETE]}
            """;

        CliResult result = await Cli.RunWithInputAsync(Policy, "diff", folder.Path, "-");

        Assert.Contains("+ AuthorizationPolicy shop/cart: present\n", result.Output, StringComparison.Ordinal);
        Assert.Contains("+ AuthorizationPolicy shop/cart spec.action: \"DENY\"\n", result.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Translate_shows_the_model()
    {
        using Folder folder = new Folder().With("cart.yaml", Cart).With("route.yaml", Route("v1"));

        CliResult json = await Cli.RunAsync("translate", folder.Path, "-o", "json");
        CliResult yaml = await Cli.RunAsync("translate", folder.Path);

        JsonNode model = JsonNode.Parse(json.Output)!;
        JsonNode service = model["namespaces"]!.AsArray().Single(space => (string?)space!["name"] == "shop")!["services"]![0]!;
        Assert.Equal("shop/cart.shop.svc.cluster.local", (string?)service["key"]);
        Assert.Equal(80, (int?)service["ports"]![0]!["port"]);
        JsonNode route = model["traffic"]![0]!["scopes"]![0]!["ports"]![0]!["routes"]![0]!;
        Assert.Equal("v1", (string?)route["action"]!["destinations"]![0]!["subset"]);
        Assert.Contains("key: shop/cart.shop.svc.cluster.local\n", yaml.Output, StringComparison.Ordinal);
        Assert.Equal((0, 0), (json.Code, yaml.Code));
    }
}
