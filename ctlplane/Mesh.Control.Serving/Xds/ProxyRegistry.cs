using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Mesh.Control.Serving.Xds;

/// <summary>The discovery streams open now. Any thread.</summary>
public sealed class ProxyRegistry
{
    /// <summary>An answer comes within milliseconds; who has owed one for this long is stuck.</summary>
    private static readonly TimeSpan s_answerPatience = TimeSpan.FromSeconds(30);

    private readonly ConcurrentDictionary<ProxySession, bool> _sessions = [];

    /// <summary>Ordered by node, then by age.</summary>
    public ImmutableArray<ProxyStatus> Statuses =>
    [
        .. _sessions.Keys
            .Select(session => session.Status)
            .OrderBy(status => status.Node, StringComparer.Ordinal)
            .ThenBy(status => status.ConnectedAt),
    ];

    /// <summary>The nodes with a stream that wants the type and has not confirmed this generation of it or a later one.</summary>
    public ImmutableArray<string> NodesWithout(string typeUrl, long generation) =>
    [
        .. _sessions.Keys
            .Select(session => session.Status)
            .Where(status => status.Types.Any(type => type.TypeUrl == typeUrl && type.AcknowledgedGeneration < generation))
            .Select(status => status.Node)
            .Distinct(StringComparer.Ordinal)
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>How many streams are not where they should be: something is refused, or has been unanswered for 30 s.</summary>
    public int CountBehind(DateTimeOffset now) => _sessions.Keys.Count(session =>
    {
        ProxyStatus status = session.Status;
        return status.Types.Any(type => type.Rejected is not null) || now - status.UnansweredSince > s_answerPatience;
    });

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
