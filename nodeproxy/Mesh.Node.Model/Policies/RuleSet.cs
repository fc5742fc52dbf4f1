using Mesh.Api.Identity;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// The rules of one or many policies of one action, in order, asked one question: which is the first that matches this connection or this
/// request.
/// Immutable; any thread; no allocation to ask.
/// </summary>
/// <remarks>
/// Past a handful of rules each is filed under values it requires: a rule that names principals is looked at only when the connection's
/// principal is one of them. Of the fields that could serve, the one whose values are rarest among all the rules is taken, so that ten
/// thousand rules which share a namespace but differ in port are filed by port. Rules without any such field are always looked at.
/// </remarks>
internal sealed class RuleSet
{
    /// <summary>Up to here asking every rule costs less than the hash lookups that would avoid it (bench/Mesh.Bench.Micro/Model).</summary>
    private const int LinearRulesMax = 4;

    private readonly CompiledRule[] _rules;
    private readonly Index? _index;

    private RuleSet(CompiledRule[] rules)
    {
        _rules = rules;
        _index = rules.Length > LinearRulesMax ? new Index(rules) : null;
        AsksRequests = rules.Any(rule => rule.AsksRequests);
    }

    public static RuleSet Empty { get; } = new([]);

    /// <summary>Rules that could match something; the others are left out.</summary>
    public int Count => _rules.Length;

    /// <summary>Some rule asks something of requests.</summary>
    public bool AsksRequests { get; }

    /// <summary>The policies' rules, in the order given.</summary>
    public static RuleSet Create(IEnumerable<CompiledPolicy> policies)
    {
        CompiledRule[] rules = [.. policies.SelectMany(policy => policy.Rules)];
        return rules.Length == 0 ? Empty : new RuleSet(rules);
    }

    /// <summary>The first rule that matches; null when none does.</summary>
    /// <param name="facts">The connection, by which rules are found.</param>
    /// <param name="judge">Says whether one matches. It must not match one whose conditions on the connection do not hold.</param>
    public CompiledRule? FirstMatch<TJudge>(in ConnectionFacts facts, scoped ref readonly TJudge judge)
        where TJudge : IRuleJudge, allows ref struct
    {
        var search = new RuleSearch(_rules);
        if (_index is null)
        {
            search.ConsiderAll(in judge);
        }
        else
        {
            _index.Search(in facts, ref search, in judge);
        }

        return search.Found;
    }

    /// <summary>Where each rule is filed.</summary>
    private sealed class Index
    {
        private readonly int[] _unguarded;
        private readonly int[] _identified;
        private readonly ExactTextTable _principals;
        private readonly AffixTable _principalPrefixes;
        private readonly AffixTable _principalSuffixes;
        private readonly ExactTextTable _namespaces;
        private readonly AffixTable _namespacePrefixes;
        private readonly AffixTable _namespaceSuffixes;
        private readonly Dictionary<ServiceAccountName, int[]> _serviceAccounts;
        private readonly AddressTable _sources;
        private readonly AddressTable _destinations;
        private readonly Dictionary<ushort, int[]> _ports;

        public Index(CompiledRule[] rules)
        {
            ILookup<GuardKind, KeyValuePair<Guard, int[]>> filed = RuleFiling.File(rules, out _unguarded).ToLookup(entry => entry.Key.Kind);
            _identified = filed[GuardKind.Identified].Select(entry => entry.Value).FirstOrDefault([]);
            _principals = new ExactTextTable(filed[GuardKind.PrincipalExact]);
            _principalPrefixes = new AffixTable(filed[GuardKind.PrincipalPrefix], fromEnd: false);
            _principalSuffixes = new AffixTable(filed[GuardKind.PrincipalSuffix], fromEnd: true);
            _namespaces = new ExactTextTable(filed[GuardKind.NamespaceExact]);
            _namespacePrefixes = new AffixTable(filed[GuardKind.NamespacePrefix], fromEnd: false);
            _namespaceSuffixes = new AffixTable(filed[GuardKind.NamespaceSuffix], fromEnd: true);
            _serviceAccounts = filed[GuardKind.ServiceAccount]
                .ToDictionary(entry => new ServiceAccountName(entry.Key.Namespace, entry.Key.Text), entry => entry.Value);
            _sources = new AddressTable(filed[GuardKind.Source]);
            _destinations = new AddressTable(filed[GuardKind.Destination]);
            _ports = filed[GuardKind.Port].ToDictionary(entry => entry.Key.Port, entry => entry.Value);
        }

        public void Search<TJudge>(in ConnectionFacts facts, ref RuleSearch search, scoped ref readonly TJudge judge)
            where TJudge : IRuleJudge, allows ref struct
        {
            search.Consider(_unguarded, in judge);
            if (facts.Peer is SpiffeId peer)
            {
                SearchIdentity(peer, ref search, in judge);
            }

            _sources.Search(facts.Source, ref search, in judge);
            _destinations.Search(facts.Destination, ref search, in judge);
            if (_ports.TryGetValue(facts.DestinationPort, out int[]? rules))
            {
                search.Consider(rules, in judge);
            }
        }

        private void SearchIdentity<TJudge>(SpiffeId peer, ref RuleSearch search, scoped ref readonly TJudge judge)
            where TJudge : IRuleJudge, allows ref struct
        {
            search.Consider(_identified, in judge);
            _principals.Search(peer.Principal, ref search, in judge);
            _principalPrefixes.Search(peer.Principal, ref search, in judge);
            _principalSuffixes.Search(peer.Principal, ref search, in judge);
            _namespaces.Search(peer.Namespace, ref search, in judge);
            _namespacePrefixes.Search(peer.Namespace, ref search, in judge);
            _namespaceSuffixes.Search(peer.Namespace, ref search, in judge);
            if (_serviceAccounts.Count > 0
                && _serviceAccounts.TryGetValue(new ServiceAccountName(peer.Namespace, peer.ServiceAccount), out int[]? rules))
            {
                search.Consider(rules, in judge);
            }
        }
    }
}
