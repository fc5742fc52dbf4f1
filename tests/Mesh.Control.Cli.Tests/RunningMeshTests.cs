using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Xunit;

namespace Mesh.Control.Cli.Tests;

/// <summary>The commands that ask a control plane and proxies.</summary>
public sealed class RunningMeshTests
{
    private const string Proxies = """
        {"proxies": [
          {"node": "node-1", "id": "a", "address": "10.0.0.1:40000", "isCurrent": true, "types": [
            {"type": "type.googleapis.com/istio.workload.Address", "inForce": 7, "sent": 7, "acked": 7},
            {"type": "type.googleapis.com/istio.security.Authorization", "inForce": 4, "sent": 4, "acked": 3, "unanswered": 1}]},
          {"node": "node-2", "id": "b", "address": "10.0.0.2:40000", "isCurrent": false, "types": [
            {"type": "type.googleapis.com/istio.workload.Address", "inForce": 7, "sent": 6, "acked": 6,
             "nacked": {"generation": 7, "at": "2026-01-01T00:00:00Z", "reason": "no room for stock", "resources": ["shop/stock"]}}]}]}
        """;

    private const string Dump = """
        {"services": [{"name": "cart", "namespace": "shop", "hostname": "cart.shop.svc.cluster.local", "vips": ["/10.1.0.1/32"],
          "ports": {"80": 8080}, "endpoints": {"a": {}, "b": {}}}],
         "workloads": [{"namespace": "shop", "name": "cart-1", "workloadIps": ["10.2.0.1"], "node": "node-1", "protocol": "HBONE",
           "status": "Healthy"}],
         "policies": [{"name": "cart", "namespace": "shop", "action": "Deny"}]}
        """;

