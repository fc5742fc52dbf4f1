using System.Text.Json.Nodes;
using Mesh.Cni.Contract;
using Xunit;

namespace Mesh.Cni.Tests;

/// <summary>
/// Goal: what the runtime hears is what the CNI specification says, and a pod that may be enrolled never starts unasked. Method: the plugin
/// in this process, an agent in miniature at its socket.
/// </summary>
public sealed class PluginTests
{
    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Add_asks_the_agent_and_passes_the_previous_result_on_as_it_is(string version)
    {
        using AgentInMiniature agent = new(_ => CniMessages.Encode(CniAnswer.Success));
        PluginUnderTest plugin = new();
        plugin.Input = plugin.Input.Replace("1.0.0", version, StringComparison.Ordinal);
        string before = JsonNode.Parse(plugin.Input)!["prevResult"]!.ToJsonString();
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = agent.SocketPath }));

        Assert.Equal((0, before), plugin.Run());
        CniRequest asked = Assert.Single(agent.Requests);
        Assert.Equal(
            (CniCommand.Add, "sandbox-1", "/run/netns/a", "eth0", "cart-1", "shop", "u-1"),
            (asked.Command, asked.ContainerId, asked.NetworkNamespace, asked.InterfaceName, asked.PodName, asked.PodNamespace,
                asked.PodUid));
        Assert.Equal(["10.1.0.2", "fd01::2"], asked.Addresses);
    }

    [Fact]
    public void What_the_agent_refuses_is_an_error_with_its_code_and_words()
    {
        CniAnswer refusal = CniAnswer.Failure(CniErrorCode.TryAgainLater, "No proxy.", "shop/cart-1");
        using AgentInMiniature agent = new(_ => CniMessages.Encode(refusal));
        PluginUnderTest plugin = new();
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = agent.SocketPath }));

        Assert.Equal(
            (1, """{"cniVersion":"1.0.0","code":11,"msg":"No proxy.","details":"shop/cart-1"}"""), plugin.Run());
    }

    [Fact]
    public void Without_an_agent_a_pod_is_not_started()
    {
        PluginUnderTest plugin = new();
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = "/nowhere/agent.sock" }));
        (int code, string text) = plugin.Fail();
        Assert.Equal(CniErrorCode.TryAgainLater, code);
        Assert.Contains("shop/cart-1 does not start uncaptured", text, StringComparison.Ordinal);
        Assert.Contains("/nowhere/agent.sock: there is no such socket", text, StringComparison.Ordinal);

        plugin.Variables["CNI_COMMAND"] = "CHECK";
        Assert.Equal(CniErrorCode.TryAgainLater, plugin.Fail().Code);
    }

    [Fact]
    public void An_agent_that_says_nothing_is_waited_for_as_long_as_configured()
    {
        using ManualResetEventSlim over = new();
        using AgentInMiniature silent = new(_ =>
        {
            over.Wait();
            return [];
        });
        PluginUnderTest plugin = new();
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = silent.SocketPath, ["timeoutSeconds"] = 1 }));
        try
        {
            (int code, string text) = plugin.Fail();
            Assert.Equal(CniErrorCode.TryAgainLater, code);
            Assert.Contains("no answer within 1 s", text, StringComparison.Ordinal);
        }
        finally
        {
            // The agent in miniature ends when its thread does.
            over.Set();
        }
    }

    [Fact]
    public void An_agent_that_closes_or_speaks_otherwise_is_no_agent()
    {
        PluginUnderTest plugin = new();
        using (AgentInMiniature closing = new(_ => []))
        {
            plugin.Change(("meshNode", new JsonObject { ["socketPath"] = closing.SocketPath }));
            Assert.Equal(CniErrorCode.TryAgainLater, plugin.Fail().Code);
        }

        byte[][] answers = ["nonsense"u8.ToArray(), "{\"version\":2,\"code\":0}"u8.ToArray(), new byte[CniMessages.AnswerBytesMax + 1]];
        foreach (byte[] answer in answers)
        {
            using AgentInMiniature strange = new(_ => answer);
            plugin.Change(("meshNode", new JsonObject { ["socketPath"] = strange.SocketPath }));
            (int code, string text) = plugin.Fail();
            Assert.Equal(CniErrorCode.Undecodable, code);
            Assert.Contains("do not understand each other", text, StringComparison.Ordinal);

            // A pod must be able to end whatever the agent says.
            plugin.Variables["CNI_COMMAND"] = "DEL";
            Assert.Equal((0, ""), plugin.Run());
            plugin.Variables["CNI_COMMAND"] = "ADD";
        }
    }

    [Theory]
    [InlineData("kube-system", "anything", true)]
    [InlineData("infra", "mesh-node-agent-x7x2b", true)]
    [InlineData("infra", "other", false)]
    [InlineData("shop", "mesh-node-agent-x7x2b", false)]
    [InlineData("kube-systems", "anything", false)]
    [InlineData("storage", "anything", true)]
    public void System_pods_and_our_own_start_without_being_asked_about(string podNamespace, string name, bool isExempt)
    {
        PluginUnderTest plugin = new();
        plugin.Variables["CNI_ARGS"] = $"K8S_POD_NAMESPACE={podNamespace};K8S_POD_NAME={name}";
        plugin.Change(("meshNode", new JsonObject
        {
            ["socketPath"] = "/nowhere/agent.sock",
            ["excludedNamespaces"] = new JsonArray("storage"),
            ["ownNamespace"] = "infra",
            ["ownPodPrefixes"] = new JsonArray("", "mesh-node-"),
        }));
        foreach (string command in (string[])["ADD", "CHECK", "DEL"])
        {
            plugin.Variables["CNI_COMMAND"] = command;
            Assert.Equal(isExempt || command == "DEL" ? 0 : 1, plugin.Run().Status);
        }
    }

    [Fact]
    public void A_container_that_is_none_of_Kubernetes_is_left_alone()
    {
        PluginUnderTest plugin = new();
        plugin.Variables["CNI_ARGS"] = "IgnoreUnknown=1";
        Assert.Equal(0, plugin.Run().Status);
        plugin.Variables["CNI_ARGS"] = null;
        Assert.Equal(0, plugin.Run().Status);
    }

    [Fact]
    public void Delete_tells_the_agent_and_succeeds_without_one()
    {
        PluginUnderTest plugin = new() { Input = """{"cniVersion":"0.3.1","name":"pods","type":"mesh-cni"}""" };
        plugin.Variables["CNI_COMMAND"] = "DEL";
        plugin.Variables["CNI_NETNS"] = "";
        Assert.Equal((0, ""), plugin.Run());

        using AgentInMiniature agent = new(_ => CniMessages.Encode(CniAnswer.Failure(CniErrorCode.Internal, "No.")));
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = agent.SocketPath }));
        Assert.Equal((0, ""), plugin.Run());
        CniRequest asked = Assert.Single(agent.Requests);
        Assert.Equal((CniCommand.Delete, "sandbox-1", null), (asked.Command, asked.ContainerId, asked.NetworkNamespace));
    }

    [Fact]
    public void Garbage_collection_names_what_is_valid_and_needs_no_agent()
    {
        PluginUnderTest plugin = new()
        {
            Input = """
                {"cniVersion":"1.1.0","name":"pods","type":"mesh-cni",
                 "cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"},{"containerID":"b","ifname":"net1"}]}
                """,
        };
        plugin.Variables["CNI_COMMAND"] = "GC";
        Assert.Equal((0, ""), plugin.Run());

        using AgentInMiniature agent = new(_ => CniMessages.Encode(CniAnswer.Success));
        plugin.Change(("meshNode", new JsonObject { ["socketPath"] = agent.SocketPath }));
        Assert.Equal((0, ""), plugin.Run());
        Assert.Equal(
            [("a", "eth0"), ("b", "net1")],
            Assert.Single(agent.Requests).ValidAttachments.Select(valid => (valid.ContainerId, valid.InterfaceName)));
    }

    [Fact]
    public void Status_speaks_of_the_mesh_only_where_it_is_asked_to()
    {
        PluginUnderTest plugin = new() { Input = """{"cniVersion":"1.1.0","name":"pods","type":"mesh-cni"}""" };
        plugin.Variables["CNI_COMMAND"] = "STATUS";
        Assert.Equal((0, ""), plugin.Run());

        plugin.Change(("meshNode", new JsonObject { ["reportsStatus"] = true }));
        Assert.Equal(CniErrorCode.NotAvailable, plugin.Fail().Code);

        using AgentInMiniature agent = new(_ => CniMessages.Encode(CniAnswer.Failure(CniErrorCode.NotAvailableLimited, "No proxy.")));
        plugin.Change(("meshNode", new JsonObject { ["reportsStatus"] = true, ["socketPath"] = agent.SocketPath }));
        Assert.Equal(CniErrorCode.NotAvailableLimited, plugin.Fail().Code);
    }

    [Theory]
    [InlineData("""{"cniVersion":"1.0.0"}""", "1.0.0")]
    [InlineData("""{"cniVersion":"0.2.0"}""", "1.1.0")]
    [InlineData("", "1.1.0")]
    public void Version_names_every_version_spoken(string input, string answered)
    {
        PluginUnderTest plugin = new() { Input = input };
        plugin.Variables.Clear();
        plugin.Variables["CNI_COMMAND"] = "VERSION";
        Assert.Equal(
            (0, $$"""{"cniVersion":"{{answered}}","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}"""), plugin.Run());
    }

    [Theory]
    [InlineData("ADD", "0.2.0")]
    [InlineData("ADD", "2.0.0")]
    [InlineData("CHECK", "0.3.1")]
    [InlineData("GC", "1.0.0")]
    [InlineData("STATUS", "1.0.0")]
    public void A_version_that_has_not_what_is_asked_is_refused(string command, string version)
    {
        PluginUnderTest plugin = new();
        plugin.Variables["CNI_COMMAND"] = command;
        plugin.Change(("cniVersion", version));
        (int code, string text) = plugin.Fail();
        Assert.Equal(CniErrorCode.IncompatibleVersion, code);
        Assert.Contains(version, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("CNI_COMMAND", null)]
    [InlineData("CNI_COMMAND", "add")]
    [InlineData("CNI_CONTAINERID", null)]
    [InlineData("CNI_CONTAINERID", "../x")]
    [InlineData("CNI_CONTAINERID", "-x")]
    [InlineData("CNI_NETNS", "")]
    [InlineData("CNI_NETNS", "relative")]
    [InlineData("CNI_NETNS", "/run/netns/../../etc")]
    [InlineData("CNI_IFNAME", null)]
    [InlineData("CNI_IFNAME", "..")]
    [InlineData("CNI_IFNAME", "eth0/1")]
    [InlineData("CNI_IFNAME", "longer-than-they-may-be")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME=x")]
    [InlineData("CNI_ARGS", "nonsense")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME=a/b;K8S_POD_NAMESPACE=shop")]
    [InlineData("CNI_ARGS", "K8S_POD_NAME=a;K8S_POD_NAME=b;K8S_POD_NAMESPACE=shop")]
    public void A_variable_that_is_missing_or_wrong_is_named(string variable, string? value)
    {
        PluginUnderTest plugin = new();
        plugin.Variables[variable] = value;
        (int code, string text) = plugin.Fail();
        Assert.Equal(CniErrorCode.InvalidEnvironment, code);
        Assert.Contains(variable, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", CniErrorCode.Undecodable)]
    [InlineData("null", CniErrorCode.Undecodable)]
    [InlineData("[]", CniErrorCode.Undecodable)]
    [InlineData("""{"cniVersion":null}""", CniErrorCode.Undecodable)]
    [InlineData("""{"cniVersion":"1.0.0"}""", CniErrorCode.InvalidConfiguration)]
    [InlineData("""{"cniVersion":"1.0.0","prevResult":[]}""", CniErrorCode.InvalidConfiguration)]
    [InlineData("""{"cniVersion":"1.0.0","prevResult":{"ips":{}}}""", CniErrorCode.InvalidConfiguration)]
    [InlineData("""{"cniVersion":"1.0.0","prevResult":{"ips":[{"address":"10.0.0.1"}]}}""", CniErrorCode.InvalidConfiguration)]
    [InlineData("""{"cniVersion":"1.0.0","prevResult":{"ips":[7]}}""", CniErrorCode.InvalidConfiguration)]
    public void A_configuration_that_is_wrong_is_refused(string input, int code) =>
        Assert.Equal(code, new PluginUnderTest { Input = input }.Fail().Code);

    [Fact]
    public void What_is_too_long_is_refused()
    {
        Assert.Equal(
            CniErrorCode.Undecodable,
            new PluginUnderTest { Input = new string(' ', NetworkConfiguration.BytesMax + 1) }.Fail().Code);
        PluginUnderTest plugin = new();
        plugin.Variables["CNI_ARGS"] = new string('x', 20_000);
        Assert.Equal(CniErrorCode.InvalidEnvironment, plugin.Fail().Code);
    }

    [Theory]
    [InlineData("1.1.0", "0.4.0", """{"name":"eth0"}""", """{"address":"10.1.0.2/24","version":"4"}""", """{"dst":"0.0.0.0/0"}""")]
    [InlineData("1.1.0", "1.0.0", """{"name":"eth0"}""", """{"address":"10.1.0.2/24"}""", """{"dst":"0.0.0.0/0"}""")]
    [InlineData(
        "0.3.1", "1.1.0", """{"name":"eth0","mtu":1400}""", """{"address":"10.1.0.2/24"}""", """{"dst":"0.0.0.0/0","priority":5}""")]
    public void A_previous_result_of_another_version_is_converted(
        string from, string to, string networkInterface, string address, string route)
    {
        PluginUnderTest plugin = new();
        plugin.Variables["CNI_ARGS"] = "";
        plugin.Change(
            ("cniVersion", to),
            ("prevResult", JsonNode.Parse($$"""
                {"cniVersion":"{{from}}","interfaces":[{"name":"eth0","mtu":1400}],
                 "ips":[{"address":"10.1.0.2/24","version":"4"}],"routes":[{"dst":"0.0.0.0/0","priority":5}]}
                """)));
        (int status, string output) = plugin.Run();
        Assert.Equal(0, status);
        Assert.True(
            JsonNode.DeepEquals(
                JsonNode.Parse(output),
                JsonNode.Parse($$"""
                    {"cniVersion":"{{to}}","interfaces":[{{networkInterface}}],"ips":[{{address}}],"routes":[{{route}}]}
                    """)),
            output);
    }
}
