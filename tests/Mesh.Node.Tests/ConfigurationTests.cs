using System.Text.Json.Nodes;
using Mesh.Interop.Linux;
using Xunit;

namespace Mesh.Node.Tests;

/// <summary>
/// What is wrong in the configuration file is refused before anything starts, by file and key. Method: one file for each mistake.
/// </summary>
public sealed class ConfigurationTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public static TheoryData<string> RangedKeys() => [.. ConfigurationCheck.Ranges.Select(range => range.Key)];

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void A_file_with_a_name_alone_has_the_defaults()
    {
        NodeConfiguration read = Read(Sample());

        Assert.Equal("node-1", read.Node.Name);
        Assert.Equal(10_000, read.Proxy.ConnectTimeoutMs);
        Assert.Equal("[::]:15020", read.Admin.Metrics);
        Assert.Equal("istio-system", read.ControlPlane!.RootNamespace);
    }

    [Theory]
    [MemberData(nameof(RangedKeys))]
    public void A_number_out_of_its_range_is_refused_with_its_key_and_range(string key)
    {
        OptionRange range = ConfigurationCheck.Ranges.Single(candidate => candidate.Key == key);

        AssertRefused(Sample(key, range.Min - 1), $"{key} is {range.Min - 1}, must be {range.Min} to {range.Max}");
        if (range.Max < int.MaxValue)
        {
            AssertRefused(Sample(key, range.Max + 1), $"{key} is {range.Max + 1}, must be {range.Min} to {range.Max}");
        }

        Assert.Equal(range.Min, range.ValueIn(Read(Sample(key, range.Min))));
    }

    [Theory]
    [InlineData("node.name", "", "node.name must not be empty")]
    [InlineData("controlPlane.address", "http://control:15012", "controlPlane.address: 'http://control:15012/' must begin with https://")]
    [InlineData("controlPlane.address", "control", "controlPlane.address: 'control' must begin with https://")]
    [InlineData("admin.address", "localhost:15000", "admin.address: 'localhost:15000' is not an address and port")]
    [InlineData("admin.metrics", "0.0.0.0", "admin.metrics: '0.0.0.0' is not an address and port")]
    [InlineData("admin.readiness", "::1:15021", "admin.readiness: '::1:15021' is not an address and port")]
    [InlineData("telemetry.otlpEndpoint", "collector:4317", "telemetry.otlpEndpoint: 'collector:4317' is not like http://host:4317")]
    public void A_text_that_is_none_of_its_kind_is_refused_with_its_key(string key, string value, string message)
    {
        AssertRefused(Sample(key, value), message);
    }

    [Fact]
    public void What_the_file_leaves_out_the_environment_says()
    {
        Dictionary<string, string> environment = new() { ["MESH_NODE_NAME"] = "node-7", ["MESH_NODE_ADDRESSES"] = "10.0.0.7, fd00::7" };
        NodeSection empty = new();
        NodeSection full = new() { Name = "node-1", Addresses = ["10.0.0.1"] };
        foreach (NodeSection section in new[] { empty, full })
        {
            section.FillFrom(environment.GetValueOrDefault);
        }

        Assert.Equal(("node-7", "10.0.0.7 fd00::7"), (empty.Name, string.Join(' ', empty.Addresses)));
        Assert.Equal(("node-1", "10.0.0.1"), (full.Name, string.Join(' ', full.Addresses)));
    }

    [Fact]
    public void A_queue_of_the_access_log_is_a_power_of_two()
    {
        AssertRefused(Sample("log.accessQueueMax", 100), "log.accessQueueMax is 100, must be a power of two");
    }

    [Fact]
    public void The_path_of_a_socket_is_one()
    {
        // 107 bytes, the last of them where the proxies' own socket stands beside: that one is too long by as much as its name is longer.
        string longest = $"/{new string('d', 90)}/{new string('s', SeqPacketSocket.PathBytesMax - 92)}";
        string[] wrong = ["", "handover.sock", "run/handover.sock", $"{longest}s", "/run/a\0b", $"/{new string('d', 100)}/s"];
        foreach (string path in wrong)
        {
            AssertRefused(Sample("handover.socketPath", path), $"handover.socketPath: '{path}' must be a path from the root");
        }

        Assert.Equal(longest, Read(Sample("handover.socketPath", longest)).Handover.SocketPath);
    }

    [Fact]
    public void What_is_shown_of_a_file_with_comments_is_JSON()
    {
        File.WriteAllText(_file, """
            {
              // Who this is.
              "node": {"name": "node-1", /* as the control plane knows it */},
            }
            """);

        Assert.Equal("""{"node":{"name":"node-1"}}""", NodeConfiguration.Read(_file).SourceJson);
    }

    [Fact]
    public void An_address_of_the_node_is_an_address()
    {
        JsonObject sample = Sample();
        sample["node"]!["addresses"] = new JsonArray("10.0.0.1", "node-1");

        AssertRefused(sample, "node.addresses: 'node-1' is no address");
    }

    [Fact]
    public void Everything_that_is_wrong_is_said_at_once()
    {
        JsonObject sample = Sample("proxy.loops", 1_000);
        sample["node"]!["name"] = "";

        NodeConfigurationException refused = Assert.Throws<NodeConfigurationException>(() => Read(sample));
        Assert.Equal($"{_file}: node.name must not be empty; proxy.loops is 1000, must be 0 to 128.", refused.Message);
    }

    [Theory]
    [InlineData("""{"node": {"name": "node-1"}, "proxy": {"loop": 1}}""", ": proxy.loop: there is no such key.")]
    [InlineData("""{"node": {"name": "node-1"}, "prox": {}}""", ": prox: there is no such key.")]
    [InlineData("""{"node": {"name": "node-1"}, "proxy": {"loops": "all"}}""", ": proxy.loops: The JSON value could not be converted to System.Int32.")]
    [InlineData("""{"node": {"name": "node-1"}, "capture": {"mode": "tun"}}""", ": capture.mode: ")]
    [InlineData("""{"node": {}}""", "node.name must not be empty")]
    [InlineData("{\"node\": {\"name\": \"node-1\"},\n\n ]", ":3: ']' is an invalid start")]
    [InlineData("", ":1: ")]
    [InlineData("null", ": the file holds null in place of an object.")]
    public void What_cannot_be_read_is_refused_where_it_stands(string content, string message)
    {
        File.WriteAllText(_file, content);

        NodeConfigurationException refused = Assert.Throws<NodeConfigurationException>(() => NodeConfiguration.Read(_file));
        Assert.StartsWith(_file, refused.Message);
        Assert.Contains(message, refused.Message);
        Assert.DoesNotContain("LineNumber", refused.Message);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        NodeConfigurationException refused = Assert.Throws<NodeConfigurationException>(() => NodeConfiguration.Read("/nowhere/node.json"));
        Assert.Contains("/nowhere/node.json", refused.Message);
    }

    /// <summary>A file that is right but for one key.</summary>
    internal static JsonObject Sample(string? key = null, JsonNode? value = null)
    {
        var sample = new JsonObject
        {
            ["node"] = new JsonObject { ["name"] = "node-1" },
            ["controlPlane"] = new JsonObject
            {
                ["address"] = "https://control:15012",
                ["rootCertificateFile"] = "/etc/mesh/root-cert.pem",
                ["tokenFile"] = "/etc/mesh/token",
            },
        };
        if (key?.Split('.') is [string section, string name])
        {
            sample[section] ??= new JsonObject();
            sample[section]![name] = value;
        }

        return sample;
    }

    private void AssertRefused(JsonObject content, string message)
    {
        NodeConfigurationException refused = Assert.Throws<NodeConfigurationException>(() => Read(content));
        Assert.StartsWith($"{_file}: ", refused.Message);
        Assert.Contains(message, refused.Message);
    }

    private NodeConfiguration Read(JsonObject content)
    {
        File.WriteAllText(_file, content.ToJsonString());
        return NodeConfiguration.Read(_file);
    }
}
