using System.Collections.Immutable;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;
using Mesh.Control.Model.Traffic;

namespace Mesh.Control.Dialects.Translation;

/// <summary>
/// Keeps the mesh's traffic from one translation to the next: it is worked out again only when a rule, a service or, where rules select
/// clients by their labels, a workload changed. Used by one thread.
/// </summary>
internal sealed class TrafficTranslation(TranslationOptions options)
{
    private ImmutableArray<object> _specs = [];
    private ImmutableArray<Service> _services = [];
    private TrafficResult _current = TrafficResult.Empty;

    public TrafficResult Translate(List<Reading> readings, IEnumerable<NamespaceModel> namespaces)
    {
        ImmutableArray<object> rules =
        [
            .. readings.Select(reading => reading.Spec)
                .Where(spec => spec is VirtualServiceSpec or DestinationRuleSpec or ServiceRouteSpec or ReferenceGrantSpec
                        or SidecarSpec { Selector: null }
                    || IsRetryDefault(spec))!,
        ];
        bool selectsClients = rules.OfType<VirtualServiceSpec>()
            .Any(spec => spec.Rules.Any(rule => rule.Matches.Any(match => match.SourceLabels is not null))
                || spec.Connections.Any(rule => rule.Matches.Any(match => match.Client.SourceLabels is not null)));
        ImmutableArray<object> specs = selectsClients
            ? [.. rules, .. readings.Select(reading => reading.Spec).Where(spec => spec is PodSpec or WorkloadEntrySpec)!]
            : rules;

        // Each namespace's services are the same instances for as long as it is not translated again.
        ImmutableArray<Service> services = [.. namespaces.SelectMany(model => model.Services)];
        if (!specs.AsSpan().SequenceEqual(_specs.AsSpan(), ReferenceEqualityComparer.Instance)
            || (!rules.IsEmpty && !services.AsSpan().SequenceEqual(_services.AsSpan(), ReferenceEqualityComparer.Instance)))
        {
            _current = TrafficTranslator.Translate(options, new TrafficInputs(
                [.. rules.OfType<VirtualServiceSpec>()],
                [.. rules.OfType<DestinationRuleSpec>()],
                [.. rules.OfType<ServiceRouteSpec>()],
                [.. rules.OfType<ReferenceGrantSpec>()],
                [.. rules.OfType<SidecarSpec>()],
                rules.OfType<MeshConfigSpec>().FirstOrDefault()?.DefaultRetries ?? RetryPolicy.Default,
                services,
                selectsClients ? [.. specs.Select(LabelledBy).OfType<LabelledWorkload>()] : []));
        }

        (_specs, _services) = (specs, services);
        ILookup<ObjectKey, ObjectStatus> inForce = _current.Statuses.ToLookup(status => status.Object);
        Dictionary<ObjectKey, Reading> refused = readings.Where(IsRefused).ToDictionary(reading => reading.Source.Key);
        IEnumerable<ObjectStatus> told = refused.Values
            .Select(reading => RefusedRoutes.StatusOf(reading, inForce[reading.Source.Key].FirstOrDefault()))
            .Where(status => !status.Parents.IsEmpty);
        return _current with { Statuses = [.. _current.Statuses.Where(status => !refused.ContainsKey(status.Object)), .. told] };
    }

    private bool IsRetryDefault(object? spec) =>
        spec is MeshConfigSpec { DefaultRetries: not null } config && config.Namespace == options.RootNamespace;

    private static bool IsRefused(Reading reading) =>
        reading.Source.Key is { Group: "gateway.networking.k8s.io", Kind: "HTTPRoute" or "GRPCRoute" or "TCPRoute" or "TLSRoute" }
        && reading.Diagnostics.Any(diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);

    private LabelledWorkload? LabelledBy(object spec) => spec switch
    {
        PodSpec { IsFinished: false } pod => new LabelledWorkload(WorkloadDraft.UidOf(pod, options), pod.Namespace, pod.Labels),
        WorkloadEntrySpec entry => new LabelledWorkload(WorkloadDraft.UidOf(entry, options), entry.Namespace, entry.Labels),
        _ => null,
    };
}
