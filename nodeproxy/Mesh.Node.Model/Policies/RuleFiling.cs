using System.Runtime.InteropServices;

namespace Mesh.Node.Model.Policies;

/// <summary>Decides under which values each rule is filed. Runs when policies change, never per connection.</summary>
internal static class RuleFiling
{
    /// <summary>Files each rule under the values of its rarest clause.</summary>
    /// <param name="rules">The rules; a rule is named by its position.</param>
    /// <param name="unguarded">Rules that every connection must ask, ascending.</param>
    /// <returns>For each value, the rules filed under it, ascending.</returns>
    public static Dictionary<Guard, int[]> File(CompiledRule[] rules, out int[] unguarded)
    {
        // 1. The clauses of each rule that can guard it.
        List<GuardableClause>[] clauses = [.. rules.Select(rule => GuardableClauses(rule))];

        // 2. How often each value stands in any of them.
        var occurrences = new Dictionary<Guard, int>();
        IEnumerable<Guard> guards = clauses.SelectMany(list => list).SelectMany(clause => clause.Matches)
            .SelectMany(match => match.Fields).SelectMany(field => field);
        foreach (Guard guard in guards)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(occurrences, guard, out _)++;
        }

        // 3. Each rule where the fewest others are.
        var filed = new Dictionary<Guard, List<int>>();
        var always = new List<int>();
        for (int rule = 0; rule < rules.Length; rule++)
        {
            if (clauses[rule].Count == 0)
            {
                always.Add(rule);
                continue;
            }

            foreach (Guard guard in RarestValues(clauses[rule], occurrences))
            {
                (CollectionsMarshal.GetValueRefOrAddDefault(filed, guard, out _) ??= []).Add(rule);
            }
        }

        unguarded = [.. always];
        return filed.ToDictionary(entry => entry.Key, entry => entry.Value.ToArray());
    }

    /// <summary>A clause guards its rule when every match of it that can hold has a positive field.</summary>
    private static List<GuardableClause> GuardableClauses(CompiledRule rule)
    {
        var guardable = new List<GuardableClause>();
        foreach (AuthorizationClause clause in rule.Source.Clauses)
        {
            List<GuardableMatch> matches = [.. clause.Matches
                .Where(match => CompiledMatch.CanHold(match, rule.Policy.Action))
                .Select(match => new GuardableMatch(Guard.FieldsOf(match)))];
            if (matches.Count > 0 && matches.TrueForAll(match => match.Fields.Count > 0))
            {
                guardable.Add(new GuardableClause(matches));
            }
        }

        return guardable;
    }

    private static HashSet<Guard> RarestValues(List<GuardableClause> clauses, Dictionary<Guard, int> occurrences)
    {
        HashSet<Guard>? rarest = null;
        long rarestCost = long.MaxValue;
        foreach (GuardableClause clause in clauses)
        {
            var values = new HashSet<Guard>();
            long cost = 0;
            foreach (GuardableMatch match in clause.Matches)
            {
                Guard[] field = match.Fields.MinBy(candidate => Cost(candidate, occurrences))!;
                cost += Cost(field, occurrences);
                values.UnionWith(field);
            }

            if (cost < rarestCost)
            {
                (rarest, rarestCost) = (values, cost);
            }
        }

        return rarest!;
    }

    private static long Cost(Guard[] field, Dictionary<Guard, int> occurrences)
    {
        long cost = 0;
        foreach (Guard guard in field)
        {
            cost += occurrences[guard];
        }

        return cost;
    }

    private readonly record struct GuardableMatch(List<Guard[]> Fields);

    private readonly record struct GuardableClause(List<GuardableMatch> Matches);
}
