namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>How log lines are written.</summary>
public enum LogFormat
{
    /// <summary><c>time level scope message key=value …</c></summary>
    Text,

    /// <summary>One JSON object a line.</summary>
    Json,
}

/// <summary>Whether and how each connection gets its line.</summary>
public enum AccessLogMode
{
    /// <summary>As text.</summary>
    Text,

    /// <summary>As JSON.</summary>
    Json,

    /// <summary>Not at all.</summary>
    Off,
}
