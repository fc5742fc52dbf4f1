using System.Text.Json.Nodes;
using Mesh.Cni.Contract;
using Xunit;

namespace Mesh.Cni.Tests;

/// <summary>
/// Goal: a mistake in our part of the network configuration holds up only pods that may be enrolled: the cluster's own pods and ours start,
/// or nobody could repair it, and every pod ends. Method: the plugin in this process.
/// </summary>
public sealed class PluginSectionTests
{
    /// <summary>A section with the mesh's own pods right and something else wrong, and what the error names.</summary>
    public static TheoryData<string, string> Mistakes => new()
    {
        { "\"timeoutSeconds\":0", "meshNode.timeoutSeconds must be a whole number, 1 to 120" },
        { "\"timeoutSeconds\":121", "meshNode.timeoutSeconds" },
        { "\"timeoutSeconds\":1.5", "meshNode.timeoutSeconds" },
        { "\"timeoutSeconds\":null", "meshNode.timeoutSeconds" },
        { "\"timeoutSeconds\":\"30\"", "meshNode.timeoutSeconds" },
        { "\"timeoutSeconds\":{\"a\":[1]}", "meshNode.timeoutSeconds" },
        { "\"socketPath\":null", "meshNode.socketPath is no text" },
        { "\"socketPath\":\"\"", "meshNode.socketPath cannot be a socket's path" },
        { "\"excludedNamespaces\":\"storage\"", "meshNode.excludedNamespaces is no list" },
        { "\"excludedNamespaces\":null", "meshNode.excludedNamespaces is no list" },
        { "\"excludedNamespaces\":[7,null]", "meshNode.excludedNamespaces has an entry that is no text" },
        { "\"ownPodPrefixes\":[\"mesh-node-\"]", "A key of meshNode is there twice" },
        { "\"reportsStatus\":null", "meshNode.reportsStatus is neither true nor false" },
    };

    private static readonly string[] s_invoked = ["ADD", "CHECK"];

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void A_mistake_holds_up_only_pods_that_may_be_enrolled(string mistake, string named)
    {
        PluginUnderTest plugin = WithSection(
            $$"""{"ownNamespace":"infra","ownPodPrefixes":["mesh-node-"],{{mistake}}}""");
        foreach (string command in s_invoked)
        {
            (int code, string text) = Invoke(plugin, command, "shop", "cart-1").Fail();
            Assert.Equal(CniErrorCode.InvalidConfiguration, code);
            Assert.Contains(named, text, StringComparison.Ordinal);
            Assert.Equal(0, Invoke(plugin, command, "kube-system", "dns").Run().Status);
            Assert.Equal(0, Invoke(plugin, command, "infra", "mesh-node-agent-x2b7k").Run().Status);
        }

        AssertAllEnd(plugin);
    }

