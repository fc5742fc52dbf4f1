using System.Collections.Frozen;
using System.Collections.Immutable;
using Mesh.Node.Model;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Config;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Resolution;

/// <summary>
/// The mesh as told by the control plane, with the addresses of endpoints that it knows by name. Where there are none of these it is the
/// very snapshots that were told. Any thread.
/// </summary>
internal sealed class ResolvedConfiguration : IConfigurationReader, IDisposable
{
    private readonly Lock _gate = new();
    private readonly IConfigurationReader _source;
    private readonly NameResolver _names;
    private readonly NameOverlay _overlay = new();
    private readonly ILogger _logger;
    private ImmutableDictionary<string, Workload> _watched = ImmutableDictionary<string, Workload>.Empty;
    private MeshSnapshot _told;
    private volatile MeshSnapshot _current;
    private bool _isOver;

    /// <summary>Begins.</summary>
    /// <param name="source">The mesh as told.</param>
    /// <param name="names">Finds addresses; owned.</param>
    /// <param name="logger">Where a handler that fails is told.</param>
    public ResolvedConfiguration(IConfigurationReader source, NameResolver names, ILogger logger)
    {
        _source = source;
        _names = names;
        _logger = logger;
        _told = _current = MeshSnapshot.Empty;
        names.Answered += OnAnswered;
        lock (_gate)
        {
            source.Changed += OnChanged;
            _told = source.Current;
            Watch();
            _current = _overlay.Apply(_told, names.Find);
        }
    }

    public event Action<ConfigurationChange>? Changed;

    public MeshSnapshot Current => _current;

    /// <summary>Nothing more is told.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _isOver = true;
            _source.Changed -= OnChanged;
            _names.Answered -= OnAnswered;
            _names.Dispose();
        }
    }

    private void OnChanged(ConfigurationChange change)
    {
        lock (_gate)
        {
            if (!_isOver)
            {
                _told = change.Current;
                Watch();
                Publish(change);
            }
        }
    }

    private void OnAnswered()
    {
        lock (_gate)
        {
            if (!_isOver)
            {
                Publish(new ConfigurationChange(
                    _current,
                    _current,
                    FrozenSet<string>.Empty,
                    FrozenSet<string>.Empty,
                    FrozenSet<string>.Empty,
                    FrozenSet<string>.Empty));
            }
        }
    }

    private void Watch()
    {
        if (_told.Unresolved.IsEmpty && _watched.IsEmpty)
        {
            return;
        }

        _watched = _told.Unresolved;
        var names = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (Workload workload in _watched.Values)
        {
            bool countsFirst = workload.Services.Any(membership => _told.FindService(membership.ServiceKey) is { TakesFirstAnswer: true });
            names[workload.Hostname!] = names.GetValueOrDefault(workload.Hostname!) || countsFirst;
        }

        _names.Watch(names);
    }

    /// <summary>Under the gate, so that nobody hears of an earlier snapshot after a later one.</summary>
    private void Publish(ConfigurationChange change)
    {
        MeshSnapshot previous = _current;
        _current = _overlay.Apply(_told, _names.Find);
        ChangeHandlers.Tell(Changed, change with { Previous = previous, Current = _current }, _logger);
    }
}
