using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads AuthorizationPolicy (security.istio.io). What no proxy can check makes a policy stricter and is reported, and what cannot be read
/// at all is an error and, failing an earlier version, stricter still. Nothing is ever read as admitting more than was written.
/// </summary>
internal static class AuthorizationPolicyReader
{
    private const int RuleCountMax = 512;
    private const int TargetCountMax = 16;

    private static readonly string[] s_specFields = ["action", "provider", "rules", "selector", "targetRef", "targetRefs"];
    private static readonly string[] s_providerFields = ["name"];
    private static readonly string[] s_targetFields = ["group", "kind", "name", "namespace"];

    /// <returns>Null when the policy decides nothing (AUDIT).</returns>
    public static AuthorizationPolicySpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        FieldReader? spec = root.Section("spec");
        PolicyAction? action = PolicyAction.Allow;
        Labels? selector = null;
        ImmutableArray<PolicyTarget> targets = [];
        ImmutableArray<PolicyRule> rules = [];
        string provider = string.Empty;
        if (spec is not null)
        {
            if (spec.Text("action") == "AUDIT")
            {
                spec.Warning("action", "AUDIT is not supported and never decides anything; the policy is left out.");
                return null;
            }

            action = ReadAction(spec, out provider);
            selector = SelectorReader.Read(spec, "selector");
            targets = ReadTargets(spec);
            if (selector is not null && !targets.IsEmpty)
            {
                spec.Error("selector", "A policy has a selector or targetRefs, not both.");
                selector = null;
                targets = [];
            }

            foreach (string unknown in spec.UnknownKeys(s_specFields))
            {
                spec.Error(unknown, "AuthorizationPolicy has no such field.", "Check the spelling.");
            }

            // Without rules a policy admits nothing or is an error already; every other field widens what it applies to by its absence.
            foreach (string empty in spec.NullKeys().Where(key => key != "rules"))
            {
                spec.Error(empty, "The field has no value.", "Give it one or leave it out.");
            }

            bool isCertain = !diagnostics.HasErrors && !targets.Any(target => target.Kind == PolicyTargetKind.Gateway);
            rules = ReadRules(spec, action, isCertain);
        }

