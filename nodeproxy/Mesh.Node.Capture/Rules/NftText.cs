using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Mesh.Node.Capture.Rules;

/// <summary>Writes rules as an nft script: both families in one table of ours. Pure.</summary>
internal static class NftText
{
    /// <summary>Our table, in family inet.</summary>
    public const string Table = "mesh_node";

    /// <summary>The table of <see cref="CaptureRules.BuildGuard"/>.</summary>
    public const string GuardTable = "mesh_node_guard";

    // The bits of a mark that are not ours.
    private const uint Others = ~CaptureMarks.Mask;

    /// <summary>One transaction after which the table holds these rules and nothing else.</summary>
    public static string WriteReplacement(string name, ImmutableArray<RuleTable> tables)
    {
        var text = new StringBuilder();

        // Made first, so that deleting cannot fail; all three take effect at once.
        Line(text, $"add table inet {name}");
        Line(text, $"delete table inet {name}");
        Line(text, $"table inet {name} {{");

        // A chain may be named only after it exists: callees come first.
        foreach (RuleChain chain in tables.SelectMany(Callees))
        {
            Line(text, $"\tchain {NameOf(chain.Name)} {{");
            Line(text, $"\t}}");
        }

        foreach (RuleTable table in tables)
        {
            foreach (RuleChain chain in Callees(table))
            {
                Line(text, $"\tchain {NameOf(chain.Name)} {{");
                if (chain.Protocol == RuleProtocol.Udp)
                {
                    Line(text, $"\t\tmeta l4proto != udp return");
                }

                WriteRules(text, chain);
                Line(text, $"\t}}");
            }

            foreach ((RuleHook hook, RuleChain entered) in TcpEntries(table))
            {
                Line(text, $"\tchain {NameOf(table.Kind)}_{NameOf(hook)} {{");
                Line(text, $"\t\ttype {TypeOf(table.Kind, hook)} hook {NameOf(hook)} priority {PriorityOf(table.Kind)}; policy accept;");

                // TCP packets do not pay for what is done with others.
                Line(text, $"\t\tmeta l4proto != tcp {(FindUdpEntry(table, hook) is string other ? $"goto {NameOf(other)}" : "return")}");
                WriteRules(text, entered);
                Line(text, $"\t}}");
            }
        }

        Line(text, $"}}");
        return text.ToString();
    }

    /// <summary>
    /// Where what is there is not what must be there; empty when all is right.
    /// </summary>
    /// <param name="expected">What the same tool printed for the same rules in an empty namespace; null when there should be none.</param>
    /// <param name="present">What it printed in the namespace; null when the table is not there.</param>
    public static IEnumerable<string> Differences(string? expected, string? present)
    {
        if (expected == present)
        {
            yield break;
        }

        if (expected is null || present is null)
        {
            yield return present is null ? $"nft: table inet {Table} is missing" : $"nft: table inet {Table} is not expected";
            yield break;
        }

        List<(string Chain, string Line)> missing = [.. Lines(expected)];
        List<(string Chain, string Line)> surplus = [];
        foreach ((string Chain, string Line) line in Lines(present))
        {
            if (!missing.Remove(line))
            {
                surplus.Add(line);
            }
        }

        foreach ((string chain, string line) in missing)
        {
            yield return $"nft {chain}: missing: {line}";
        }

        foreach ((string chain, string line) in surplus)
        {
            yield return $"nft {chain}: not expected: {line}";
        }

        if (missing.Count == 0 && surplus.Count == 0)
        {
            yield return $"nft: the rules of table inet {Table} are out of order";
        }
    }

    /// <summary>One rule.</summary>
    internal static string Write(Rule rule, RuleProtocol protocol = RuleProtocol.Tcp)
    {
        var text = new StringBuilder();
        foreach (RuleMatch match in rule.Matches)
        {
            text.Append(Write(match, protocol)).Append(' ');
        }

        text.Append(Write(rule.Action, protocol));
        return text.ToString();
    }

    /// <summary>The chains that rules lead to; those the kernel enters with TCP packets are written where it enters them.</summary>
    private static IEnumerable<RuleChain> Callees(RuleTable table) =>
        table.Chains.Where(chain => chain.Protocol == RuleProtocol.Udp || table.Entries.All(entry => entry.Chain != chain.Name));

    private static IEnumerable<(RuleHook Hook, RuleChain Chain)> TcpEntries(RuleTable table) => table.Entries
        .Select(entry => (entry.Hook, Chain: table.Chains.Single(chain => chain.Name == entry.Chain)))
        .Where(entry => entry.Chain.Protocol == RuleProtocol.Tcp);

    private static string? FindUdpEntry(RuleTable table, RuleHook hook) => table.Entries
        .Where(entry => entry.Hook == hook)
        .Select(entry => table.Chains.Single(chain => chain.Name == entry.Chain))
        .FirstOrDefault(chain => chain.Protocol == RuleProtocol.Udp)?.Name;

