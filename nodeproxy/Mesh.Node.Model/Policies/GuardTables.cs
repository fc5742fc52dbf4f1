using Mesh.Node.Model.Addresses;

namespace Mesh.Node.Model.Policies;

/// <summary>Rules filed by texts that one text of a connection must equal. Immutable once built; any thread.</summary>
internal sealed class ExactTextTable
{
    private readonly Dictionary<string, int[]> _rules;
    private readonly Dictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _lookup;

    public ExactTextTable(IEnumerable<KeyValuePair<Guard, int[]>> filed)
    {
        _rules = filed.ToDictionary(entry => entry.Key.Text, entry => entry.Value, StringComparer.Ordinal);
        _lookup = _rules.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    public void Search<TJudge>(ReadOnlySpan<char> text, ref RuleSearch search, scoped ref readonly TJudge judge)
        where TJudge : IRuleJudge, allows ref struct
    {
        if (_rules.Count > 0 && _lookup.TryGetValue(text, out int[]? rules))
        {
            search.Consider(rules, in judge);
        }
    }
}

/// <summary>
/// Rules filed by texts that one text of a connection must start or end with. One hash lookup for each different length among the keys,
/// which in practice are few. Immutable once built; any thread.
/// </summary>
internal sealed class AffixTable
{
    private readonly Dictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly int[] _lengths;
    private readonly bool _fromEnd;

    public AffixTable(IEnumerable<KeyValuePair<Guard, int[]>> filed, bool fromEnd)
    {
        Dictionary<string, int[]> rules = filed.ToDictionary(entry => entry.Key.Text, entry => entry.Value, StringComparer.Ordinal);
        _lookup = rules.GetAlternateLookup<ReadOnlySpan<char>>();
        _lengths = [.. rules.Keys.Select(key => key.Length).Distinct().Order()];
        _fromEnd = fromEnd;
    }

    public void Search<TJudge>(ReadOnlySpan<char> text, ref RuleSearch search, scoped ref readonly TJudge judge)
        where TJudge : IRuleJudge, allows ref struct
    {
        foreach (int length in _lengths)
        {
            if (length > text.Length)
            {
                return;
            }

            if (_lookup.TryGetValue(_fromEnd ? text[^length..] : text[..length], out int[]? rules))
            {
                search.Consider(rules, in judge);
            }
        }
    }
}

/// <summary>
/// Rules filed by the blocks one address of a connection must lie in. One hash lookup for each different prefix length of the address's
/// family among the keys. Immutable once built; any thread.
/// </summary>
internal sealed class AddressTable
{
    private readonly Dictionary<IpPrefix, int[]> _rules;
    private readonly int[] _lengthsIPv4;
    private readonly int[] _lengthsIPv6;

    public AddressTable(IEnumerable<KeyValuePair<Guard, int[]>> filed)
    {
        _rules = filed.ToDictionary(entry => entry.Key.Prefix, entry => entry.Value);
        _lengthsIPv4 = Lengths(isIPv6: false);
        _lengthsIPv6 = Lengths(isIPv6: true);
    }

    public void Search<TJudge>(IpValue address, ref RuleSearch search, scoped ref readonly TJudge judge)
        where TJudge : IRuleJudge, allows ref struct
    {
        foreach (int lengthBits in address.IsIPv6 ? _lengthsIPv6 : _lengthsIPv4)
        {
            if (IpPrefix.TryCreate(address, lengthBits, out IpPrefix prefix) && _rules.TryGetValue(prefix, out int[]? rules))
            {
                search.Consider(rules, in judge);
            }
        }
    }

    private int[] Lengths(bool isIPv6) =>
        [.. _rules.Keys.Where(prefix => prefix.Network.IsIPv6 == isIPv6).Select(prefix => prefix.LengthBits).Distinct().Order()];
}

/// <summary>The state of one search: the first rule found so far. Lives on the stack.</summary>
internal ref struct RuleSearch(CompiledRule[] rules)
{
    private readonly CompiledRule[] _rules = rules;
    private int _found = rules.Length;

    public readonly CompiledRule? Found => _found < _rules.Length ? _rules[_found] : null;

    /// <summary>Asks those of the rules that come before what was found already. They are in ascending order.</summary>
    public void Consider<TJudge>(int[] rules, scoped ref readonly TJudge judge)
        where TJudge : IRuleJudge, allows ref struct
    {
        foreach (int rule in rules)
        {
            if (rule >= _found)
            {
                return;
            }

            if (judge.Matches(_rules[rule]))
            {
                _found = rule;
                return;
            }
        }
    }

    /// <summary>Asks every rule in order.</summary>
    public void ConsiderAll<TJudge>(scoped ref readonly TJudge judge)
        where TJudge : IRuleJudge, allows ref struct
    {
        for (int rule = 0; rule < _found; rule++)
        {
            if (judge.Matches(_rules[rule]))
            {
                _found = rule;
            }
        }
    }
}
