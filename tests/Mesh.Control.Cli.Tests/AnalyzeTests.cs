using System.Text.Json.Nodes;
using Xunit;

namespace Mesh.Control.Cli.Tests;

public sealed class AnalyzeTests
{
    private const string LonelyRoute = """
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
                subset: v1
        """;

    [Theory]
    [InlineData("tests/Mesh.Lab/Shop")]
    [InlineData("tests/Mesh.Lab/Shop", "tests/Mesh.Lab/ShopPolicies")]
    [InlineData("tests/Mesh.Control.Cli.Tests/Clean/canary")]
    [InlineData("tests/Mesh.Control.Cli.Tests/Clean/expense")]
    public async Task What_is_as_it_should_be_gives_no_alarm(params string[] paths)
    {
        CliResult result = await Cli.RunAsync(
            ["analyze", "--failure-threshold", "info", .. paths.Select(path => Path.Combine(Cli.Repository, path))]);

        Assert.StartsWith("No findings in ", result.Output, StringComparison.Ordinal);
        Assert.Equal(0, result.Code);
        Assert.Equal(string.Empty, result.Errors);
    }

    [Fact]
    public async Task A_part_of_a_mesh_is_not_blamed_for_what_stands_elsewhere()
    {
        CliResult result = await Cli.RunWithInputAsync(LonelyRoute, "analyze", "-", "--failure-threshold", "info");

        Assert.Equal("No findings in 1 object.\n", result.Output);
        Assert.Equal(0, result.Code);
    }

    [Theory]
    [InlineData("IST0101", "error", 1)]
    [InlineData("IST0127", "error", 0)]
    [InlineData("IST0127", "warning", 1)]
    [InlineData("IST0118", "warning", 0)]
    [InlineData("IST0118", "info", 1)]
    public async Task The_threshold_decides_how_the_command_ends(string code, string threshold, int expected)
    {
        CliResult result = await Cli.RunAsync("analyze", Cli.Golden(code, "input.yaml"), "--failure-threshold", threshold);

        Assert.Contains($"[{code}]", result.Output, StringComparison.Ordinal);
        Assert.Equal(expected, result.Code);
    }

    [Fact]
    public async Task Json_says_what_the_text_says()
    {
        CliResult result = await Cli.RunAsync("analyze", Cli.Golden("KIA0005", "input.yaml"), "-o", "json");

        JsonNode finding = Assert.Single(JsonNode.Parse(result.Output)!.AsArray())!;
        Assert.Equal("KIA0005", (string?)finding["code"]);
        Assert.Equal("Error", (string?)finding["level"]);
        Assert.Equal("DestinationRule", (string?)finding["object"]!["kind"]);
        Assert.Equal("shop", (string?)finding["object"]!["namespace"]);
        Assert.Equal("cart", (string?)finding["object"]!["name"]);
        Assert.Equal("spec.exportTo[1]", (string?)finding["field"]);
        Assert.EndsWith("KIA0005/input.yaml", (string?)finding["file"], StringComparison.Ordinal);
        Assert.Equal(1, result.Code);
    }

    [Fact]
    public async Task Kialis_code_stands_beside_that_of_Istio()
    {
        CliResult result = await Cli.RunAsync("analyze", Cli.Golden("IST0101", "input.yaml"), "-o", "json");

        Assert.Equal(
            ["KIA1101", "KIA1102", "KIA1107"],
            JsonNode.Parse(result.Output)!.AsArray().Select(finding => (string?)finding!["alias"]).OfType<string>().Distinct().Order());
    }

    [Fact]
    public async Task Sarif_has_what_code_scanners_require()
    {
        CliResult result = await Cli.RunAsync("analyze", Cli.Golden("IST0127", "input.yaml"), "-o", "sarif");

        JsonNode log = JsonNode.Parse(result.Output)!;
        JsonNode run = Assert.Single(log["runs"]!.AsArray())!;
        string?[] rules = [.. run["tool"]!["driver"]!["rules"]!.AsArray().Select(rule => (string?)rule!["id"])];
        Assert.Equal("2.1.0", (string?)log["version"]);
        Assert.Equal("meshctl", (string?)run["tool"]!["driver"]!["name"]);
        Assert.NotEmpty(run["results"]!.AsArray());
        Assert.All(run["results"]!.AsArray(), result =>
        {
            Assert.Equal((string?)result!["ruleId"], rules[(int)result["ruleIndex"]!]);
            Assert.Contains((string?)result["level"], (string[])["error", "warning", "note"]);
            Assert.NotEmpty((string)result["message"]!["text"]!);
            JsonNode place = result["locations"]![0]!["physicalLocation"]!;
            Assert.EndsWith("IST0127/input.yaml", (string?)place["artifactLocation"]!["uri"], StringComparison.Ordinal);
            Assert.True((int)place["region"]!["startLine"]! > 0);
        });
    }

