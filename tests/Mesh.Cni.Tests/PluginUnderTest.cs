using System.Text;
using System.Text.Json.Nodes;

namespace Mesh.Cni.Tests;

/// <summary>One invocation of the plugin in this process: variables and standard input in, exit status and standard output out.</summary>
internal sealed class PluginUnderTest
{
    public const string Configuration = """
        {"cniVersion":"1.0.0","name":"pods","type":"mesh-cni","runtimeConfig":{"x":1},
         "prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/a"}],
          "ips":[{"interface":0,"address":"10.1.0.2/24","gateway":"10.1.0.1"},{"address":"fd01::2/64"}],"dns":{}}}
        """;

    public Dictionary<string, string?> Variables { get; } = new()
    {
        ["CNI_COMMAND"] = "ADD",
        ["CNI_CONTAINERID"] = "sandbox-1",
        ["CNI_NETNS"] = "/run/netns/a",
        ["CNI_IFNAME"] = "eth0",
        ["CNI_ARGS"] = "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart-1;K8S_POD_INFRA_CONTAINER_ID=sandbox-1;K8S_POD_UID=u-1",
        ["CNI_PATH"] = "/opt/cni/bin",
    };

    public TimeProvider Clock { get; set; } = TimeProvider.System;

    public string Input { get; set; } = Configuration;

    public (int Status, string Output) Run()
    {
        using MemoryStream output = new();
        int status = Plugin.Run(
            name => Variables.GetValueOrDefault(name), new MemoryStream(Encoding.UTF8.GetBytes(Input)), output, Clock);
        return (status, Encoding.UTF8.GetString(output.ToArray()));
    }

    /// <summary>Runs what must fail.</summary>
    /// <returns>The code and, on one line, message and details.</returns>
    public (int Code, string Text) Fail()
    {
        (int status, string output) = Run();
        Xunit.Assert.Equal(1, status);
        JsonObject error = JsonNode.Parse(output)!.AsObject();
        Xunit.Assert.NotNull(error["cniVersion"]);
        return ((int)error["code"]!, $"{error["msg"]} {error["details"]}");
    }

    /// <summary>The configuration with keys changed; a null value removes the key.</summary>
    public void Change(params ReadOnlySpan<(string Key, JsonNode? Value)> changes)
    {
        JsonObject configuration = JsonNode.Parse(Input)!.AsObject();
        foreach ((string key, JsonNode? value) in changes)
        {
            configuration.Remove(key);
            if (value is not null)
            {
                configuration[key] = value;
            }
        }

        Input = configuration.ToJsonString();
    }
}
