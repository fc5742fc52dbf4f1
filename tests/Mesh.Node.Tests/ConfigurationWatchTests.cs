using System.Text.Json.Nodes;
using Mesh.Node.Live;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Mesh.Node.Tests;

/// <summary>The configuration file is edited while the process runs: what is good is taken over, what is bad changes nothing.</summary>
public sealed class ConfigurationWatchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("mesh-live-").FullName;
    private readonly List<string> _taken = [];
    private readonly List<string?> _problems = [];

    private string ConfigFile => Path.Combine(_folder, "node.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_live_key_is_taken_over_where_everybody_reads_it()
    {
        (NodeConfiguration running, ConfigurationWatch watch) = Start(new JsonObject());
        Write(new JsonObject
        {
            ["proxy"] = new JsonObject { ["connectTimeoutMs"] = 1234, ["podConnectionsMax"] = 7 },
            ["log"] = new JsonObject { ["level"] = "debug" },
            ["capture"] = new JsonObject { ["excludedOutboundPorts"] = new JsonArray(9100) },
        });
        watch.Look();

        Assert.Equal((1234, 7, LogLevel.Debug), (running.Proxy.ConnectTimeoutMs, running.Proxy.PodConnectionsMax, running.Log.Level));
        Assert.Equal([9100], running.Capture.ExcludedOutboundPorts);
        Assert.Equal(
            ["capture.excludedOutboundPorts", "log.level", "proxy.connectTimeoutMs", "proxy.podConnectionsMax"],
            _taken.Order(StringComparer.Ordinal));
        Assert.Null(watch.Problem);
        Assert.Contains("1234", watch.SourceJson, StringComparison.Ordinal);

        // What is no longer there has its default again.
        Write(new JsonObject());
        watch.Look();
        Assert.Equal((10_000, 30_000), (running.Proxy.ConnectTimeoutMs, running.Proxy.PodConnectionsMax));
        Assert.Empty(running.Capture.ExcludedOutboundPorts);
    }

    [Fact]
    public void A_key_that_needs_a_restart_stays_as_it_was()
    {
        (NodeConfiguration running, ConfigurationWatch watch) = Start(new JsonObject());
        Write(new JsonObject { ["proxy"] = new JsonObject { ["loops"] = 3, ["drainMs"] = 9 } });
        watch.Look();

        Assert.Equal((0, 9), (running.Proxy.Loops, running.Proxy.DrainMs));
        Assert.Equal(["proxy.drainMs"], _taken);
    }

    [Fact]
    public void Of_a_bad_file_nothing_is_taken_and_every_mistake_is_named()
    {
        (NodeConfiguration running, ConfigurationWatch watch) = Start(new JsonObject());
        Write(new JsonObject
        {
            ["proxy"] = new JsonObject { ["connectTimeoutMs"] = 1, ["drainMs"] = 9 },
            ["capture"] = new JsonObject { ["excludedInboundCidrs"] = new JsonArray("10.0.0.0/33") },
        });
        watch.Look();

        Assert.Contains("proxy.connectTimeoutMs is 1", watch.Problem, StringComparison.Ordinal);
        Assert.Contains("capture.excludedInboundCidrs", watch.Problem, StringComparison.Ordinal);
        Assert.Equal((10_000, 25_000), (running.Proxy.ConnectTimeoutMs, running.Proxy.DrainMs));
        Assert.Empty(_taken);
        Assert.DoesNotContain("10.0.0.0", watch.SourceJson, StringComparison.Ordinal);

        File.Delete(ConfigFile);
        watch.Look();
        Assert.Contains(ConfigFile, watch.Problem, StringComparison.Ordinal);
        Write(new JsonObject());
        watch.Look();
        Assert.Null(watch.Problem);
        Assert.Equal(3, _problems.Count);
        Assert.Null(_problems[2]);
    }

    [Fact]
    public void A_hundred_edits_of_which_half_are_bad_leave_the_last_good_one()
    {
        (NodeConfiguration running, ConfigurationWatch watch) = Start(new JsonObject());
        for (int edit = 0; edit < 100; edit++)
        {
            bool isBad = edit % 2 == 1;
            Write(new JsonObject
            {
                ["proxy"] = new JsonObject { ["idleTimeoutMs"] = 1000 + edit, [isBad ? "noSuchKey" : "drainMs"] = edit },
            });
            watch.Look();
            Assert.Equal(isBad, watch.Problem is not null);
            Assert.Equal(1000 + edit - (isBad ? 1 : 0), running.Proxy.IdleTimeoutMs);
        }

        Assert.Equal((1098, 98), (running.Proxy.IdleTimeoutMs, running.Proxy.DrainMs));
    }

    [Fact]
    public void A_link_that_is_turned_is_another_file()
    {
        // As the kubelet mounts a ConfigMap: the file is a link into a folder that is itself a link, which is replaced.
        foreach ((string folder, int milliseconds) in new[] { ("..1", 111), ("..2", 222) })
        {
            Directory.CreateDirectory(Path.Combine(_folder, folder));
            File.WriteAllText(
                Path.Combine(_folder, folder, "node.json"),
                $$"""{"node": {"name": "n"}, "proxy": {"connectTimeoutMs": {{milliseconds}} } }""");
        }

        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..1");
        File.CreateSymbolicLink(ConfigFile, Path.Combine("..data", "node.json"));
        NodeConfiguration running = NodeConfiguration.Read(ConfigFile);
        ConfigurationWatch watch = Watch(running);
        Assert.Equal(111, running.Proxy.ConnectTimeoutMs);

        Directory.Delete(Path.Combine(_folder, "..data"));
        Directory.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..2");
        watch.Look();
        Assert.Equal(222, running.Proxy.ConnectTimeoutMs);
    }

    [Fact]
    public void Every_live_key_takes_its_own_value_and_no_other()
    {
        (NodeConfiguration running, ConfigurationWatch watch) = Start(new JsonObject());
        var values = new Dictionary<string, JsonNode>
        {
            ["capture.excludedOutboundCidrs"] = new JsonArray("10.1.0.0/16"),
            ["capture.excludedOutboundPorts"] = new JsonArray(1),
            ["capture.excludedInboundCidrs"] = new JsonArray("10.2.0.0/16"),
            ["capture.excludedInboundPorts"] = new JsonArray(2),
            ["proxy.sameNode"] = "network",
            ["log.level"] = "warn",
        };
        foreach (LiveKey key in LiveKey.All)
        {
            string[] parts = key.Name.Split('.');
            JsonNode value = values.GetValueOrDefault(key.Name)
                ?? ConfigurationCheck.Ranges.Single(range => range.Key == key.Name).Min;
            Write(new JsonObject { [parts[0]] = new JsonObject { [parts[1]] = value.DeepClone() } });
            _taken.Clear();
            watch.Look();
            Assert.Contains(key.Name, _taken);
            Write(new JsonObject());
            _taken.Clear();
            watch.Look();
            Assert.Equal([key.Name], _taken);
        }

        Assert.Equal(10_000, running.Proxy.ConnectTimeoutMs);
    }

    private (NodeConfiguration Running, ConfigurationWatch Watch) Start(JsonObject sections)
    {
        Write(sections);
        NodeConfiguration running = NodeConfiguration.Read(ConfigFile);
        ConfigurationWatch watch = Watch(running);
        watch.Look();
        return (running, watch);
    }

    private ConfigurationWatch Watch(NodeConfiguration running) =>
        new(running, _taken.AddRange, _problems.Add, NullLogger.Instance, TimeProvider.System);

    private void Write(JsonObject sections)
    {
        sections["node"] = new JsonObject { ["name"] = "node-1" };
        File.WriteAllText(ConfigFile, sections.ToJsonString());
    }
}
