using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.MeshNode;

/// <summary>
/// Reads RateLimit (mesh-node.io): a policy that decides nothing itself and says how many requests workloads take. One that cannot be read
/// and has no earlier version limits nothing: it protects from load and not from anybody.
/// </summary>
internal static class RateLimitReader
{
    /// <summary>No object can have such a name: names have no underscores.</summary>
    private const string ConvertedPrefix = "converted_rate_limit_";

    private const int LimitCountMax = 64;
    private const int RequestsMax = 1_000_000;

    private static readonly TimeSpan s_intervalDefault = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_intervalMax = TimeSpan.FromHours(1);
    private static readonly string[] s_specFields = ["limits", "selector", "targetRef", "targetRefs"];
    private static readonly string[] s_limitFields = ["burst", "interval", "match", "per", "requests"];

    /// <returns>Null when it says nothing, or cannot be read.</returns>
    public static AuthorizationPolicySpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        if (root.Section("spec") is not { } spec)
        {
            root.Error("spec", "The field is required.");
            return null;
        }

        Labels? selector = SelectorReader.Read(spec, "selector");
        ImmutableArray<PolicyTarget> targets = AuthorizationPolicyReader.ReadTargets(spec);
        if (selector is not null && !targets.IsEmpty)
        {
            spec.Error("selector", "A RateLimit has a selector or targetRefs, not both.");
        }

        RefuseUnknownAndEmpty(spec, s_specFields, "A RateLimit has no such field.");
        List<FieldReader> written = spec.Sections("limits");
        if (written.Count is 0 or > LimitCountMax)
        {
            spec.Error("limits", $"{written.Count} limits; 1 to {LimitCountMax} are allowed.");
        }

        ImmutableArray<RateLimit> limits = [.. written.Take(LimitCountMax).Select(limit => ReadLimit(limit, source.Key.Namespace))];
        return diagnostics.HasErrors
            ? null
            : new AuthorizationPolicySpec
            {
                Source = source,
                Namespace = source.Key.Namespace,
                Name = ConvertedPrefix + source.Key.Name,
                Selector = selector,
                Targets = targets,
                Action = PolicyAction.Deny,
                Provider = string.Empty,
                Rules = [],
                RateLimits = limits,
                IsDryRun = false,
            };
    }

    private static RateLimit ReadLimit(FieldReader limit, string @namespace)
    {
        RefuseUnknownAndEmpty(limit, s_limitFields, "A limit has no such field.");
        if (!limit.Has("requests"))
        {
            limit.Error("requests", "The field is required.");
        }

        int requests = limit.Integer("requests", 1, RequestsMax) ?? 1;
        TimeSpan interval = limit.Duration("interval") ?? s_intervalDefault;
        if (interval > s_intervalMax)
        {
            limit.Error("interval", $"It is longer than {s_intervalMax.TotalHours:0} h.");
        }

        return new RateLimit(
            limit.Section("match") is { } match ? PolicyRuleReader.ReadLimited(match, @namespace) : PolicyRule.MatchesEverything,
            requests,
            interval,
            limit.Integer("burst", 1, RequestsMax) ?? requests,
            ReadIsByClient(limit));
    }

    private static bool ReadIsByClient(FieldReader limit)
    {
        switch (limit.Text("per"))
        {
            case null or "Workload":
                return false;
            case "Client":
                return true;
            case { } other:
                limit.Error("per", $"'{other}' is nothing that has an allowance.", "Write Workload or Client.");
                return false;
        }
    }

    private static void RefuseUnknownAndEmpty(FieldReader reader, string[] known, string reason)
    {
        foreach (string unknown in reader.UnknownKeys(known))
        {
            reader.Error(unknown, reason, "Check the spelling.");
        }

        foreach (string empty in reader.NullKeys())
        {
            reader.Error(empty, "The field has no value.", "Give it one or leave it out.");
        }
    }
}
