using System.Globalization;

namespace Mesh.Lab.Processes;

/// <summary>Signals, by kill(1): .NET has no call for any but SIGKILL.</summary>
internal static class Signals
{
    /// <summary>Sends a signal. A process that is gone already is what was wanted.</summary>
    public static Task SendAsync(string signal, params int[] processIds)
    {
        return processIds.Length == 0
            ? Task.CompletedTask
            : Command.TryRunAsync(["kill", $"-{signal}", .. processIds.Select(id => id.ToString(CultureInfo.InvariantCulture))]);
    }
}
