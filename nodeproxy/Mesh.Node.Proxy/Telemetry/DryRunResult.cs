namespace Mesh.Node.Proxy.Telemetry;

/// <summary>What a dry run came to, in Envoy's words (reference B.7): of which policies, and what they would have done.</summary>
public enum DryRunResult
{
    /// <summary>A DENY rule would have denied.</summary>
    DenyDenied,

    /// <summary>An ALLOW rule would have allowed.</summary>
    AllowAllowed,

    /// <summary>No ALLOW rule would have allowed.</summary>
    AllowDenied,
}
