using System.Collections.Immutable;
using System.Net;
using Mesh.Control.Dialects.Istio;
using Mesh.Control.Dialects.Kubernetes;
using Mesh.Control.Dialects.Traffic;
using Mesh.Control.Dialects.Translation;
using Mesh.Control.Model.Canonical;
using Mesh.Control.Model.Diagnostics;
using Mesh.Control.Model.Inputs;
using Mesh.Control.Model.Status;

namespace Mesh.Control.Dialects;

/// <summary>What a translation came to.</summary>
public sealed record TranslationResult(MeshModel Model, ImmutableArray<Diagnostic> Diagnostics)
{
    /// <summary>What objects are to be told of themselves: each that has a parent of this mesh, or names one.</summary>
    public ImmutableArray<ObjectStatus> Statuses { get; init; } = [];
}

/// <summary>
/// Turns raw objects into the model, keeping what it made before: an object is read again when it changed, a namespace translated again
/// when one of its objects or something mesh-wide changed. Keeps the last good version of every object. Used by one thread.
/// </summary>
public sealed class MeshTranslator(TranslationOptions options)
{
    private Dictionary<ObjectKey, Reading> _readings = [];
    private Dictionary<string, (NamespaceInputs Inputs, NamespaceModel Model)> _namespaces = new(StringComparer.Ordinal);
    private readonly TrafficTranslation _traffic = new(options);
    private MeshWideInputs? _meshWide;

    public TranslationResult Translate(ImmutableArray<RawObject> objects)
    {
        ReadObjects(objects);
        List<Reading> ordered = [.. objects.Select(source => _readings[source.Key])];
        MeshWideInputs meshWide = MeshWideOf(ordered);
        bool isSameMesh = _meshWide is not null && _meshWide.IsSameAs(meshWide);
        _meshWide = meshWide;

        var namespaces = new Dictionary<string, (NamespaceInputs Inputs, NamespaceModel Model)>(StringComparer.Ordinal);
        foreach (NamespaceInputs inputs in InputsByNamespace(ordered))
        {
            bool isSame = isSameMesh
                && _namespaces.TryGetValue(inputs.Name, out (NamespaceInputs Inputs, NamespaceModel Model) known)
                && known.Inputs.IsSameAs(inputs);
            namespaces[inputs.Name] = isSame
                ? _namespaces[inputs.Name]
                : (inputs, NamespaceTranslator.Translate(options, inputs, meshWide));
        }

        _namespaces = namespaces;
        TrafficResult traffic = _traffic.Translate(ordered, namespaces.Values.Select(entry => entry.Model));
        return new TranslationResult(
            new MeshModel(namespaces.ToImmutableSortedDictionary(entry => entry.Key, entry => entry.Value.Model, StringComparer.Ordinal))
            {
                Traffic = traffic.Traffic,
            },
            [.. CollectDiagnostics(ordered, namespaces), .. traffic.Diagnostics])
        {
            Statuses = traffic.Statuses,
        };
    }

    private void ReadObjects(ImmutableArray<RawObject> objects)
    {
        var readings = new Dictionary<ObjectKey, Reading>(objects.Length);
        foreach (RawObject source in objects)
        {
            Reading? previous = _readings.GetValueOrDefault(source.Key);
            readings[source.Key] = previous is not null && ReferenceEquals(previous.Source, source)
                ? previous
                : ObjectReader.Read(source, previous);
        }

        _readings = readings;
    }

    private MeshWideInputs MeshWideOf(List<Reading> readings)
    {
        List<PeerAuthenticationSpec> peerAuthentications = [.. readings.Select(reading => reading.Spec).OfType<PeerAuthenticationSpec>()];
        return new MeshWideInputs(
            PeerAuthentications.MeshMode(peerAuthentications.Where(policy => policy.Namespace == options.RootNamespace)),
            peerAuthentications.Count > 0,
            [.. readings.Select(reading => reading.Spec).OfType<AuthorizationPolicySpec>()
                .Where(policy => policy.Namespace == options.RootNamespace && policy.Selector is not null)],
            readings.Select(reading => reading.Spec).OfType<NodeSpec>().ToImmutableDictionary(node => node.Name, node => node.Locality),
            [.. readings.Select(reading => reading.Spec).OfType<NodeSpec>().SelectMany(node => node.Addresses)],
            ExtensionProviders.Resolve(readings, options),
            readings.Select(reading => reading.Spec).OfType<MeshConfigSpec>()
                .FirstOrDefault(spec => spec.Namespace == options.RootNamespace)?.IsRegistryOnly ?? false,
            OutboundModes.InOrder(readings.Select(reading => reading.Spec).OfType<SidecarSpec>())
                .FirstOrDefault(spec => spec.Namespace == options.RootNamespace && spec.Selector is null)?.IsRegistryOnly,
            RequestLogs.InOrder(readings.Select(reading => reading.Spec).OfType<TelemetrySpec>())
                .FirstOrDefault(spec => spec.Namespace == options.RootNamespace && spec.Selector is null));
    }

