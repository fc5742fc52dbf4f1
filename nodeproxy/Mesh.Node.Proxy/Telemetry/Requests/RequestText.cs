namespace Mesh.Node.Proxy.Telemetry.Requests;

/// <summary>What a request says of itself that its log line repeats.</summary>
public enum RequestText
{
    /// <summary>Its method.</summary>
    Method,

    /// <summary>Path and query, as the client sent them, but for tokens in the query (<see cref="TokenMask"/>).</summary>
    Path,

    /// <summary>Host and perhaps port.</summary>
    Authority,

    /// <summary>The field user-agent.</summary>
    UserAgent,

    /// <summary>The field x-request-id.</summary>
    RequestId,

    /// <summary>The field x-forwarded-for.</summary>
    ForwardedFor,
}
