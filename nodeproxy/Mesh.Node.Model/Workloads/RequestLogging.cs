namespace Mesh.Node.Model.Workloads;

/// <summary>Whether requests have lines in the log.</summary>
public enum RequestLog
{
    /// <summary>As the node's own options say.</summary>
    ByNode,
    Written,
    Omitted,
}

/// <summary>Whether a workload's requests have lines in the log of its node.</summary>
/// <param name="Client">Those that it sends.</param>
/// <param name="Server">Those that it is sent.</param>
public readonly record struct RequestLogging(RequestLog Client, RequestLog Server)
{
    /// <summary>Whether it has some, whatever the node's options say.</summary>
    public bool IsWritten => Client == RequestLog.Written || Server == RequestLog.Written;
}