    private IEnumerable<NamespaceInputs> InputsByNamespace(List<Reading> readings)
    {
        var labels = new Dictionary<string, Labels>(StringComparer.Ordinal);
        var byNamespace = new SortedDictionary<string, ImmutableArray<Reading>.Builder>(StringComparer.Ordinal)
        {
            // Mesh-wide policies live here whether or not anything else does.
            [options.RootNamespace] = ImmutableArray.CreateBuilder<Reading>(),
        };
        foreach (Reading reading in readings)
        {
            if (reading.Spec is NamespaceSpec spec)
            {
                labels[spec.Name] = spec.Labels;
            }

            if (reading.Source.Key.Namespace.Length == 0)
            {
                continue;
            }

            if (!byNamespace.TryGetValue(reading.Source.Key.Namespace, out ImmutableArray<Reading>.Builder? builder))
            {
                byNamespace[reading.Source.Key.Namespace] = builder = ImmutableArray.CreateBuilder<Reading>();
            }

            builder.Add(reading);
        }

        List<(string? Namespace, DestinationRuleSpec Rule)> rules =
        [
            .. readings.Select(reading => reading.Spec).OfType<DestinationRuleSpec>()
                .Where(rule => !rule.Subsets.IsEmpty)
                .Select(rule => (NamespaceNamedBy(rule), rule)),
        ];
        ILookup<string, IPAddress> foreign = ForeignAddresses(readings);
        ILookup<string, AllocatedHost> allocated = AllocatedAddresses.Of(readings).ToLookup(host => host.Namespace, StringComparer.Ordinal);
        foreach ((string name, ImmutableArray<Reading>.Builder builder) in byNamespace)
        {
            yield return new NamespaceInputs(
                name,
                labels.GetValueOrDefault(name, Labels.Empty),
                builder.ToImmutable(),
                [.. rules.Where(entry => entry.Namespace is null || entry.Namespace == name).Select(entry => entry.Rule)],
                [.. foreign[name]],
                [.. allocated[name]]);
        }
    }

    /// <summary>By namespace, the addresses it gives to endpoints by hand and that pods of other namespaces have.</summary>
    private static ILookup<string, IPAddress> ForeignAddresses(List<Reading> readings)
    {
        List<(string Namespace, IPAddress Address)> given =
        [
            .. readings.Where(reading => reading.Spec is EndpointSliceSpec)
                .SelectMany(reading => ((EndpointSliceSpec)reading.Spec!).Endpoints
                    .Where(endpoint => endpoint.Pod is null)
                    .Select(endpoint => (reading.Source.Key.Namespace, endpoint.Address))),
        ];
        if (given.Count == 0)
        {
            return given.ToLookup(entry => entry.Namespace, entry => entry.Address, StringComparer.Ordinal);
        }

        ILookup<IPAddress, string> owners = readings.Select(reading => reading.Spec).OfType<PodSpec>()
            .Where(pod => !pod.IsFinished && !pod.IsHostNetwork)
            .SelectMany(pod => pod.Addresses.Select(address => (address, pod.Namespace)))
            .ToLookup(entry => entry.address, entry => entry.Namespace);
        return given.Where(entry => owners[entry.Address].Any(owner => owner != entry.Namespace))
            .ToLookup(entry => entry.Namespace, entry => entry.Address, StringComparer.Ordinal);
    }

    /// <returns>Null when the rule's host may be a service of any namespace.</returns>
    private string? NamespaceNamedBy(DestinationRuleSpec rule) => rule.Host.StartsWith('*')
        ? null
        : MeshHosts.NamespaceOf(MeshHosts.Resolve(rule.Host, rule.Namespace, options.ClusterDomain), options.ClusterDomain);

    private static ImmutableArray<Diagnostic> CollectDiagnostics(
        List<Reading> readings, Dictionary<string, (NamespaceInputs Inputs, NamespaceModel Model)> namespaces)
    {
        ImmutableArray<Diagnostic>.Builder all = ImmutableArray.CreateBuilder<Diagnostic>();
        foreach (Reading reading in readings)
        {
            all.AddRange(reading.Diagnostics);
        }

        foreach ((NamespaceInputs _, NamespaceModel model) in namespaces.Values.OrderBy(entry => entry.Model.Name, StringComparer.Ordinal))
        {
            all.AddRange(model.Diagnostics);
        }

        all.AddRange(AddressConflicts.Find(readings));
        return all.ToImmutable();
    }
}
