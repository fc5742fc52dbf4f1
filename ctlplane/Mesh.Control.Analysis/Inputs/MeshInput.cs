using System.Collections.Immutable;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>All objects of the mesh, by what rules ask of them. Immutable once made, so that rules may share it.</summary>
internal sealed class MeshInput
{
    private readonly Dictionary<string, List<Entry>> _byKind = new(StringComparer.Ordinal);
    private readonly HashSet<string> _namespaces = new(StringComparer.Ordinal);

    public MeshInput(ImmutableArray<RawObject> objects, TranslationOptions options)
    {
        Options = options;
        foreach (RawObject source in objects)
        {
            Add(source);
        }

        VirtualServices = [.. Of(Kinds.VirtualService).Cast<VirtualService>()];
        Gateways = [.. Of(Kinds.Gateway).Cast<Gateway>()];
        Services =
        [
            .. Of(Kinds.Service).Select(entry => Service.OfService(entry, options.ClusterDomain)),
            .. Of(Kinds.ServiceEntry).SelectMany(Service.OfServiceEntry),
        ];
        Hosts = new HostIndex(Services, options.ClusterDomain);
        Workloads = new WorkloadIndex(_byKind.Values.SelectMany(entries => entries).Select(Workload.Of).OfType<Workload>());
        Present = Presence();
    }

    public TranslationOptions Options { get; }

    public IReadOnlyList<VirtualService> VirtualServices { get; }

    public IReadOnlyList<Gateway> Gateways { get; }

    public IReadOnlyList<Service> Services { get; }

    public HostIndex Hosts { get; }

    public WorkloadIndex Workloads { get; }

    /// <summary>What of the mesh is in the input at all.</summary>
    public Needs Present { get; }

    public IEnumerable<Entry> All => _byKind.Values.SelectMany(entries => entries);

    /// <param name="kind">One of <see cref="Kinds"/>.</param>
    public IReadOnlyList<Entry> Of(string kind) => _byKind.GetValueOrDefault(kind, []);

    public IEnumerable<Entry> OfAny(IEnumerable<string> kinds) => kinds.SelectMany(Of);

    public bool HasNamespace(string name) => _namespaces.Contains(name);

    private void Add(RawObject source)
    {
        string kind = Kinds.Of(source.Key);
        if (!_byKind.TryGetValue(kind, out List<Entry>? entries))
        {
            _byKind.Add(kind, entries = []);
        }

        entries.Add(kind switch
        {
            Kinds.VirtualService => new VirtualService(source),
            Kinds.Gateway => new Gateway(source),
            _ => new Entry(source),
        });
        _namespaces.Add(kind == Kinds.Namespace ? source.Key.Name : source.Key.Namespace);
    }

    private Needs Presence() =>
        (Services.Count > 0 ? Needs.Services : Needs.Nothing)
        | (Workloads.All.Count > 0 ? Needs.Workloads : Needs.Nothing)
        | (Of(Kinds.Namespace).Count > 0 ? Needs.Namespaces : Needs.Nothing)
        | (Of(Kinds.ServiceAccount).Count > 0 ? Needs.ServiceAccounts : Needs.Nothing)
        | (Of(Kinds.Secret).Count > 0 ? Needs.Secrets : Needs.Nothing)
        | (Of(Kinds.GatewayClass).Count > 0 ? Needs.GatewayClasses : Needs.Nothing);
}
