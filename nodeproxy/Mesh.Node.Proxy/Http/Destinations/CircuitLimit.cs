namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>What a node may have only so many of under way to a destination.</summary>
public enum CircuitLimit
{
    /// <summary>No limit stands in the way.</summary>
    None,

    /// <summary>Connections.</summary>
    Connections,

    /// <summary>Requests that wait for a connection.</summary>
    PendingRequests,

    /// <summary>Requests.</summary>
    Requests,

    /// <summary>Retries.</summary>
    Retries,
}
