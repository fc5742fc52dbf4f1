using System.Globalization;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>
/// What of our routing a namespace has, for one family: the rule and the local route that bring marked packets to the proxy.
/// </summary>
/// <param name="Rules">The rule as it must be, as often as it is there; the kernel allows more than one.</param>
/// <param name="Misplaced">Rules of our mark and table that are otherwise not ours: of another preference, or narrowed by more.</param>
/// <param name="HasRoute">Whether the local route is there.</param>
/// <param name="ForeignRoutes">Other routes in our table.</param>
internal sealed record PolicyRoutingState(
    IReadOnlyList<RoutingRule> Rules,
    IReadOnlyList<RoutingRule> Misplaced,
    bool HasRoute,
    IReadOnlyList<TableRoute> ForeignRoutes)
{
    private static readonly string s_rule = string.Create(
        CultureInfo.InvariantCulture,
        $"{CaptureMarks.RulePreference}: fwmark 0x{CaptureMarks.Return:x}/0x{CaptureMarks.Mask:x} lookup {CaptureMarks.RoutingTable}");

    /// <summary>Sorts out what was read.</summary>
    public static PolicyRoutingState Of(IReadOnlyList<RoutingRule> rules, IReadOnlyList<TableRoute> routes)
    {
        RoutingRule[] ours =
        [
            .. rules.Where(rule => rule is { Mark: CaptureMarks.Return, Mask: CaptureMarks.Mask, Table: CaptureMarks.RoutingTable }),
        ];
        return new PolicyRoutingState(
            [.. ours.Where(IsExact)],
            [.. ours.Where(rule => !IsExact(rule))],
            routes.Any(route => route.IsLocalDefault),
            [.. routes.Where(route => !route.IsLocalDefault)]);
    }

    /// <summary>Where the state is not what it must be, for an operator.</summary>
    public IEnumerable<string> Differences(string family)
    {
        if (Rules.Count == 0)
        {
            yield return $"{family} routing: rule is missing: {s_rule}";
        }
        else if (Rules.Count > 1)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"{family} routing: rule is there {Rules.Count} times: {s_rule}");
        }

        foreach (RoutingRule rule in Misplaced)
        {
            yield return string.Create(
                CultureInfo.InvariantCulture, $"{family} routing: rule {rule.Preference} is not expected: it has our mark and table");
        }

        if (!HasRoute)
        {
            yield return $"{family} routing: route is missing: local default dev lo table {CaptureMarks.RoutingTable}";
        }

        foreach (TableRoute route in ForeignRoutes)
        {
            yield return $"{family} routing: table {CaptureMarks.RoutingTable} is the mesh's, but has a route of somebody else: {route}";
        }
    }

    private static bool IsExact(RoutingRule rule) => rule is { IsPlain: true, Preference: CaptureMarks.RulePreference };
}
