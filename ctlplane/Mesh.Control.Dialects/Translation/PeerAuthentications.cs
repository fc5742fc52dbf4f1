using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Model.Canonical;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Turns the PeerAuthentications of one namespace into DENY policies about connections without identity, in the form ambient proxies
/// know: one policy of the root namespace that denies every such connection, listed by each STRICT workload, and one policy per
/// PeerAuthentication that sets ports apart.
/// </summary>
internal sealed class PeerAuthentications
{
    /// <summary>No object can have this name: names have no underscores.</summary>
    public const string StaticStrictName = "istio_converted_static_strict";

    private const string ConvertedPrefix = "converted_peer_authentication_";

    private static readonly PolicyClause s_withoutIdentity = new([new PolicyMatch { NotPrincipals = [TextMatch.AnyValue] }]);

    private readonly string _staticStrictFullName;
    private readonly MutualTlsMode _namespaceMode;
    private readonly ImmutableArray<PeerAuthenticationSpec> _selecting;
    private readonly Dictionary<PeerAuthenticationSpec, AuthorizationPolicy?> _converted = new(ReferenceEqualityComparer.Instance);

    private PeerAuthentications(
        string rootNamespace,
        PeerAuthenticationSpec? namespaceWide,
        MutualTlsMode namespaceMode,
        ImmutableArray<PeerAuthenticationSpec> selecting)
    {
        _staticStrictFullName = $"{rootNamespace}/{StaticStrictName}";
        NamespaceWide = namespaceWide;
        _namespaceMode = namespaceMode;
        _selecting = selecting;
    }

    /// <summary>The one that holds where no selector decides; null when the mesh decides.</summary>
    public PeerAuthenticationSpec? NamespaceWide { get; }

    /// <summary>The policies that set ports apart and are listed by at least one workload.</summary>
    public IEnumerable<AuthorizationPolicy> Converted => _converted.Values.OfType<AuthorizationPolicy>();

    public static AuthorizationPolicy StaticStrict(string rootNamespace) => new()
    {
        Namespace = rootNamespace,
        Name = StaticStrictName,
        Scope = PolicyScope.Workload,
        Action = PolicyAction.Deny,
        Rules = [new PolicyRule([s_withoutIdentity])],
    };

    /// <summary>
    /// The order in which one wins where only one may hold: one in its strictest reading, which must not lose to a laxer one, then the
    /// oldest, then by name.
    /// </summary>
    public static int ComparePrecedence(PeerAuthenticationSpec left, PeerAuthenticationSpec right)
    {
        int order = right.IsStrictestReading.CompareTo(left.IsStrictestReading);
        if (order != 0)
        {
            return order;
        }

        order = (left.CreatedAt ?? DateTimeOffset.MaxValue).CompareTo(right.CreatedAt ?? DateTimeOffset.MaxValue);
        return order != 0 ? order : string.CompareOrdinal(left.Name, right.Name);
    }

    /// <summary>What the policies of the root namespace say for the whole mesh.</summary>
    public static MutualTlsMode MeshMode(IEnumerable<PeerAuthenticationSpec> rootPolicies) =>
        Resolve(WinnerOf(rootPolicies)?.Mode ?? MutualTlsMode.Unset, MutualTlsMode.Permissive);

    public static PeerAuthentications Of(NamespaceInputs inputs, MeshWideInputs meshWide, string rootNamespace)
    {
        List<PeerAuthenticationSpec> policies = [.. inputs.Specs<PeerAuthenticationSpec>()];
        PeerAuthenticationSpec? namespaceWide = WinnerOf(policies);
        MutualTlsMode namespaceMode = Resolve(namespaceWide?.Mode ?? MutualTlsMode.Unset, meshWide.MeshMode);
        List<PeerAuthenticationSpec> selecting = policies.FindAll(policy => policy.Selector is not null);
        selecting.Sort(ComparePrecedence);
        return new PeerAuthentications(rootNamespace, namespaceWide, namespaceMode, [.. selecting]);
    }

    /// <summary>Lists at the workload what makes it refuse connections without identity, if anything does.</summary>
    /// <returns>The policy of the namespace that decided; null when the mesh did.</returns>
    public PeerAuthenticationSpec? Apply(WorkloadDraft draft)
    {
        PeerAuthenticationSpec? own = OwnOf(draft);
        AuthorizationPolicy? converted = own is null ? null : ConvertPorts(own);
        if (converted is not null)
        {
            draft.Policies.Add(converted.FullName);
        }
        else if (Resolve(own?.Mode ?? MutualTlsMode.Unset, _namespaceMode) == MutualTlsMode.Strict)
        {
            draft.Policies.Add(_staticStrictFullName);
        }

        return own ?? NamespaceWide;
    }

    /// <summary>
    /// The policy that decides by its selector. None does beside a broken one without selector: that may have been meant for any workload.
    /// </summary>
    private PeerAuthenticationSpec? OwnOf(WorkloadDraft draft) =>
        NamespaceWide is { IsStrictestReading: true } ? null : _selecting.FirstOrDefault(policy => draft.Labels.Satisfy(policy.Selector!));

    /// <summary>The policy that sets ports apart from the rest of the workload, or null when none differs.</summary>
    private AuthorizationPolicy? ConvertPorts(PeerAuthenticationSpec policy)
    {
        if (_converted.TryGetValue(policy, out AuthorizationPolicy? known))
        {
            return known;
        }

        MutualTlsMode mode = Resolve(policy.Mode, _namespaceMode);
        ImmutableArray<int> different =
            [.. policy.PortModes.Where(port => Resolve(port.Value, mode) != mode).Select(port => port.Key)];
        AuthorizationPolicy? converted = different.IsEmpty
            ? null
            : new AuthorizationPolicy
            {
                Namespace = policy.Namespace,
                Name = ConvertedPrefix + policy.Name,
                Scope = PolicyScope.Workload,
                Action = PolicyAction.Deny,
                Rules = mode == MutualTlsMode.Strict
                    ? [new PolicyRule([s_withoutIdentity, new PolicyClause([new PolicyMatch { NotDestinationPorts = different }])])]
                    : [.. different.Select(WithoutIdentityAt)],
            };
        _converted.Add(policy, converted);
        return converted;
    }

    private static PeerAuthenticationSpec? WinnerOf(IEnumerable<PeerAuthenticationSpec> policies)
    {
        List<PeerAuthenticationSpec> wide = [.. policies.Where(policy => policy.Selector is null)];
        wide.Sort(ComparePrecedence);
        return wide.FirstOrDefault();
    }

    private static PolicyRule WithoutIdentityAt(int port) =>
        new([s_withoutIdentity, new PolicyClause([new PolicyMatch { DestinationPorts = [port] }])]);

    private static MutualTlsMode Resolve(MutualTlsMode mode, MutualTlsMode inherited) => mode == MutualTlsMode.Unset ? inherited : mode;
}
