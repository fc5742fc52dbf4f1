using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>The least level that is written, for the program's log and the access log. Any thread may read and turn it.</summary>
public sealed class LogLevelSwitch
{
    private volatile int _level;

    /// <summary>Starts at <paramref name="level"/>.</summary>
    public LogLevelSwitch(LogLevel level) => Level = level;

    /// <summary>The least level that is written.</summary>
    public LogLevel Level
    {
        get => (LogLevel)_level;
        set => _level = (int)value;
    }

    /// <summary>Whether a line of <paramref name="level"/> is written.</summary>
    public bool IsEnabled(LogLevel level) => level != LogLevel.None && (int)level >= _level;

    /// <summary>Reads istio's words (<c>trace debug info warn error off</c>) and .NET's (<c>Warning</c>, <c>Critical</c>, …).</summary>
    public static bool TryParse(string? text, out LogLevel level)
    {
        LogLevel? parsed = text?.ToUpperInvariant() switch
        {
            "TRACE" => LogLevel.Trace,
            "DEBUG" => LogLevel.Debug,
            "INFO" or "INFORMATION" => LogLevel.Information,
            "WARN" or "WARNING" => LogLevel.Warning,
            "ERROR" => LogLevel.Error,
            "CRITICAL" or "FATAL" => LogLevel.Critical,
            "OFF" or "NONE" => LogLevel.None,
            _ => null,
        };
        level = parsed ?? default;
        return parsed is not null;
    }

    /// <summary>The word a line shows. Never allocates.</summary>
    public static string Word(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        LogLevel.Critical => "fatal",
        _ => "off",
    };
}
