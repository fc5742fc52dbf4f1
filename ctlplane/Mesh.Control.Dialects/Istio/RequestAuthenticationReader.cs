using System.Collections.Immutable;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Dialects.Istio;

/// <summary>
/// Reads RequestAuthentication (security.istio.io): a policy that decides nothing itself and says whose tokens requests may bear. One that
/// cannot be read and has no earlier version accepts no token at all.
/// </summary>
internal static class RequestAuthenticationReader
{
    /// <summary>No object can have such a name: names have no underscores.</summary>
    private const string ConvertedPrefix = "converted_request_authentication_";

    private const int RuleCountMax = 4_096;

    private static readonly string[] s_specFields = ["jwtRules", "selector", "targetRef", "targetRefs"];

    /// <returns>Null when it says nothing.</returns>
    public static AuthorizationPolicySpec? Read(RawObject source, ObjectDiagnostics diagnostics)
    {
        var root = new FieldReader(source.Fields, string.Empty, diagnostics);
        Labels? selector = null;
        ImmutableArray<PolicyTarget> targets = [];
        ImmutableArray<TokenRule> rules = [];
        if (root.Section("spec") is { } spec)
        {
            selector = SelectorReader.Read(spec, "selector");
            targets = AuthorizationPolicyReader.ReadTargets(spec);
            if (selector is not null && !targets.IsEmpty)
            {
                spec.Error("selector", "A policy has a selector or targetRefs, not both.");
                selector = null;
                targets = [];
            }

            foreach (string unknown in spec.UnknownKeys(s_specFields))
            {
                spec.Error(unknown, "RequestAuthentication has no such field.", "Check the spelling.");
            }

            foreach (string empty in spec.NullKeys())
            {
                spec.Error(empty, "The field has no value.", "Give it one or leave it out.");
            }

            List<FieldReader> written = spec.Sections("jwtRules");
            if (written.Count > RuleCountMax)
            {
                spec.Error("jwtRules", $"{written.Count} rules; {RuleCountMax} are allowed.", "Split the policy.");
            }

            rules = [.. written.Take(RuleCountMax).Select(TokenRuleReader.Read)];
        }

        if (diagnostics.HasErrors)
        {
            rules = [TokenRuleReader.AcceptsNothing];
        }
        else if (rules.IsEmpty)
        {
            root.Warning("spec", "Without jwtRules nothing is said of any token.", "List the issuers whose tokens are accepted.");
            return null;
        }

        return new AuthorizationPolicySpec
        {
            Source = source,
            Namespace = source.Key.Namespace,
            Name = ConvertedPrefix + source.Key.Name,
            Selector = selector,
            Targets = targets,
            Action = PolicyAction.Deny,
            Provider = string.Empty,
            Rules = [],
            TokenRules = rules,
            IsDryRun = false,
        };
    }
}
