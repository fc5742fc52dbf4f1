using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// All policies of the mesh, grouped by whom they apply to. Immutable; a change recompiles the group it falls in and shares the rest.
/// </summary>
public sealed class PolicySet
{
    private readonly ImmutableDictionary<string, CompiledPolicy> _byKey;
    private readonly ImmutableDictionary<string, PolicyGroup> _byNamespace;

    private PolicySet(
        ImmutableDictionary<string, CompiledPolicy> byKey, PolicyGroup global, ImmutableDictionary<string, PolicyGroup> byNamespace)
    {
        _byKey = byKey;
        Global = global;
        _byNamespace = byNamespace;
    }

    public static PolicySet Empty { get; } = new(
        ImmutableDictionary.Create<string, CompiledPolicy>(StringComparer.Ordinal),
        PolicyGroup.Empty,
        ImmutableDictionary.Create<string, PolicyGroup>(StringComparer.Ordinal));

    public int Count => _byKey.Count;

    /// <summary>Every policy, in no order. Allocates; for display.</summary>
    public IEnumerable<AuthorizationPolicy> All => _byKey.Values.Select(compiled => compiled.Policy);

    /// <summary>The policies that apply to every workload.</summary>
    internal PolicyGroup Global { get; }

    /// <summary>Finds a policy by namespace/name.</summary>
    public bool TryGet(string key, [NotNullWhen(true)] out AuthorizationPolicy? policy)
    {
        policy = _byKey.TryGetValue(key, out CompiledPolicy? compiled) ? compiled.Policy : null;
        return policy is not null;
    }

    /// <summary>The policy of that name as a group of one; null when it has not arrived.</summary>
    internal PolicyGroup? Named(string key) => _byKey.GetValueOrDefault(key)?.Alone;

    /// <summary>The policies that apply to every workload of a namespace.</summary>
    internal PolicyGroup OfNamespace(string @namespace) => _byNamespace.GetValueOrDefault(@namespace, PolicyGroup.Empty);

    /// <summary>Applies changes: for each key the policy that now has it, or null when none has.</summary>
    internal PolicySet With(IReadOnlyDictionary<string, AuthorizationPolicy?> changes)
    {
        if (changes.Count == 0)
        {
            return this;
        }

        ImmutableDictionary<string, CompiledPolicy>.Builder byKey = _byKey.ToBuilder();
        bool globalChanged = false;
        var namespacesChanged = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string key, AuthorizationPolicy? policy) in changes)
        {
            if (byKey.TryGetValue(key, out CompiledPolicy? previous))
            {
                Touch(previous.Policy);
                byKey.Remove(key);
            }

            if (policy is not null)
            {
                Touch(policy);
                byKey.Add(key, new CompiledPolicy(policy));
            }
        }

        ImmutableDictionary<string, CompiledPolicy> policies = byKey.ToImmutable();
        PolicyGroup global = globalChanged
            ? PolicyGroup.Create(policies.Values.Where(compiled => compiled.Policy.Scope == PolicyScope.Global))
            : Global;
        return new PolicySet(policies, global, RegroupNamespaces(policies, namespacesChanged));

        void Touch(AuthorizationPolicy policy)
        {
            globalChanged |= policy.Scope == PolicyScope.Global;
            if (policy.Scope == PolicyScope.Namespace)
            {
                namespacesChanged.Add(policy.Namespace);
            }
        }
    }

    private ImmutableDictionary<string, PolicyGroup> RegroupNamespaces(
        ImmutableDictionary<string, CompiledPolicy> policies, HashSet<string> changed)
    {
        if (changed.Count == 0)
        {
            return _byNamespace;
        }

        ILookup<string, CompiledPolicy> members = policies.Values
            .Where(compiled => compiled.Policy.Scope == PolicyScope.Namespace && changed.Contains(compiled.Policy.Namespace))
            .ToLookup(compiled => compiled.Policy.Namespace, StringComparer.Ordinal);

        ImmutableDictionary<string, PolicyGroup>.Builder byNamespace = _byNamespace.ToBuilder();
        foreach (string @namespace in changed)
        {
            if (members.Contains(@namespace))
            {
                byNamespace[@namespace] = PolicyGroup.Create(members[@namespace]);
            }
            else
            {
                byNamespace.Remove(@namespace);
            }
        }

        return byNamespace.ToImmutable();
    }
}
