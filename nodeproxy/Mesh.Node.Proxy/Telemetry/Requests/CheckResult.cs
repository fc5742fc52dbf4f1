namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What came of a request that an authorizer was to be asked about.</summary>
public enum CheckResult
{
    /// <summary>There was no answer, or none that could be read; the request was refused.</summary>
    Failed,

    /// <summary>There was none, and what the authorizer does not answer for passes.</summary>
    FailedOpen,
    Denied,
    Allowed,

    /// <summary>The request ended first, or content that was to be told could not be: too large, not well formed, not to be held.</summary>
    NotAsked,
}