    private static void WriteRules(StringBuilder text, RuleChain chain)
    {
        foreach (Rule rule in chain.Rules)
        {
            Line(text, $"\t\t{Write(rule, chain.Protocol)}");
        }
    }

    private static string Write(RuleMatch match, RuleProtocol protocol) => match switch
    {

        // By index, which is 1 in every namespace: a name would be copied for each packet before it is compared.
        RuleMatch.FromLoopback from => $"iif {Comparison(from.Expected, "")}\"lo\"",
        RuleMatch.ToLoopback to => $"oif {Comparison(to.Expected, "")}\"lo\"",
        RuleMatch.DestinationPort destination => Text($"{NameOf(protocol)} dport {Comparison(destination.Expected, "")}{destination.Port}"),
        RuleMatch.DestinationIn destination => Text($"{FamilyOf(destination.Network)} daddr {destination.Network}"),
        RuleMatch.SourceIn source => Text($"{FamilyOf(source.Network)} saddr {source.Network}"),
        RuleMatch.Opening opening => $"tcp flags & (fin | syn | rst | ack) {(opening.Expected ? "==" : "!=")} syn",
        RuleMatch.PacketMark packet => Text($"meta mark & 0x{CaptureMarks.Mask:x} {Comparison(packet.Expected, "== ")}0x{packet.Mark:x}"),
        RuleMatch.ConnectionMark connection => Text($"ct mark & 0x{CaptureMarks.Mask:x} == 0x{connection.Mark:x}"),
        RuleMatch.OriginalDirection direction => direction.Expected ? "ct direction original" : "ct direction reply",
        RuleMatch.OnlyWildcardListener listener => listener.Expected ? "socket wildcard 1" : "socket wildcard 0",

        // The statement looks at a property of the socket and so matches only where there is one.
        RuleMatch.HasSocket => "socket transparent { 0, 1 }",
        RuleMatch.HasTransparentSocket => "socket transparent 1",
        _ => throw new ArgumentOutOfRangeException(nameof(match), match, null),
    };

    private static string Write(RuleAction action, RuleProtocol protocol) => action switch
    {
        RuleAction.Jump jump => $"jump {NameOf(jump.Chain)}",
        RuleAction.Continue next => $"goto {NameOf(next.Chain)}",
        RuleAction.Return => "return",
        RuleAction.SetPacketMark packet => Text($"meta mark set meta mark & 0x{Others:x}{Added(packet.Mark)}"),
        RuleAction.SetConnectionMark connection => Text($"ct mark set ct mark & 0x{Others:x}{Added(connection.Mark)}"),
        RuleAction.DeliverTo deliver => Text($"meta l4proto {NameOf(protocol)} tproxy to :{deliver.Port} accept"),
        RuleAction.RedirectTo redirect => Text($"meta l4proto tcp redirect to :{redirect.Port}"),
        RuleAction.Reset => "reject with tcp reset",
        RuleAction.Drop => "drop",
        _ => throw new ArgumentOutOfRangeException(nameof(action), action, null),
    };

    private static IEnumerable<(string Chain, string Line)> Lines(string listing)
    {
        string chain = "";
        foreach (string line in listing.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.StartsWith("chain ", StringComparison.Ordinal))
            {
                chain = line.TrimEnd(' ', '{');
            }

            yield return (chain, line);
        }
    }

    private static string NameOf(string chain) => chain.ToLowerInvariant();

    private static string NameOf(RuleTableKind kind) => IptablesText.NameOf(kind);

    private static string NameOf(RuleProtocol protocol) => IptablesText.NameOf(protocol);

    private static string NameOf(RuleHook hook) => hook switch
    {
        RuleHook.Prerouting => "prerouting",
        RuleHook.Input => "input",
        RuleHook.Output => "output",
        _ => throw new ArgumentOutOfRangeException(nameof(hook), hook, null),
    };

    // A changed mark must lead to a new route: only chains of this type look again.
    private static string TypeOf(RuleTableKind kind, RuleHook hook) => (kind, hook) switch
    {
        (RuleTableKind.Mangle, RuleHook.Output) => "route",
        (RuleTableKind.Nat, _) => "nat",
        _ => "filter",
    };

    private static int PriorityOf(RuleTableKind kind) => kind switch
    {
        RuleTableKind.Mangle => -150,
        RuleTableKind.Nat => -100,
        _ => 0,
    };

    private static string FamilyOf(System.Net.IPNetwork network) =>
        network.BaseAddress.AddressFamily == AddressFamily.InterNetworkV6 ? "ip6" : "ip";

    private static string Comparison(bool isExpected, string equal) => isExpected ? equal : "!= ";

    private static string Added(uint mark) => mark == 0 ? "" : Text($" | 0x{mark:x}");

    private static string Text(FormattableString content) => content.ToString(CultureInfo.InvariantCulture);

    private static void Line(StringBuilder text, FormattableString content) => text.Append(Text(content)).Append('\n');
}
