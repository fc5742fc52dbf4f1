using System.Net;
using System.Net.Sockets;
using Mesh.Node.Capture.Rules;
using Xunit;

namespace Mesh.Node.Capture.Tests.Rules;

/// <summary>
/// Goal: what an operator reads is what is written. Method: the listings of the document are compared with the rules, character by
/// character.
/// </summary>
public sealed class DocumentedRulesTests
{
    private const string Document = "nodeproxy/docs/capture.md";

    private static CapturePlan Example(CaptureMode mode) => new()
    {
        Mode = mode,
        CapturesDns = true,
        ExcludedInboundPorts = [9100],
        ExcludedOutboundNetworks = [IPNetwork.Parse("10.250.0.0/16")],
    };

    [Fact]
    public void The_listings_of_the_document_are_the_rules()
    {
        foreach (CaptureMode mode in (CaptureMode[])[CaptureMode.Tproxy, CaptureMode.Redirect])
        {
            string word = mode == CaptureMode.Tproxy ? "tproxy" : "redirect";
            Assert.Equal(
                Listing($"# nft, {word}"),
                NftText.WriteReplacement(NftText.Table, CaptureRules.Build(Example(mode), RefusalPlace.Anywhere)));
            Assert.Equal(Listing($"# iptables, {word}"), Iptables(CaptureRules.Build(Example(mode), RefusalPlace.Input)));
        }

        CapturePlan refusing = Example(CaptureMode.Tproxy) with { Stage = CaptureStage.Refusing };
        Assert.Equal(
            Listing("# iptables, tproxy, refusing"),
            IptablesText.WriteChains(
                CaptureRules.Build(refusing, RefusalPlace.Input), AddressFamily.InterNetwork, CaptureRules.IsTakingChain));
        Assert.Equal(Listing("# iptables, guard"), Iptables([CaptureRules.BuildGuard()]));
    }

    private static string Iptables(System.Collections.Immutable.ImmutableArray<RuleTable> tables) =>
        IptablesText.WriteReplacement(tables, IptablesDump.Empty, AddressFamily.InterNetwork, _ => true);

    /// <summary>The fenced block whose first line is the title.</summary>
    private static string Listing(string title)
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Mesh.Node.sln")))
        {
            folder = folder.Parent;
        }

        Assert.NotNull(folder);
        string[] lines = File.ReadAllLines(Path.Combine(folder.FullName, Document));
        int start = Array.IndexOf(lines, title);
        Assert.True(start > 0, $"{Document} has no listing '{title}'.");
        return string.Concat(lines.Skip(start + 1).TakeWhile(line => line != "```").Select(line => line + "\n"));
    }
}
