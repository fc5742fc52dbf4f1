using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Mesh.Node.Capture.Rules;

/// <summary>Writes rules as iptables-restore input, for one family. Pure.</summary>
internal static class IptablesText
{
    /// <summary>What every chain of ours begins with, in this and all other versions: by it they are found again.</summary>
    public const string ChainPrefix = "MESH_";

    /// <summary>
    /// One batch that makes a namespace's rules these, whatever of ours is there: our chains are emptied and filled, each is entered
    /// once, before all others, and chains of ours that are no longer wanted go. Everything else stays.
    /// </summary>
    /// <param name="tables">What must be.</param>
    /// <param name="current">What is there.</param>
    /// <param name="family">Which family's tool will read it.</param>
    /// <param name="isConcerned">Which chains of ours are considered, by full name; others stay as they are.</param>
    public static string WriteReplacement(
        ImmutableArray<RuleTable> tables, IptablesDump current, AddressFamily family, Func<string, bool> isConcerned)
    {
        var text = new StringBuilder();
        foreach (RuleTable table in tables)
        {
            string name = NameOf(table.Kind);
            Line(text, $"*{name}");
            foreach (RuleChain chain in table.Chains)
            {
                Line(text, $":{ChainPrefix}{chain.Name} - [0:0]");
            }

            WriteRemovedEntries(text, current, name, isConcerned);
            // Each goes before what is there, so that of TCP, which is written last, is passed first.
            foreach ((RuleHook hook, string chain, RuleProtocol protocol) in table.Entries
                .Select(entry => (entry.Hook, entry.Chain, table.Chains.Single(chain => chain.Name == entry.Chain).Protocol))
                .OrderBy(entry => entry.Protocol == RuleProtocol.Tcp))
            {
                Line(text, $"-I {NameOf(hook)} 1 -p {NameOf(protocol)} -j {ChainPrefix}{chain}");
            }

            foreach (RuleChain chain in table.Chains)
            {
                WriteRules(text, chain, family);
            }

            ImmutableHashSet<string> wanted = [.. table.Chains.Select(chain => ChainPrefix + chain.Name)];
            WriteRemovedChains(text, current, name, chain => isConcerned(chain) && !wanted.Contains(chain));
            Line(text, $"COMMIT");
        }

        foreach (string name in current.Tables.Keys.Except(tables.Select(table => NameOf(table.Kind))).Order(StringComparer.Ordinal))
        {
            WriteRemoval(text, current, name, isConcerned);
        }

        return text.ToString();
    }

    /// <summary>
    /// One batch that fills some chains anew and touches nothing else, so that it can be written without looking at what is there.
    /// </summary>
    /// <param name="tables">The rules as a whole.</param>
    /// <param name="family">Which family's tool will read it.</param>
    /// <param name="isConcerned">Which chains are filled, by name without prefix.</param>
    public static string WriteChains(ImmutableArray<RuleTable> tables, AddressFamily family, Func<string, bool> isConcerned)
    {
        var text = new StringBuilder();
        foreach (RuleTable table in tables.Where(table => table.Chains.Any(chain => isConcerned(chain.Name))))
        {
            Line(text, $"*{NameOf(table.Kind)}");
            foreach (RuleChain chain in table.Chains.Where(chain => isConcerned(chain.Name)))
            {
                Line(text, $":{ChainPrefix}{chain.Name} - [0:0]");
                WriteRules(text, chain, family);
            }

            Line(text, $"COMMIT");
        }

        return text.ToString();
    }

    /// <summary>One batch that removes our chains, and what enters them; empty when there is none.</summary>
    /// <param name="current">What is there.</param>
    /// <param name="isConcerned">Which of our chains go, by full name.</param>
    public static string WriteRemoval(IptablesDump current, Func<string, bool> isConcerned)
    {
        var text = new StringBuilder();
        foreach (string name in current.Tables.Keys.Order(StringComparer.Ordinal))
        {
            WriteRemoval(text, current, name, isConcerned);
        }

        return text.ToString();
    }