    [Fact]
    public async Task Status_says_who_has_confirmed_what_and_who_refuses()
    {
        await using var page = new AdminPage(Proxies);

        CliResult table = await Cli.RunAsync("status", "--control", page.Address);
        CliResult json = await Cli.RunAsync("status", "--control", page.Address, "-o", "json");

        string[][] rows = [.. table.Output.Split('\n').Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];
        Assert.Equal(["node-1", "10.0.0.1:40000", "Address", "SYNCED", "7", "7", "7"], rows[1]);
        Assert.Equal(["node-1", "10.0.0.1:40000", "Authorization", "PENDING", "4", "4", "3"], rows[2]);
        Assert.Equal(["node-2", "10.0.0.2:40000", "Address", "REFUSED", "7", "6", "6"], rows[3]);
        Assert.Contains("node-2 refuses shop/stock (Address): no room for stock\n", table.Output, StringComparison.Ordinal);
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Proxies), JsonNode.Parse(json.Output)));
        Assert.Equal((1, 1), (table.Code, json.Code));
        Assert.Equal(["/debug/proxies", "/debug/proxies"], page.Asked);
    }

    [Fact]
    public async Task Without_a_proxy_status_says_so()
    {
        await using var page = new AdminPage("""{"proxies": []}""");

        CliResult result = await Cli.RunAsync("status", "--control", page.Address);

        Assert.Equal((1, "No proxy is connected.\n"), (result.Code, result.Output));
    }

    [Theory]
    [InlineData("services", "/config_dump", "shop cart.shop.svc.cluster.local 10.1.0.1 80:8080 2")]
    [InlineData("workloads", "/config_dump", "shop cart-1 10.2.0.1 node-1 HBONE Healthy")]
    [InlineData("policies", "/config_dump", "- name: cart")]
    public async Task Config_shows_what_a_proxy_has(string part, string asked, string expected)
    {
        await using var page = new AdminPage(Dump);

        CliResult table = await Cli.RunAsync("config", page.Address, part);
        CliResult json = await Cli.RunAsync("config", page.Address, part, "-o", "json");

        Assert.Contains(
            expected, table.Output.Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Dump)![part], JsonNode.Parse(json.Output)));
        Assert.Equal((0, 0), (table.Code, json.Code));
        Assert.Equal([asked, asked], page.Asked);
    }

    [Fact]
    public async Task Config_shows_endpoints_and_certificates()
    {
        await using var clusters = new AdminPage("""
            {"endpoints": [{"service": "shop/cart", "port": 80, "address": "10.2.0.1:8080", "protocol": "HBONE",
              "health": "healthy", "weight": 1}]}
            """);
        await using var certificates = new AdminPage("""
            [{"identity": "spiffe://cluster.local/ns/shop/sa/cart", "state": "Available",
              "certChain": [{"serialNumber": "0A", "expirationTime": "2026-01-02T00:00:00Z"}]}]
            """);

        CliResult endpoints = await Cli.RunAsync("config", clusters.Address, "endpoints");
        CliResult identities = await Cli.RunAsync("config", certificates.Address, "certificates");

        Assert.Contains("10.2.0.1:8080", endpoints.Output, StringComparison.Ordinal);
        Assert.Contains("2026-01-02T00:00:00Z", identities.Output, StringComparison.Ordinal);
        Assert.Equal(["/clusters?format=json"], clusters.Asked);
        Assert.Equal(["/certs"], certificates.Asked);
    }

    [Fact]
    public async Task Explain_asks_both_ends()
    {
        await using var client = new AdminPage("route     cart: it asks for nothing\n");
        await using var server = new AdminPage("allowed   by nothing that denies\n");

        CliResult result = await Cli.RunAsync(
            "explain", "--from", "shop/web-1", "--to", "cart:80", "--method", "POST", "--path", "/items?q=a b", "-H", "x-user: 7",
            "--proxy", client.Address, "--proxy", server.Address);

        Assert.Equal(
            $"# {client.Address}\nroute     cart: it asks for nothing\n# {server.Address}\nallowed   by nothing that denies\n",
            result.Output);
        string asked = Assert.Single(client.Asked);
        Assert.Equal(
            "/explain?from=shop%2Fweb-1&to=cart%3A80&method=POST&path=%2Fitems%3Fq%3Da%20b&header=x-user%3A%207&format=text", asked);
        Assert.Equal([asked], server.Asked);
        Assert.Equal(0, result.Code);
    }

    [Fact]
    public async Task A_proxy_that_cannot_tell_does_not_hide_the_other()
    {
        await using var client = new AdminPage("""{"route": "cart"}""");
        await using var server = new AdminPage("from: there is no pod shop/web-1 here\n", "400 Bad Request");

        CliResult both = await Cli.RunAsync(
            "explain", "--from", "shop/web-1", "--to", "cart:80", "-o", "json", "--proxy", server.Address, "--proxy", client.Address);
        CliResult neither = await Cli.RunAsync("explain", "--from", "shop/web-1", "--to", "cart:80", "--proxy", server.Address);

        JsonNode answer = Assert.Single(JsonNode.Parse(both.Output)!.AsArray())!;
        Assert.Equal(client.Address, (string?)answer["proxy"]);
        Assert.Equal("cart", (string?)answer["explanation"]!["route"]);
        Assert.Contains("there is no pod shop/web-1 here", both.Errors, StringComparison.Ordinal);
        Assert.Equal((0, 1), (both.Code, neither.Code));
    }

    [Fact]
    public async Task Who_does_not_answer_is_named_with_the_option_that_asks_elsewhere()
    {
        // A port that is taken, and at which nobody listens.
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        string nobody = taken.LocalEndPoint!.ToString()!;

        CliResult result = await Cli.RunAsync("status", "--control", nobody);

        Assert.Equal(1, result.Code);
        Assert.Contains($"Nobody answers at {nobody} (ConnectionRefused); --control", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task This_machine_may_be_named_and_an_error_shows_the_port_that_is_meant()
    {
        await using var page = new AdminPage(Proxies);
        string port = page.Address[(page.Address.LastIndexOf(':') + 1)..];

        CliResult named = await Cli.RunAsync("status", "--control", $"localhost:{port}");
        CliResult wrong = await Cli.RunAsync("status", "--control", "mesh-control");

        Assert.Equal(string.Empty, named.Errors);
        Assert.Contains("node-1", named.Output, StringComparison.Ordinal);
        Assert.Contains("'mesh-control' is not an address and port such as 127.0.0.1:15014.", wrong.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("There is no service nobody in the namespace shop of ", " There are Service shop/cart.", "service", "nobody", "-n", "shop")]
    [InlineData("There is no svc cart in the namespace other of ", " There is Service shop/cart.", "svc", "cart", "-n", "other")]
    [InlineData("There is no virtualservice cart in ", " The kinds there are Service.", "virtualservice", "cart")]
    public async Task What_is_not_there_is_named_with_what_is(string problem, string hint, params string[] named)
    {
        using Folder folder = new Folder().With("a.yaml", """
            apiVersion: v1
            kind: Service
            metadata: {name: cart, namespace: shop}
            spec: {selector: {app: cart}, ports: [{name: http, port: 80}]}
            """);

        CliResult described = await Cli.RunAsync(["describe", folder.Path, .. named]);
        CliResult listed = await Cli.RunAsync(["get", folder.Path, .. named]);
        CliResult deleted = await Cli.RunAsync(["delete", folder.Path, .. named]);

        Assert.All(new[] { described, listed, deleted }, result =>
            Assert.Equal((1, $"meshctl: {problem}{folder.Path}.{hint}\n"), (result.Code, result.Errors)));
    }

    [Fact]
    public async Task What_answers_and_is_something_else_is_said_to_be()
    {
        await using var page = new AdminPage("hello");

        CliResult result = await Cli.RunAsync("config", page.Address);

        Assert.Equal(1, result.Code);
        Assert.Contains("does not answer as expected at /config_dump", result.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("status", "--control", "somewhere")]
    [InlineData("config", "127.0.0.1")]
    [InlineData("config", "127.0.0.1:15000", "everything")]
    [InlineData("explain", "--from", "shop/web-1")]
    [InlineData("completion", "powershell")]
    public async Task What_is_not_understood_ends_with_2(params string[] arguments) =>
        Assert.Equal(2, (await Cli.RunAsync(arguments)).Code);

    [Fact]
    public async Task Describe_shows_what_has_a_say_in_order()
    {
        string canary = Path.Combine(Cli.Repository, "tests/Mesh.Control.Cli.Tests/Clean/canary");

        CliResult service = await Cli.RunAsync("describe", canary, "service", "boards", "-n", "workshop", "-o", "json");
        CliResult workload = await Cli.RunAsync("describe", canary, "deployment", "boards", "-o", "json");
        CliResult table = await Cli.RunAsync("describe", canary, "svc", "boards");

        Assert.Equal(
            [
                "routes VirtualService workshop/boards",
                "destination DestinationRule workshop/boards",
                "workload Deployment workshop/boards",
                "mutual TLS PeerAuthentication workshop/default",
                "tokens RequestAuthentication workshop/boards-jwt",
                "authorization AuthorizationPolicy workshop/boards-shared",
            ],
            RelationsOf(service));
        Assert.Equal(
            [
                "service Service workshop/boards",
                "mutual TLS PeerAuthentication workshop/default",
                "tokens RequestAuthentication workshop/boards-jwt",
                "authorization AuthorizationPolicy workshop/boards-shared",
            ],
            RelationsOf(workload));
        Assert.Contains($"{canary}/security.yaml:", table.Output, StringComparison.Ordinal);
        Assert.Equal((0, 0, 0), (service.Code, workload.Code, table.Code));
    }

    [Fact]
    public async Task Describe_shows_what_is_wrong_with_it()
    {
        using Folder folder = new Folder().With("input.yaml", await File.ReadAllTextAsync(
            Cli.Golden("IST0173", "input.yaml"), TestContext.Current.CancellationToken));

        CliResult result = await Cli.RunAsync("describe", folder.Path, "service", "cart");

        Assert.Contains("Error [IST0173] (DestinationRule shop/cart", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, result.Code);
    }

    [Theory]
    [InlineData("bash", "complete -o default")]
    [InlineData("zsh", "compdef")]
    [InlineData("fish", "complete -c meshctl")]
    public async Task Completion_prints_a_script(string shell, string expected)
    {
        CliResult result = await Cli.RunAsync("completion", shell);

        Assert.Contains(expected, result.Output, StringComparison.Ordinal);
        Assert.Equal(0, result.Code);
    }

    [Theory]
    [InlineData("meshctl an", "analyze")]
    [InlineData("meshctl analyze . -o ", "sarif")]
    [InlineData("meshctl apply a b --", "--dry-run")]
    [InlineData("meshctl get . ", "vs")]
    public async Task What_scripts_ask_for_is_completed(string line, string expected)
    {
        CliResult result = await Cli.RunAsync($"[suggest:{line.Length}]", line);

        Assert.Contains(expected, result.Output.Split('\n'));
    }

    private static string[] RelationsOf(CliResult result) =>
        [.. JsonNode.Parse(result.Output)!["affectedBy"]!.AsArray().Select(relation => $"{relation!["role"]} {relation["object"]}")];
}
