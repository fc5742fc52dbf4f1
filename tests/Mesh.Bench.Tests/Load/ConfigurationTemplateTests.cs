using Mesh.Bench.Load;
using Mesh.Bench.Load.Topology;
using Xunit;

namespace Mesh.Bench.Tests.Load;

public sealed class ConfigurationTemplateTests
{
    private static readonly Dictionary<string, string> s_values = new() { ["LISTEN"] = "10.1.1.2", ["ORIGIN"] = "10.1.1.3" };

    [Fact]
    public void Names_are_filled_in_and_blocks_stay() => Assert.Equal(
        "server { listen 10.1.1.2:9001; proxy_pass 10.1.1.3:80; }",
        ConfigurationTemplate.Expand("server { listen {LISTEN}:9001; proxy_pass {ORIGIN}:80; }", s_values));

    [Fact]
    public void A_name_without_a_value_is_an_error_and_not_a_configuration() => Assert.Equal(
        "a configuration of bench/compare wants {PKI}; known are: LISTEN, ORIGIN",
        Assert.Throws<BenchException>(() => ConfigurationTemplate.Expand("ca-file {PKI}/ca.crt", s_values)).Message);
}
