using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Model.Diagnostics;

namespace Mesh.Control.Analysis.Rules.VirtualServices;

/// <summary>IST0130 and IST0131: every rule can be reached, and no match stands twice.</summary>
internal sealed class Reachability : IRule
{
    private static readonly string[] s_kinds = ["http", "tls", "tcp"];

    public IEnumerable<Diagnostic> Find(MeshInput mesh) =>
        from spec in mesh.Subjects(mesh.VirtualServices)
        from kind in s_kinds
        from finding in Check(spec, [.. spec.Spec[kind].Items.Select(rule => new VirtualServiceRoute(rule))])
        select finding;

    private static IEnumerable<Diagnostic> Check(VirtualService spec, IReadOnlyList<VirtualServiceRoute> routes)
    {
        var seen = new Dictionary<string, Field>(StringComparer.Ordinal);
        Field? everything = null;
        foreach (VirtualServiceRoute route in routes)
        {
            string name = NameOf(route);
            if (everything is not null)
            {
                yield return DiagnosticCodes.RuleUnreachable.At(
                    spec,
                    route.Field,
                    $"No request reaches the rule {name}: one before it takes them all.",
                    $"{everything.Path} takes everything: move this rule before it, or remove it.");
                continue;
            }

            List<Field> repeated = [.. route.Matches.Where(match => seen.ContainsKey(KeyOf(match)))];
            if (route.Matches.Count > 0 && repeated.Count == route.Matches.Count)
            {
                yield return DiagnosticCodes.RuleUnreachable.At(
                    spec,
                    route.Field,
                    $"No request reaches the rule {name}: rules before it have all its matches.",
                    $"{seen[KeyOf(repeated[0])].Path} matches the same: move this rule before it, or remove it.");
            }
            else
            {
                foreach (Field match in repeated)
                {
                    yield return DiagnosticCodes.MatchDuplicated.At(
                        spec, match, $"This match of the rule {name} stands at {seen[KeyOf(match)].Path} already.");
                }
            }

            foreach (Field match in route.Matches)
            {
                seen.TryAdd(KeyOf(match), match);
            }

            everything = route.Matches.Count == 0 ? route.Field : route.Matches.FirstOrDefault(TakesEverything);
        }
    }

    private static string KeyOf(Field match) => match.Canonical(except: "name");

    private static bool TakesEverything(Field match) => KeyOf(match) is "{}" or "{uri:{prefix:'/'}}";

    private static string NameOf(VirtualServiceRoute route) =>
        route.Field["name"].Text is { Length: > 0 } name ? $"\"{name}\"" : route.Field.Path["spec.".Length..];
}
