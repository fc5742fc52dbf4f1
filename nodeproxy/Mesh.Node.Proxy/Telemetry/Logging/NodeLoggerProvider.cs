using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Telemetry.Logging;

/// <summary>The program's loggers: they format on the caller's thread and leave the writing to <see cref="LogWriter"/>.</summary>
public sealed class NodeLoggerProvider(LogWriter writer, TimeProvider time) : ILoggerProvider, ILoggerFactory
{
    [ThreadStatic]
    private static LogLine? t_line;

    /// <inheritdoc />
    public ILogger CreateLogger(string categoryName) => new NodeLogger(this, categoryName);

    /// <summary>There is one provider, this one.</summary>
    /// <exception cref="NotSupportedException">Always.</exception>
    public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException("The node has one log.");

    /// <summary>Nothing: the writer belongs to whoever made it.</summary>
    public void Dispose()
    {
    }

    private void Write<TState>(
        string category, LogLevel level, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        LogLine line = t_line ??= new LogLine();
        line.Clear();
        line.Begin(
            writer.Format, time.GetUtcNow().ToUnixTimeMilliseconds(), LogLevelSwitch.Word(level), category, formatter(state, exception));
        if (writer.Format == LogFormat.Json && state is IReadOnlyList<KeyValuePair<string, object?>> pairs)
        {
            foreach (KeyValuePair<string, object?> pair in pairs)
            {
                // The template; the message above is made of it.
                if (pair.Key != "{OriginalFormat}")
                {
                    line.Text(pair.Key, pair.Value?.ToString());
                }
            }
        }

        line.Text("error"u8, exception?.ToString());
        line.End();
        writer.Line(line.Written.ToArray());
    }

    private sealed class NodeLogger(NodeLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => provider.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Debug.Assert(formatter is not null, "A line has a message.");
            if (IsEnabled(logLevel))
            {
                provider.Write(category, logLevel, state, exception, formatter);
            }
        }
    }

    private bool IsEnabled(LogLevel level) => writer.Level.IsEnabled(level);
}
