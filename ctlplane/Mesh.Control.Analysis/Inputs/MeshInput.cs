using System.Collections.Immutable;
using Mesh.Control.Dialects;
using Mesh.Control.Model.Inputs;

namespace Mesh.Control.Analysis.Inputs;

/// <summary>All objects of the mesh, by what rules ask of them. Immutable once made, so that rules may share it.</summary>
internal sealed class MeshInput
{
    private readonly Dictionary<string, List<Entry>> _byKind;
    private readonly HashSet<string> _namespaces;

    /// <summary>What alone findings are wanted about; null for everything.</summary>
    private readonly ObjectKey? _focus;

    public MeshInput(ImmutableArray<RawObject> objects, TranslationOptions options)
    {
        _byKind = new Dictionary<string, List<Entry>>(StringComparer.Ordinal);
        _namespaces = new HashSet<string>(StringComparer.Ordinal);
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

    /// <summary>The mesh as it would be with another version of one object, or with one more.</summary>
    private MeshInput(MeshInput mesh, RawObject changed)
    {
        string kind = Kinds.Of(changed.Key);
        Entry entry = EntryOf(kind, changed);
        _focus = changed.Key;
        _namespaces = mesh._namespaces;
        _byKind = new Dictionary<string, List<Entry>>(mesh._byKind, StringComparer.Ordinal)
        {
            [kind] = [.. mesh.Of(kind).Where(known => known.Source.Key != changed.Key), entry],
        };
        Options = mesh.Options;
        VirtualServices = kind == Kinds.VirtualService ? [.. Of(kind).Cast<VirtualService>()] : mesh.VirtualServices;
        Gateways = mesh.Gateways;
        Services = kind == Kinds.ServiceEntry
            ? [.. mesh.Services.Where(known => known.Entry.Source.Key != changed.Key), .. Service.OfServiceEntry(entry)]
            : mesh.Services;
        Hosts = kind == Kinds.ServiceEntry ? new HostIndex(Services, Options.ClusterDomain) : mesh.Hosts;
        Workloads = mesh.Workloads;
        Present = mesh.Present;
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

    /// <summary>Of some objects, those that findings are wanted about: a rule that looks at each by itself asks for these only.</summary>
    public IEnumerable<T> Subjects<T>(IEnumerable<T> entries)
        where T : Entry => _focus is { } key ? entries.Where(entry => entry.Source.Key == key) : entries;

    /// <summary>The mesh with an object in place of what has its key, to be asked about this object alone. Costs little.</summary>
    public MeshInput With(RawObject changed) => new(this, changed);

    public bool HasNamespace(string name) => _namespaces.Contains(name);

    private void Add(RawObject source)
    {
        string kind = Kinds.Of(source.Key);
        if (!_byKind.TryGetValue(kind, out List<Entry>? entries))
        {
            _byKind.Add(kind, entries = []);
        }

        entries.Add(EntryOf(kind, source));
        _namespaces.Add(kind == Kinds.Namespace ? source.Key.Name : source.Key.Namespace);
    }

    private static Entry EntryOf(string kind, RawObject source) => kind switch
    {
        Kinds.VirtualService => new VirtualService(source),
        Kinds.Gateway => new Gateway(source),
        _ => new Entry(source),
    };

    private Needs Presence() =>
        (Services.Count > 0 ? Needs.Services : Needs.Nothing)
        | (Workloads.All.Count > 0 ? Needs.Workloads : Needs.Nothing)
        | (Of(Kinds.Namespace).Count > 0 ? Needs.Namespaces : Needs.Nothing)
        | (Of(Kinds.ServiceAccount).Count > 0 ? Needs.ServiceAccounts : Needs.Nothing)
        | (Of(Kinds.Secret).Count > 0 ? Needs.Secrets : Needs.Nothing)
        | (Of(Kinds.GatewayClass).Count > 0 ? Needs.GatewayClasses : Needs.Nothing);
}
