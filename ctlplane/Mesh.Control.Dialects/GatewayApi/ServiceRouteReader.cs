using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.GatewayApi;

/// <summary>Reads what HTTPRoute and GRPCRoute (gateway.networking.k8s.io) have in common, where they are attached to Services.</summary>
internal static class ServiceRouteReader
{
    private const int RulesMax = 16;
    private const int HostnamesMax = 16;
    private const int MatchesMax = 128;

    private static readonly string[] s_specFields = ["hostnames", "parentRefs", "rules"];

    /// <param name="source">The object.</param>
    /// <param name="kind">Which of them it is.</param>
    /// <param name="diagnostics">What is said about it.</param>
    /// <param name="read">Reads a rule: of the name given, for routes of the parents given.</param>
    /// <param name="byDefault">The one rule there is where none is written.</param>
    /// <returns>Null when it is attached to no Service.</returns>
    public static ServiceRouteSpec? Read(
        RawObject source,
        ServiceRouteKind kind,
        ObjectDiagnostics diagnostics,
        Func<FieldReader, string, ImmutableArray<ServiceParent>, RuleSpec> read,
        Func<string, RuleSpec> byDefault)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", $"The {source.Key.Kind} needs a spec.");
            return null;
        }

        spec.RefuseUnknown(source.Key.Kind, s_specFields);
        ImmutableArray<ServiceParent> parents = ParentReader.Read(spec, source.Key.Namespace);
        if (parents.IsEmpty && !diagnostics.HasErrors)
        {
            return null;
        }

        if (spec.Has("hostnames"))
        {
            spec.Warning("hostnames", "A route of a Service is for whatever is sent to it; the host names have no effect.");
        }

        if (spec.Items("hostnames").Count > HostnamesMax)
        {
            spec.Error("hostnames", $"{spec.Items("hostnames").Count} host names; {HostnamesMax} are allowed.");
        }

        ImmutableArray<RuleSpec> rules = ReadRules(spec, parents, read, byDefault);
        if (rules.Sum(rule => rule.Matches.Length) > MatchesMax)
        {
            spec.Error("rules", $"{rules.Sum(rule => rule.Matches.Length)} matches; {MatchesMax} are allowed.");
        }

        return new ServiceRouteSpec
        {
            Kind = kind,
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            CreatedAt = CreationTime.Read(root),
            Parents = parents,
            Rules = rules,
        };
    }

    private static ImmutableArray<RuleSpec> ReadRules(
        FieldReader spec,
        ImmutableArray<ServiceParent> parents,
        Func<FieldReader, string, ImmutableArray<ServiceParent>, RuleSpec> read,
        Func<string, RuleSpec> byDefault)
    {
        string owner = $"{spec.Diagnostics.Source.Key.Namespace}/{spec.Diagnostics.Source.Key.Name}";
        if (!spec.Has("rules"))
        {
            return [byDefault($"{owner} rules[0]")];
        }

        List<FieldReader> sections = spec.Sections("rules");
        if (sections.Count is 0 or > RulesMax)
        {
            spec.Error("rules", $"{sections.Count} rules; 1 to {RulesMax} are allowed.");
        }

        ImmutableArray<RuleSpec>.Builder rules = ImmutableArray.CreateBuilder<RuleSpec>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (int index = 0; index < sections.Count; index++)
        {
            string? own = sections[index].Text("name");
            if (own is not null && !ManifestNames.IsSubdomain(own))
            {
                sections[index].Error("name", $"'{own}' is not the name of a rule.");
            }
            else if (own is not null && !names.Add(own))
            {
                sections[index].Error("name", $"The rule {own} is there twice.");
            }

            rules.Add(read(sections[index], $"{owner} {own ?? $"rules[{index}]"}", parents));
        }

        return rules.ToImmutable();
    }
}