    [Fact]
    public async Task A_file_that_cannot_be_read_takes_no_other_with_it()
    {
        string missing = Path.Combine(AppContext.BaseDirectory, "no-such.yaml");
        CliResult result = await Cli.RunAsync("analyze", missing, Cli.Golden("IST0101", "input.yaml"));

        Assert.Contains($"Error [IST0106] ({missing})", result.Output, StringComparison.Ordinal);
        Assert.Contains("Error [IST0101] (VirtualService shop/cart", result.Output, StringComparison.Ordinal);
        Assert.Equal(1, result.Code);
    }

    [Fact]
    public async Task A_file_that_is_no_manifest_is_named_with_its_line()
    {
        CliResult result = await Cli.RunWithInputAsync("kind: Pod\nmetadata: {name: a}\n", "analyze", "-");

        Assert.StartsWith("Error [IST0106] ((stdin):1) 'apiVersion' is missing.", result.Output, StringComparison.Ordinal);
        Assert.Equal(1, result.Code);
    }

    [Fact]
    public async Task What_is_only_worth_knowing_is_said_when_asked_for()
    {
        string[] arguments = ["analyze", Path.Combine(Cli.Repository, "tests/Mesh.Lab/Shop")];

        Assert.DoesNotContain("no address yet", (await Cli.RunAsync(arguments)).Output, StringComparison.Ordinal);
        Assert.Contains("no address yet", (await Cli.RunAsync([.. arguments, "--notes"])).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Help_has_a_line_for_each_command_and_examples_for_one()
    {
        CliResult root = await Cli.RunAsync("--help");
        CliResult one = await Cli.RunAsync("analyze", "--help");

        Assert.Contains(
            "  meshctl analyze     Says what is wrong with manifests, and what would mend it.\n", root.Output, StringComparison.Ordinal);
        Assert.All(root.Output.Split('\n'), line => Assert.True(line.Length < 150, line));
        Assert.Contains("helm template shop | meshctl analyze -", one.Output, StringComparison.Ordinal);
        Assert.Contains("--failure-threshold <error|warning|info>", one.Output, StringComparison.Ordinal);
        Assert.Equal((0, 0), (root.Code, one.Code));
    }

    [Theory]
    [InlineData("analyze")]
    [InlineData("analyze", ".", "-o", "xml")]
    [InlineData("analyze", ".", "--failure-threshold", "fatal")]
    [InlineData("analyze", ".", "--trust-domain", "Not A Domain")]
    [InlineData("analyse", ".")]
    [InlineData]
    public async Task What_is_not_understood_ends_with_2_and_points_to_the_help(params string[] arguments)
    {
        CliResult result = await Cli.RunAsync(arguments);

        Assert.Equal(2, result.Code);
        Assert.Equal(string.Empty, result.Output);
        Assert.Contains("--help'.", result.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_others_wrote_does_nothing_to_the_terminal()
    {
        using Folder folder = new Folder().With("input.yaml", """
            apiVersion: v1
            kind: Service
            metadata: {name: cart, namespace: shop}
            spec: {ports: [{name: http, port: 80}]}
            ---
            apiVersion: networking.istio.io/v1
            kind: VirtualService
            metadata: {name: cart, namespace: shop}
            spec: {hosts: [cart], http: [{route: [{destination: {host: "a\e[31mb\u009Bc.example.org"}}]}]}
            """);

        CliResult result = await Cli.RunAsync("analyze", folder.Path);

        Assert.Contains("a\uFFFD[31mb\uFFFDc.example.org", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain(result.Output, character => char.IsControl(character) && character != '\n');
    }
}