    [Theory]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("\"x\"")]
    [InlineData("{\"ownNamespace\":7}")]
    [InlineData("{\"ownPodPrefixes\":{}}")]
    public void Where_nothing_can_be_made_out_the_clusters_own_pods_start_and_all_pods_end(string section)
    {
        PluginUnderTest plugin = WithSection(section);
        Assert.Equal(CniErrorCode.InvalidConfiguration, Invoke(plugin, "ADD", "shop", "cart-1").Fail().Code);
        Assert.Equal(0, Invoke(plugin, "ADD", "kube-system", "dns").Run().Status);
        AssertAllEnd(plugin);
    }

    [Fact]
    public void Of_a_list_the_entries_that_are_right_count()
    {
        PluginUnderTest plugin = WithSection(
            """{"excludedNamespaces":[7,"storage"],"ownNamespace":"infra","ownPodPrefixes":["mesh-node-",null]}""");
        Assert.Equal(0, Invoke(plugin, "ADD", "storage", "disk-1").Run().Status);
        Assert.Equal(0, Invoke(plugin, "ADD", "infra", "mesh-node-proxy-1").Run().Status);
        Assert.Equal(CniErrorCode.InvalidConfiguration, Invoke(plugin, "ADD", "shop", "cart-1").Fail().Code);
    }

    [Fact]
    public void A_key_of_a_newer_version_is_passed_over()
    {
        using AgentInMiniature agent = new(_ => CniMessages.Encode(CniAnswer.Success));
        PluginUnderTest plugin = new();
        plugin.Change(("meshNode", new JsonObject
        {
            ["ofTomorrow"] = new JsonObject { ["a"] = new JsonArray(1, 2) },
            ["socketPath"] = agent.SocketPath,
        }));
        foreach (string command in (string[])["ADD", "CHECK", "DEL"])
        {
            Assert.Equal(0, Invoke(plugin, command, "shop", "cart-1").Run().Status);
        }

        Assert.Equal([CniCommand.Add, CniCommand.Check, CniCommand.Delete], agent.Requests.Select(request => request.Command));
    }

    [Theory]
    [InlineData("shop", 1)]
    [InlineData("storage", 0)]
    [InlineData("kube-system", 0)]
    public void Excluded_namespaces_come_on_top_of_the_clusters_own(string podNamespace, int status)
    {
        PluginUnderTest plugin = WithSection("""{"socketPath":"/nowhere/agent.sock","excludedNamespaces":["storage"]}""");
        Assert.Equal(status, Invoke(plugin, "ADD", podNamespace, "anything").Run().Status);
    }

    [Theory]
    [InlineData("CNI_ARGS", "K8S_POD_NAME=x")]
    [InlineData("CNI_ARGS", "nonsense")]
    [InlineData("CNI_NETNS", "relative")]
    [InlineData("CNI_CONTAINERID", null)]
    public void A_pod_ends_whatever_the_variables_say(string variable, string? value)
    {
        PluginUnderTest plugin = new();
        plugin.Variables["CNI_COMMAND"] = "DEL";
        plugin.Variables[variable] = value;
        Assert.Equal((0, ""), plugin.Run());
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("""{"cniVersion":"9.0.0","name":"pods","meshNode":{"socketPath":"/nowhere/agent.sock"}}""")]
    [InlineData("""{"cniVersion":"1.1.0","name":"pods","cni.dev/valid-attachments":7}""")]
    public void A_pod_ends_whatever_the_configuration_says(string input)
    {
        PluginUnderTest plugin = new() { Input = input };
        plugin.Variables["CNI_COMMAND"] = "DEL";
        Assert.Equal((0, ""), plugin.Run());
    }

    [Fact]
    public void Garbage_collection_succeeds_whatever_the_agent_says_and_however_much_is_valid()
    {
        using AgentInMiniature agent = new(_ => CniMessages.Encode(CniAnswer.Failure(CniErrorCode.Internal, "No.")));
        PluginUnderTest plugin = new() { Input = """{"cniVersion":"1.1.0","name":"pods","type":"mesh-cni"}""" };
        plugin.Variables["CNI_COMMAND"] = "GC";
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = agent.SocketPath }));
        Assert.Equal((0, ""), plugin.Run());
        Assert.Single(agent.Requests);

        JsonNode[] valid =
        [
            .. Enumerable.Range(0, 2000).Select(index => new JsonObject { ["containerID"] = $"sandbox-{index:D60}", ["ifname"] = "eth0" }),
        ];
        plugin.Change(("cni.dev/valid-attachments", new JsonArray(valid)));
        Assert.Equal((0, ""), plugin.Run());
        Assert.Single(agent.Requests);
    }

    [Fact]
    public void Status_says_what_is_wrong_only_where_it_is_asked_to_speak()
    {
        PluginUnderTest plugin = WithSection("""{"timeoutSeconds":0}""");
        plugin.Change(("cniVersion", "1.1.0"));
        plugin.Variables["CNI_COMMAND"] = "STATUS";
        Assert.Equal((0, ""), plugin.Run());
        plugin.Change(("meshNode", JsonNode.Parse("""{"timeoutSeconds":0,"reportsStatus":true}""")));
        Assert.Equal(CniErrorCode.InvalidConfiguration, plugin.Fail().Code);
    }

    private static void AssertAllEnd(PluginUnderTest plugin)
    {
        foreach ((string podNamespace, string name) in
            ((string, string)[])[("shop", "cart-1"), ("kube-system", "dns"), ("infra", "mesh-node-agent-x2b7k")])
        {
            Assert.Equal((0, ""), Invoke(plugin, "DEL", podNamespace, name).Run());
        }

        string before = plugin.Input;
        plugin.Input = before.Replace("\"cniVersion\":\"1.0.0\"", "\"cniVersion\":\"1.1.0\"", StringComparison.Ordinal);
        Assert.Equal((0, ""), Invoke(plugin, "GC", "shop", "cart-1").Run());
        plugin.Input = before;
    }

    private static PluginUnderTest WithSection(string section)
    {
        PluginUnderTest plugin = new();
        plugin.Input = plugin.Input.Replace(
            "\"type\":\"mesh-cni\",", $"\"type\":\"mesh-cni\",\"meshNode\":{section},", StringComparison.Ordinal);
        return plugin;
    }

    private static PluginUnderTest Invoke(PluginUnderTest plugin, string command, string podNamespace, string name)
    {
        plugin.Variables["CNI_COMMAND"] = command;
        plugin.Variables["CNI_ARGS"] = $"K8S_POD_NAMESPACE={podNamespace};K8S_POD_NAME={name}";
        return plugin;
    }
}
