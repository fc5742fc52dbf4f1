using Microsoft.Extensions.Logging;

namespace Mesh.Node.Proxy.Config;

/// <summary>Tells handlers of a change.</summary>
internal static partial class ChangeHandlers
{
    /// <summary>Tells every handler, also when one before it fails: a bug in one must not leave another with stale configuration.</summary>
    public static void Tell<T>(Action<T>? handlers, T argument, ILogger logger)
    {
        foreach (Action<T> handler in Delegate.EnumerateInvocationList(handlers))
        {
            try
            {
                handler(argument);
            }
#pragma warning disable CA1031 // Whatever it is, the others must hear of the change; the log has it whole.
            catch (Exception exception)
#pragma warning restore CA1031
            {
                HandlerFailed(logger, exception);
            }
        }
    }

    [LoggerMessage(EventId = 1201, Level = LogLevel.Error, Message = "A handler of configuration changes failed. Please report it.")]
    private static partial void HandlerFailed(ILogger logger, Exception fault);
}
