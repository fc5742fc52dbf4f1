using System.Collections.Immutable;

namespace Mesh.Node.Capture.Rules;

/// <summary>What iptables-save printed: tables, their chains, and the rules of each in order. Pure.</summary>
internal sealed class IptablesDump
{
    private static readonly ImmutableHashSet<string> s_builtIn = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];

    // Tables with a built-in chain whose policy is not ACCEPT: somebody meant something by that.
    private readonly ImmutableHashSet<string> _guarded;

    private IptablesDump(
        ImmutableDictionary<string, ImmutableDictionary<string, ImmutableArray<string>>> tables, ImmutableHashSet<string> guarded)
    {
        Tables = tables;
        _guarded = guarded;
    }

    /// <summary>Nothing at all.</summary>
    public static IptablesDump Empty { get; } = Parse("");

    /// <summary>Rules without their <c>-A CHAIN</c>, by table and chain.</summary>
    public ImmutableDictionary<string, ImmutableDictionary<string, ImmutableArray<string>>> Tables { get; }

    /// <summary>Whether anything in it is ours.</summary>
    public bool HasOurs => Tables.Keys.Any(table => ChainsOf(table).Any(IptablesText.IsOurs));

    /// <summary>The chains of a table, by name; none when the table is not there.</summary>
    public IEnumerable<string> ChainsOf(string table) =>
        Tables.TryGetValue(table, out ImmutableDictionary<string, ImmutableArray<string>>? chains)
            ? chains.Keys.Order(StringComparer.Ordinal)
            : [];

    /// <summary>The rules of a chain; none when it is not there.</summary>
    public ImmutableArray<string> RulesOf(string table, string chain) =>
        Tables.TryGetValue(table, out ImmutableDictionary<string, ImmutableArray<string>>? chains)
            && chains.TryGetValue(chain, out ImmutableArray<string> rules)
            ? rules
            : [];

    /// <summary>Whether a table does nothing: it has built-in chains at most, all empty and accepting.</summary>
    public bool IsBlank(string table) => !_guarded.Contains(table)
        && ChainsOf(table).All(chain => s_builtIn.Contains(chain) && RulesOf(table, chain).IsEmpty);

    /// <summary>Reads the output of iptables-save.</summary>
    /// <exception cref="CaptureException">It is something else.</exception>
    public static IptablesDump Parse(string text)
    {
        ImmutableDictionary<string, ImmutableDictionary<string, ImmutableArray<string>>>.Builder tables =
            ImmutableDictionary.CreateBuilder<string, ImmutableDictionary<string, ImmutableArray<string>>>();
        ImmutableHashSet<string>.Builder guarded = ImmutableHashSet.CreateBuilder<string>();
        string? table = null;
        Dictionary<string, List<string>> chains = [];
        foreach (string line in text.Split('\n'))
        {
            if (line.Length == 0 || line[0] == '#')
            {
                continue;
            }

            if (line[0] == '*' && table is null)
            {
                table = line[1..];
                chains = [];
            }
            else if (line[0] == ':' && table is not null && line.Split(' ') is [string chain, string policy, ..])
            {
                chains[chain[1..]] = [];
                if (policy is not ("ACCEPT" or "-"))
                {
                    guarded.Add(table);
                }
            }
            else if (line.Split(' ', 3) is ["-A", string appended, .. string[] rest] && table is not null
                && chains.TryGetValue(appended, out List<string>? rules))
            {
                // Nothing is left of a rule that matches everything and does nothing but count.
                rules.Add(rest is [string rule] ? rule.TrimEnd() : "");
            }
            else if (line == "COMMIT" && table is not null)
            {
                tables[table] = chains.ToImmutableDictionary(entry => entry.Key, entry => entry.Value.ToImmutableArray());
                table = null;
            }
            else
            {
                throw new CaptureException($"iptables-save printed a line that is not understood: {line}");
            }
        }

        return table is null
            ? new IptablesDump(tables.ToImmutable(), guarded.ToImmutable())
            : throw new CaptureException($"iptables-save ended within table {table}.");
    }

    /// <summary>
    /// Where what is there is not what must be there, in the words of the tool; empty when all is right. Others' chains and rules do not
    /// count, except those that come before ours and could take packets from them.
    /// </summary>
    /// <param name="expected">What the same tool printed for the same rules in an empty namespace.</param>
    /// <param name="family">For the messages: <c>IPv4</c> or <c>IPv6</c>.</param>
    public IEnumerable<string> DifferencesFrom(IptablesDump expected, string family)
    {
        foreach (string table in expected.Tables.Keys.Union(Tables.Keys).Order(StringComparer.Ordinal))
        {
            string where = $"{family} {table}";
            foreach (string chain in expected.ChainsOf(table).Union(ChainsOf(table)).Where(IptablesText.IsOurs))
            {
                bool isWanted = expected.ChainsOf(table).Contains(chain);
                bool isThere = ChainsOf(table).Contains(chain);
                if (isWanted != isThere)
                {
                    yield return isWanted ? $"{where}: chain {chain} is missing" : $"{where}: chain {chain} is not expected";
                    continue;
                }

                foreach (string difference in Compare($"{where} {chain}", expected.RulesOf(table, chain), RulesOf(table, chain)))
                {
                    yield return difference;
                }
            }

            foreach (string chain in expected.ChainsOf(table).Union(ChainsOf(table)).Where(chain => !IptablesText.IsOurs(chain)))
            {
                ImmutableArray<string> present = RulesOf(table, chain);
                ImmutableArray<string> wanted = OursOf(expected.RulesOf(table, chain));
                ImmutableArray<string> ours = OursOf(present);
                foreach (string difference in Compare($"{where} {chain}", wanted, ours))
                {
                    yield return difference;
                }

                if (ours.SequenceEqual(wanted) && !present.Take(wanted.Length).SequenceEqual(wanted))
                {
                    yield return $"{where} {chain}: another rule comes before ours: {present[0]}";
                }
            }
        }
    }

    private static ImmutableArray<string> OursOf(ImmutableArray<string> rules) =>
        [.. rules.Where(rule => IptablesText.EnteredChain(rule) is not null)];

    private static IEnumerable<string> Compare(string where, ImmutableArray<string> expected, ImmutableArray<string> present)
    {
        if (expected.SequenceEqual(present))
        {
            yield break;
        }

        List<string> missing = [.. expected];
        List<string> surplus = [];
        foreach (string rule in present)
        {
            if (!missing.Remove(rule))
            {
                surplus.Add(rule);
            }
        }

        foreach (string rule in missing)
        {
            yield return $"{where}: rule is missing: {rule}";
        }

        foreach (string rule in surplus)
        {
            yield return $"{where}: rule is not expected: {rule}";
        }

        if (missing.Count == 0 && surplus.Count == 0)
        {
            yield return $"{where}: rules are out of order";
        }
    }
}
