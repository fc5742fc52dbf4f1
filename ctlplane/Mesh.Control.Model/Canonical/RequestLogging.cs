namespace Mesh.Control.Model.Canonical;

/// <summary>Whether requests have lines in the log of a node.</summary>
public enum RequestLog
{
    /// <summary>As the node's own options say.</summary>
    ByNode,
    Written,
    Omitted,
}

/// <param name="Client">Of requests that a workload sends.</param>
/// <param name="Server">Of requests that it is sent.</param>
public readonly record struct RequestLogging(RequestLog Client, RequestLog Server);
