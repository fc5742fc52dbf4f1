using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Mesh.Control.Serving.Xds;

/// <summary>The discovery streams open now. Any thread.</summary>
public sealed class ProxyRegistry
{
    private readonly ConcurrentDictionary<ProxySession, bool> _sessions = [];

    /// <summary>Ordered by node, then by age.</summary>
    public ImmutableArray<ProxyStatus> Statuses =>
    [
        .. _sessions.Keys
            .Select(session => session.Status)
            .OrderBy(status => status.Node, StringComparer.Ordinal)
            .ThenBy(status => status.ConnectedAt),
    ];

    /// <summary>Whether every stream that wants the type has confirmed this generation of it or a later one.</summary>
    public bool AllHold(string typeUrl, long generation) => _sessions.Keys
        .SelectMany(session => session.Status.Types)
        .All(type => type.TypeUrl != typeUrl || type.AcknowledgedGeneration >= generation);

    internal void Add(ProxySession session)
    {
        _sessions[session] = true;
        ServingMetrics.ProxiesConnected.Add(1);
    }

    internal void Remove(ProxySession session)
    {
        if (_sessions.TryRemove(session, out _))
        {
            ServingMetrics.ProxiesConnected.Add(-1);
        }
    }
}
