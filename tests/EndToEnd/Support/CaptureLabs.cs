using System.Text.Json.Nodes;

namespace Mesh.EndToEnd.Support;

/// <summary>Capture by TPROXY, written by iptables.</summary>
public sealed class TproxyLab : TwoNodeLab
{
    protected override JsonObject NodeConfiguration => new() { ["capture"] = new JsonObject { ["backend"] = "iptables-nft" } };
}

/// <summary>Capture by TPROXY, written by nft: what a node does of itself where it can.</summary>
public sealed class NftLab : TwoNodeLab
{
    protected override JsonObject NodeConfiguration => new() { ["capture"] = new JsonObject { ["backend"] = "nft" } };
}

/// <summary>Capture by nat REDIRECT, written by iptables.</summary>
public sealed class RedirectLab : TwoNodeLab
{
    protected override JsonObject NodeConfiguration => new() { ["capture"] = new JsonObject { ["mode"] = "redirect", ["backend"] = "iptables-nft" } };
}

/// <summary>Capture by nat REDIRECT, written by nft: what a node does of itself where TPROXY is not possible.</summary>
public sealed class NftRedirectLab : TwoNodeLab
{
    protected override JsonObject NodeConfiguration => new() { ["capture"] = new JsonObject { ["mode"] = "redirect", ["backend"] = "nft" } };
}

/// <summary>Capture by nat REDIRECT, written by iptables for kernels without nftables.</summary>
public sealed class LegacyRedirectLab : TwoNodeLab
{
    protected override JsonObject NodeConfiguration => new()
    {
        ["capture"] = new JsonObject { ["mode"] = "redirect", ["backend"] = "iptables-legacy" },
    };
}
