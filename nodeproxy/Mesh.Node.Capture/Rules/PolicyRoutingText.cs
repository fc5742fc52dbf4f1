using System.Globalization;
using System.Text;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// The routing rule and the local route that bring marked packets to the proxy, as commands for <c>ip -batch</c> and as what
/// <c>ip</c> prints. Pure; one family at a time.
/// </summary>
internal static class PolicyRoutingText
{
    /// <summary>Prints what <see cref="Parse"/> reads.</summary>
    public static readonly string Query = Text($"rule show\nroute show table {CaptureMarks.RoutingTable}\n");

    // RTN_LOCAL (rtnetlink(7)), as it is printed when numbers are asked for.
    private const string NumericLocal = "2";

    private static readonly string s_mark = Text($"0x{CaptureMarks.Return:x}/0x{CaptureMarks.Mask:x}");
    private static readonly string s_table = Text($"{CaptureMarks.RoutingTable}");
    private static readonly string s_preference = Text($"{CaptureMarks.RulePreference}");

    /// <summary>Reads the answer to <see cref="Query"/>.</summary>
    public static PolicyRoutingState Parse(string output)
    {
        int rules = 0;
        List<string> misplaced = [];
        bool hasRoute = false;
        List<string> foreign = [];
        foreach (string line in output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] words = line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words[0].EndsWith(':'))
            {
                if (ValueAfter(words, "fwmark") == s_mark && ValueAfter(words, "lookup") == s_table)
                {
                    // A rule narrowed by anything else (from, iif, not) is not the one that must be there.
                    bool isExact = words is [_, "from", "all", "fwmark", _, "lookup", _, ..] && words[0] == s_preference + ":";
                    rules += isExact ? 1 : 0;
                    if (!isExact)
                    {
                        misplaced.Add(line.Replace('\t', ' '));
                    }
                }
            }
            else if (words is ["local" or NumericLocal, "default", "dev", "lo", ..])
            {
                hasRoute = true;
            }
            else
            {
                foreign.Add(line);
            }
        }

        return new PolicyRoutingState(rules, misplaced, hasRoute, foreign);
    }

    /// <summary>The commands that make the state right; empty when it is.</summary>
    public static string WriteRepair(PolicyRoutingState state)
    {
        var text = new StringBuilder();
        WriteRuleRemoval(text, state, keep: 1);
        if (!state.HasRoute)
        {
            text.Append(Text($"route add local default dev lo table {CaptureMarks.RoutingTable}\n"));
        }

        if (state.Rules == 0)
        {
            text.Append(Text($"rule add fwmark {s_mark} lookup {s_table} pref {s_preference}\n"));
        }

        return text.ToString();
    }

    /// <summary>The commands that remove what is ours; empty when nothing is.</summary>
    public static string WriteRemoval(PolicyRoutingState state)
    {
        var text = new StringBuilder();
        WriteRuleRemoval(text, state, keep: 0);
        if (state.HasRoute)
        {
            text.Append(Text($"route del local default dev lo table {CaptureMarks.RoutingTable}\n"));
        }

        return text.ToString();
    }

    /// <summary>Where the state is not what it must be, for an operator.</summary>
    public static IEnumerable<string> Differences(PolicyRoutingState state, string family)
    {
        if (state.Rules == 0)
        {
            yield return Text($"{family} routing: rule is missing: {s_preference}: from all fwmark {s_mark} lookup {s_table}");
        }
        else if (state.Rules > 1)
        {
            yield return Text(
                $"{family} routing: rule is there {state.Rules} times: {s_preference}: from all fwmark {s_mark} lookup {s_table}");
        }

        foreach (string rule in state.Misplaced)
        {
            yield return Text($"{family} routing: rule is not expected: {rule}");
        }

        if (!state.HasRoute)
        {
            yield return Text($"{family} routing: route is missing: local default dev lo table {s_table}");
        }

        foreach (string route in state.ForeignRoutes)
        {
            yield return Text($"{family} routing: table {s_table} is the mesh's, but has a route of somebody else: {route}");
        }
    }

    private static void WriteRuleRemoval(StringBuilder text, PolicyRoutingState state, int keep)
    {
        foreach (string rule in state.Misplaced)
        {
            int colon = rule.IndexOf(':', StringComparison.Ordinal);
            text.Append(Text($"rule del {rule[(colon + 1)..].Trim()} pref {rule[..colon]}\n"));
        }

        for (int i = keep; i < state.Rules; i++)
        {
            text.Append(Text($"rule del fwmark {s_mark} lookup {s_table} pref {s_preference}\n"));
        }
    }

    private static string? ValueAfter(string[] words, string key)
    {
        int index = Array.IndexOf(words, key);
        return index >= 0 && index + 1 < words.Length ? words[index + 1] : null;
    }

    private static string Text(FormattableString content) => content.ToString(CultureInfo.InvariantCulture);
}