        return new AuthorizationPolicySpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = source.Key.Name,
            Selector = selector,
            Targets = targets,
            Action = action ?? PolicyAction.Deny,
            Provider = provider,
            Rules = rules,
            IsDryRun = ReadDryRun(root, action),
        };
    }

    /// <returns>Null when nobody can tell.</returns>
    private static PolicyAction? ReadAction(FieldReader spec, out string provider)
    {
        provider = string.Empty;
        string? action = spec.Text("action");
        if (spec.Has("provider") && action != "CUSTOM")
        {
            spec.Error("provider", "A provider belongs to action CUSTOM.");
        }

        switch (action)
        {
            case null or "ALLOW":
                // A list or a number where the action should be has been reported.
                return spec.Has("action") && action is null ? null : PolicyAction.Allow;
            case "DENY":
                return PolicyAction.Deny;
            case "CUSTOM":
                provider = ReadProvider(spec);
                return provider.Length == 0 ? PolicyAction.Deny : PolicyAction.Custom;
            default:
                spec.Error("action", $"'{action}' is not an action.", "Write ALLOW, DENY or CUSTOM.");
                return null;
        }
    }

    /// <returns>Empty when there is none.</returns>
    private static string ReadProvider(FieldReader spec)
    {
        if (spec.Section("provider") is not { } section)
        {
            spec.Error("provider", "CUSTOM names the authorizer that decides.", "Write provider.name as it stands in extensionProviders.");
            return string.Empty;
        }

        foreach (string unknown in section.UnknownKeys(s_providerFields))
        {
            section.Error(unknown, "A provider has a name and nothing else.");
        }

        if (section.RequiredText("name") is { Length: > 0 } name)
        {
            return name;
        }

        section.Error("name", "The name is empty.");
        return string.Empty;
    }

    /// <summary>
    /// The rules to enforce. Broken rules are left out of ALLOW and widened in DENY; the rest is here. Without knowing the action,
    /// everything is denied: rules that were meant to admit must not be taken for all there is to deny. Without knowing to whom an ALLOW
    /// policy applies, it applies to all it might and admits nothing: its rules would add to what others admit there.
    /// </summary>
    /// <param name="spec">The policy's spec.</param>
    /// <param name="action">Null when nobody can tell.</param>
    /// <param name="isCertain">Whether everything but the rules is as it was written.</param>
    private static ImmutableArray<PolicyRule> ReadRules(FieldReader spec, PolicyAction? action, bool isCertain)
    {
        List<FieldReader> rules = spec.Sections("rules");
        if (rules.Count > RuleCountMax)
        {
            spec.Error("rules", $"{rules.Count} rules; {RuleCountMax} are allowed.", "Split the policy.");
        }

        if (rules.Count == 0 && action is PolicyAction.Deny or PolicyAction.Custom)
        {
            string name = action == PolicyAction.Custom ? "CUSTOM" : "DENY";
            spec.Error("rules", $"A {name} policy without rules says nothing.", "Write rules: [{}] to mean everything.");
        }

        ImmutableArray<PolicyRule>.Builder read = ImmutableArray.CreateBuilder<PolicyRule>(rules.Count);
        foreach (FieldReader rule in rules)
        {
            if (PolicyRuleReader.Read(rule, spec.Diagnostics.Source.Key.Namespace, action ?? PolicyAction.Deny) is { } result)
            {
                read.Add(result);
            }
        }

        return action switch
        {
            null => [PolicyRule.MatchesEverything],
            not PolicyAction.Allow when rules.Count == 0 || !spec.HasOnlySections("rules") => [PolicyRule.MatchesEverything],
            PolicyAction.Allow when !isCertain => [],
            _ => read.ToImmutable(),
        };
    }

    internal static ImmutableArray<PolicyTarget> ReadTargets(FieldReader spec)
    {
        List<FieldReader> references = spec.Sections("targetRefs");
        if (spec.Section("targetRef") is { } single)
        {
            references.Add(single);
        }

        if (references.Count > TargetCountMax)
        {
            spec.Error("targetRefs", $"{references.Count} targets; {TargetCountMax} are allowed.");
        }

        ImmutableArray<PolicyTarget>.Builder targets = ImmutableArray.CreateBuilder<PolicyTarget>(references.Count);
        foreach (FieldReader reference in references)
        {
            foreach (string unknown in reference.UnknownKeys(s_targetFields))
            {
                reference.Error(unknown, "A target has group, kind and name.");
            }

            if (reference.Text("namespace") is { } @namespace && @namespace != spec.Diagnostics.Source.Key.Namespace)
            {
                reference.Error("namespace", "A policy's targets are in its own namespace.");
            }

            string? name = reference.RequiredText("name");
            switch (reference.RequiredText("kind"))
            {
                case "Service" when name is not null:
                    targets.Add(new PolicyTarget(PolicyTargetKind.Service, name));
                    break;
                case "ServiceEntry" when name is not null:
                    targets.Add(new PolicyTarget(PolicyTargetKind.ServiceEntry, name));
                    break;
                case "Gateway" or "GatewayClass":
                    reference.Warning(
                        "kind",
                        "Gateways and waypoints are not part of this mesh; the policy is enforced on every workload of its scope instead.",
                        "Use a selector or target a Service.");
                    targets.Add(new PolicyTarget(PolicyTargetKind.Gateway, name ?? string.Empty));
                    break;
                case { } kind:
                    reference.Error("kind", $"A policy cannot target a {kind}.", "Target a Service or a ServiceEntry, or use a selector.");
                    targets.Add(new PolicyTarget(PolicyTargetKind.Gateway, string.Empty));
                    break;
                case null:
                    targets.Add(new PolicyTarget(PolicyTargetKind.Gateway, string.Empty));
                    break;
            }
        }

        return targets.ToImmutable();
    }

    private static bool ReadDryRun(FieldReader root, PolicyAction? action)
    {
        FieldReader? metadata = root.Section("metadata");
        switch (metadata?.TextMap("annotations").Find("istio.io/dry-run"))
        {
            case "true" when action == PolicyAction.Custom:
                metadata.Warning("annotations", "There is no dry run of CUSTOM; the policy is enforced.");
                return false;
            case "true":
                return true;
            case null or "false":
                return false;
            case { } other:
                metadata.Warning("annotations", $"istio.io/dry-run is '{other}'; the policy is enforced.", "Write \"true\" or \"false\".");
                return false;
        }
    }
}
