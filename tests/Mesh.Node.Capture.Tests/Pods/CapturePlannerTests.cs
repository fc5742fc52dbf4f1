using System.Net;
using Mesh.Node.Capture.Pods;
using Mesh.Node.Capture.Rules;
using Xunit;

namespace Mesh.Node.Capture.Tests.Pods;

public sealed class CapturePlannerTests
{
    private static readonly Dictionary<string, string> s_none = [];

    [Fact]
    public void A_pod_without_annotations_gets_what_the_node_says()
    {
        CapturePlanner planner = new(new CaptureOptions
        {
            Mode = CaptureMode.Redirect,
            ExcludedInboundPorts = [9100, 22, 22],
            ExcludedOutboundCidrs = ["10.250.0.0/16", "169.254.169.254", "fd00:1::/32", "fd00::1"],
        });

        CapturePlan plan = planner.Plan(s_none, out IReadOnlyList<string> errors);

        Assert.Empty(errors);
        Assert.Equal(CaptureMode.Redirect, plan.Mode);
        Assert.False(plan.BypassInbound);
        Assert.Equal<ushort>([22, 9100], plan.ExcludedInboundPorts);
        Assert.Equal(
            ["10.250.0.0/16", "169.254.169.254/32", "fd00:1::/32", "fd00::1/128"],
            plan.ExcludedOutboundNetworks.Select(network => network.ToString()).Order(StringComparer.Ordinal));
        Assert.Equal(CaptureStage.Capturing, plan.Stage);
    }

    [Theory]
    [InlineData(true, null, true)]
    [InlineData(false, null, false)]
    [InlineData(true, "false", false)]
    [InlineData(false, "true", true)]
    public void A_pod_may_have_dns_its_own_way(bool option, string? annotation, bool captured)
    {
        CapturePlan plan = new CapturePlanner(new CaptureOptions { Dns = option }).Plan(
            annotation is null ? s_none : new Dictionary<string, string> { ["ambient.istio.io/dns-capture"] = annotation },
            out IReadOnlyList<string> errors);
        Assert.Empty(errors);
        Assert.Equal(captured, plan.CapturesDns);
    }

    [Fact]
    public void A_wrong_word_about_dns_is_reported_and_changes_nothing()
    {
        CapturePlan plan = new CapturePlanner(new CaptureOptions()).Plan(
            new Dictionary<string, string> { ["ambient.istio.io/dns-capture"] = "off" }, out IReadOnlyList<string> errors);
        Assert.Equal("ambient.istio.io/dns-capture: must be true or false", Assert.Single(errors));
        Assert.True(plan.CapturesDns);
    }

    [Fact]
    public void Annotations_add_to_the_node_in_either_spelling()
    {
        CapturePlanner planner = new(new CaptureOptions { ExcludedOutboundPorts = [25] });

        CapturePlan plan = planner.Plan(
            new Dictionary<string, string>
            {
                ["mesh-node.io/capture-mode"] = "redirect",
                ["ambient.istio.io/bypass-inbound-capture"] = "true",
                ["mesh-node.io/exclude-outbound-ports"] = "53, 5432",
                ["traffic.sidecar.istio.io/excludeOutboundPorts"] = "3306,53",
                ["traffic.sidecar.istio.io/excludeOutboundIPRanges"] = "192.0.2.0/24",
                ["mesh-node.io/exclude-inbound-cidrs"] = "198.51.100.7,2001:db8::/48",
                ["traffic.sidecar.istio.io/excludeInboundPorts"] = "",
            },
            out IReadOnlyList<string> errors);

        Assert.Empty(errors);
        Assert.Equal(CaptureMode.Redirect, plan.Mode);
        Assert.True(plan.BypassInbound);
        Assert.Equal<ushort>([25, 53, 3306, 5432], plan.ExcludedOutboundPorts.Order());
        Assert.Equal([IPNetwork.Parse("192.0.2.0/24")], plan.ExcludedOutboundNetworks);
        Assert.Equal([IPNetwork.Parse("198.51.100.7/32"), IPNetwork.Parse("2001:db8::/48")], plan.ExcludedInboundNetworks);
    }

    [Theory]
    [InlineData("mesh-node.io/capture-mode", "magic")]
    [InlineData("ambient.istio.io/bypass-inbound-capture", "yes")]
    [InlineData("mesh-node.io/exclude-inbound-ports", "0")]
    [InlineData("mesh-node.io/exclude-inbound-ports", "65536")]
    [InlineData("mesh-node.io/exclude-inbound-ports", "+80")]
    [InlineData("mesh-node.io/exclude-inbound-ports", "80-90")]
    [InlineData("mesh-node.io/exclude-inbound-ports", "15006")]
    [InlineData("mesh-node.io/exclude-outbound-ports", "15001")]
    [InlineData("mesh-node.io/exclude-outbound-cidrs", "10.0.0.1/8")]
    [InlineData("mesh-node.io/exclude-outbound-cidrs", "0.0.0.0/0")]
    [InlineData("mesh-node.io/exclude-outbound-cidrs", "::/0")]
    [InlineData("mesh-node.io/exclude-outbound-cidrs", "fe80::1%eth0")]
    [InlineData("mesh-node.io/exclude-outbound-cidrs", "::ffff:10.0.0.0/104")]
    [InlineData("mesh-node.io/exclude-inbound-cidrs", "10.0.0.0/33")]
    [InlineData("mesh-node.io/exclude-inbound-cidrs", "example.com")]
    public void A_wrong_annotation_is_named_and_excludes_nothing(string name, string value)
    {
        CapturePlan plan = new CapturePlanner(new CaptureOptions()).Plan(
            new Dictionary<string, string> { [name] = value }, out IReadOnlyList<string> errors);

        Assert.StartsWith(name, Assert.Single(errors), StringComparison.Ordinal);
        Assert.False(plan.BypassInbound);
        Assert.Equal(CaptureMode.Tproxy, plan.Mode);
        Assert.Empty(plan.ExcludedInboundPorts);
        Assert.Empty(plan.ExcludedOutboundPorts);
        Assert.Empty(plan.ExcludedInboundNetworks);
        Assert.Empty(plan.ExcludedOutboundNetworks);
    }

    [Fact]
    public void A_list_that_is_too_long_excludes_nothing()
    {
        CapturePlan plan = new CapturePlanner(new CaptureOptions()).Plan(
            new Dictionary<string, string> { ["mesh-node.io/exclude-inbound-ports"] = string.Join(',', Enumerable.Range(1, 65)) },
            out IReadOnlyList<string> errors);

        Assert.Contains("more than 64", Assert.Single(errors), StringComparison.Ordinal);
        Assert.Empty(plan.ExcludedInboundPorts);
    }

    [Fact]
    public void Every_wrong_option_is_named_at_once()
    {
        CaptureException refused = Assert.Throws<CaptureException>(() => new CapturePlanner(new CaptureOptions
        {
            ExcludedInboundPorts = [0],
            ExcludedOutboundPorts = [70_000],
            ExcludedInboundCidrs = ["x"],
            ExcludedOutboundCidrs = ["10.0.0.1/8"],
            VerifyIntervalSeconds = 0,
            DrainSeconds = 301,
            Mode = (CaptureMode)7,
        }));

        foreach (string key in (string[])
        [
            "excludedInboundPorts", "excludedOutboundPorts", "excludedInboundCidrs", "excludedOutboundCidrs",
            "verifyIntervalSeconds", "drainSeconds", "mode",
        ])
        {
            Assert.Contains($"capture.{key}", refused.Message, StringComparison.Ordinal);
        }
    }
}