    /// <summary>The name of a table.</summary>
    public static string NameOf(RuleTableKind kind) => kind switch
    {
        RuleTableKind.Filter => "filter",
        RuleTableKind.Mangle => "mangle",
        RuleTableKind.Nat => "nat",
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, null),
    };

    /// <summary>The name of a protocol.</summary>
    public static string NameOf(RuleProtocol protocol) => protocol == RuleProtocol.Tcp ? "tcp" : "udp";

    /// <summary>The specification of one rule; null when it concerns the other family or does not exist here.</summary>
    internal static string? TryWrite(Rule rule, AddressFamily family, RuleProtocol protocol = RuleProtocol.Tcp)
    {
        StringBuilder text = new StringBuilder("-p ").Append(NameOf(protocol));
        foreach (RuleMatch match in rule.Matches)
        {
            if (!TryWrite(text, match, family, protocol))
            {
                return null;
            }
        }

        string any = family == AddressFamily.InterNetwork ? "0.0.0.0" : "::";
        switch (rule.Action)
        {
            case RuleAction.Jump jump:
                Append(text, $" -j {ChainPrefix}{jump.Chain}");
                break;
            case RuleAction.Continue next:
                Append(text, $" -g {ChainPrefix}{next.Chain}");
                break;
            case RuleAction.Return:
                text.Append(" -j RETURN");
                break;
            case RuleAction.SetPacketMark packet:
                Append(text, $" -j MARK --set-xmark 0x{packet.Mark:x}/0x{CaptureMarks.Mask:x}");
                break;
            case RuleAction.SetConnectionMark connection:
                Append(text, $" -j CONNMARK --set-xmark 0x{connection.Mark:x}/0x{CaptureMarks.Mask:x}");
                break;
            case RuleAction.DeliverTo deliver:
                Append(text, $" -j TPROXY --on-port {deliver.Port} --on-ip {any} --tproxy-mark 0x0/0x0");
                break;
            case RuleAction.RedirectTo redirect:
                Append(text, $" -j REDIRECT --to-ports {redirect.Port}");
                break;
            case RuleAction.Reset:
                text.Append(" -j REJECT --reject-with tcp-reset");
                break;
            case RuleAction.Drop:
                text.Append(" -j DROP");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(rule), rule.Action, null);
        }

        return text.ToString();
    }

    private static bool TryWrite(StringBuilder text, RuleMatch match, AddressFamily family, RuleProtocol protocol)
    {
        switch (match)
        {
            case RuleMatch.FromLoopback from:
                Append(text, $"{Negation(from.Expected)} -i lo");
                return true;
            case RuleMatch.ToLoopback to:
                Append(text, $"{Negation(to.Expected)} -o lo");
                return true;
            case RuleMatch.DestinationPort destination:
                Append(text, $" -m {NameOf(protocol)}{Negation(destination.Expected)} --dport {destination.Port}");
                return true;
            case RuleMatch.DestinationIn destination:
                Append(text, $" -d {destination.Network}");
                return destination.Network.BaseAddress.AddressFamily == family;
            case RuleMatch.SourceIn source:
                Append(text, $" -s {source.Network}");
                return source.Network.BaseAddress.AddressFamily == family;
            case RuleMatch.Opening opening:
                Append(text, $" -m tcp{Negation(opening.Expected)} --tcp-flags FIN,SYN,RST,ACK SYN");
                return true;
            case RuleMatch.PacketMark packet:
                Append(text, $" -m mark{Negation(packet.Expected)} --mark 0x{packet.Mark:x}/0x{CaptureMarks.Mask:x}");
                return true;
            case RuleMatch.ConnectionMark connection:
                Append(text, $" -m connmark --mark 0x{connection.Mark:x}/0x{CaptureMarks.Mask:x}");
                return true;
            case RuleMatch.OriginalDirection direction:
                Append(text, $" -m conntrack --ctdir {(direction.Expected ? "ORIGINAL" : "REPLY")}");
                return true;
            case RuleMatch.HasSocket:
                text.Append(" -m socket");
                return true;
            case RuleMatch.HasTransparentSocket:
                text.Append(" -m socket --transparent");
                return true;
            case RuleMatch.OnlyWildcardListener:
                return false;
            default:
                throw new ArgumentOutOfRangeException(nameof(match), match, null);
        }
    }

    private static void WriteRules(StringBuilder text, RuleChain chain, AddressFamily family)
    {
        foreach (Rule rule in chain.Rules)
        {
            if (TryWrite(rule, family, chain.Protocol) is string specification)
            {
                Line(text, $"-A {ChainPrefix}{chain.Name} {specification}");
            }
        }
    }

    private static void WriteRemoval(StringBuilder text, IptablesDump current, string table, Func<string, bool> isConcerned)
    {
        if (current.ChainsOf(table).Any(chain => IsOurs(chain) && isConcerned(chain)))
        {
            Line(text, $"*{table}");
            WriteRemovedEntries(text, current, table, isConcerned);
            WriteRemovedChains(text, current, table, isConcerned);
            Line(text, $"COMMIT");
        }
    }

    private static void WriteRemovedEntries(StringBuilder text, IptablesDump current, string table, Func<string, bool> isConcerned)
    {
        foreach (string chain in current.ChainsOf(table).Where(chain => !IsOurs(chain)))
        {
            foreach (string rule in current.RulesOf(table, chain))
            {
                if (EnteredChain(rule) is string entered && isConcerned(entered))
                {
                    Line(text, $"-D {chain} {rule}");
                }
            }
        }
    }

    private static void WriteRemovedChains(StringBuilder text, IptablesDump current, string table, Func<string, bool> isRemoved)
    {
        string[] removed = [.. current.ChainsOf(table).Where(chain => IsOurs(chain) && isRemoved(chain))];

        // All are emptied before any goes: they lead to each other.
        foreach (string chain in removed)
        {
            Line(text, $"-F {chain}");
        }

        foreach (string chain in removed)
        {
            Line(text, $"-X {chain}");
        }
    }

    /// <summary>The chain of ours that a rule leads to; null when it leads elsewhere.</summary>
    internal static string? EnteredChain(string rule)
    {
        string[] words = rule.Split(' ');
        for (int i = 0; i + 1 < words.Length; i++)
        {
            if (words[i] is "-j" or "-g" && IsOurs(words[i + 1]))
            {
                return words[i + 1];
            }
        }

        return null;
    }

    internal static bool IsOurs(string chain) => chain.StartsWith(ChainPrefix, StringComparison.Ordinal);

    private static string NameOf(RuleHook hook) => hook switch
    {
        RuleHook.Prerouting => "PREROUTING",
        RuleHook.Input => "INPUT",
        RuleHook.Output => "OUTPUT",
        _ => throw new ArgumentOutOfRangeException(nameof(hook), hook, null),
    };

    private static string Negation(bool isExpected) => isExpected ? "" : " !";

    private static void Append(StringBuilder text, FormattableString content) =>
        text.Append(content.ToString(CultureInfo.InvariantCulture));

    private static void Line(StringBuilder text, FormattableString content)
    {
        Append(text, content);
        text.Append('\n');
    }
}
