using System.Collections.Immutable;
using Mesh.Control.Analysis.Inputs;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis;

/// <summary>Which objects have a say about services and pods, in the order in which they come into play.</summary>
public sealed class Relations
{
    private const string RateLimit = "mesh-node.io/RateLimit";

    private static readonly (string Role, string Kind)[] s_policies =
    [
        ("mutual TLS", Kinds.PeerAuthentication),
        ("tokens", Kinds.RequestAuthentication),
        ("authorization", Kinds.AuthorizationPolicy),
        ("rate limit", RateLimit),
        ("telemetry", Kinds.Telemetry),
    ];

    private readonly MeshInput _mesh;

    public Relations(ImmutableArray<RawObject> objects, TranslationOptions options) => _mesh = new MeshInput(objects, options);

    /// <summary>Services and hosts of ServiceEntries, each with its object.</summary>
    public IEnumerable<(string Host, RawObject Source)> Services =>
        _mesh.Services.Select(service => (service.Host, service.Entry.Source));

    /// <summary>What has a say about requests and connections to a host.</summary>
    /// <param name="host">Full name.</param>
    /// <param name="source">The Service or ServiceEntry.</param>
    public IReadOnlyList<Relation> OfService(string host, RawObject source)
    {
        Service service = _mesh.Services.First(candidate => candidate.Host == host && candidate.Entry.Source == source);
        List<Workload> workloads = service.Selector is { } selector
            ? [.. _mesh.Workloads.Select(service.Namespace, selector)]
            : [];
        return
        [
            .. _mesh.OfAny(Kinds.Routes).Where(route => IsAttachedTo(route, service)).Select(route => new Relation("routes", route.Source)),
            .. _mesh.VirtualServices
                .Select(spec => (Spec: spec, Specificity: SpecificityOf(spec.Hosts.Select(name => name.Text), spec.Namespace, host)))
                .Where(pair => pair.Specificity > 0)
                .OrderByDescending(pair => pair.Specificity)
                .Select(pair => new Relation("routes", pair.Spec.Source)),
            .. _mesh.Of(Kinds.DestinationRule)
                .Select(rule => (Rule: rule, Specificity: SpecificityOf([rule.Spec["host"].Text], rule.Namespace, host)))
                .Where(pair => pair.Specificity > 0)
                .OrderByDescending(pair => pair.Specificity)
                .Select(pair => new Relation("destination", pair.Rule.Source)),
            .. workloads.Select(workload => new Relation("workload", workload.Entry.Source)),
            .. PoliciesOf(service.Namespace, workloads, [service.Entry.Name]),
        ];
    }

    /// <summary>What has a say about a pod, or about the pods that an object makes; null when the object is neither.</summary>
    public IReadOnlyList<Relation>? OfWorkload(RawObject source)
    {
        if (Workload.Of(new Entry(source)) is not { } workload)
        {
            return null;
        }

        // Alike workloads are known once: by its labels each finds the one that stands for it.
        List<Workload> alike =
        [
            .. _mesh.Workloads.Select(workload.Namespace, workload.Labels).Where(other => workload.Labels.Satisfy(other.Labels)),
        ];
        List<Service> services =
        [
            .. _mesh.Services.Where(service => service.Namespace == workload.Namespace
                && service.Selector is { } selector
                && workload.Labels.Satisfy(selector)),
        ];
        return
        [
            .. services.Select(service => new Relation("service", service.Entry.Source)),
            .. _mesh.Of(Kinds.Sidecar).Where(sidecar => IsFor(sidecar, workload.Namespace, alike, []))
                .Select(sidecar => new Relation("sidecar", sidecar.Source)),
            .. PoliciesOf(workload.Namespace, alike, [.. services.Select(service => service.Entry.Name)]),
        ];
    }

    private IEnumerable<Relation> PoliciesOf(string @namespace, List<Workload> workloads, string[] services) =>
        from kind in s_policies
        from policy in _mesh.Of(kind.Kind)
        where IsFor(policy, @namespace, workloads, services)
        orderby kind.Role == "authorization" ? OrderOfAction(policy) : 0
        select new Relation(kind.Role, policy.Source);

    private bool IsFor(Entry policy, string @namespace, List<Workload> workloads, string[] services)
    {
        if (policy.Namespace != @namespace && policy.Namespace != _mesh.Options.RootNamespace)
        {
            return false;
        }

        if (policy.Spec["targetRefs"].Items.Any())
        {
            return policy.Namespace == @namespace
                && policy.Spec["targetRefs"].Items.Any(target => services.Contains(target["name"].Text));
        }

        Field labels = Kinds.Of(policy.Source.Key) == Kinds.Sidecar
            ? policy.Spec["workloadSelector"]["labels"]
            : policy.Spec["selector"]["matchLabels"];
        Labels selector = labels.ToLabels();
        return selector.Count == 0 || workloads.Any(workload => workload.Labels.Satisfy(selector));
    }

    /// <summary>The order in which actions are asked: CUSTOM, DENY, ALLOW; AUDIT decides nothing.</summary>
    private static int OrderOfAction(Entry policy) => policy.Spec["action"].Text switch
    {
        "CUSTOM" => 1,
        "DENY" => 2,
        "AUDIT" => 4,
        _ => 3,
    };

    private int SpecificityOf(IEnumerable<string> patterns, string @namespace, string host) => patterns
        .Where(pattern => pattern.Length > 0)
        .Select(pattern => _mesh.Hosts.Resolve(pattern, @namespace))
        .Where(pattern => HostIndex.Covers(pattern, host))
        .Select(pattern => pattern.StartsWith('*') ? pattern.Length : int.MaxValue)
        .DefaultIfEmpty(0)
        .Max();

    private static bool IsAttachedTo(Entry route, Service service) => route.Spec["parentRefs"].Items.Any(parent =>
        parent["kind"].Text == service.Entry.Source.Key.Kind
        && parent["name"].Text == service.Entry.Name
        && (parent["namespace"].Text is { Length: > 0 } named ? named : route.Namespace) == service.Namespace);
}
