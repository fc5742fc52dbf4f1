namespace Mesh.Control.Cli;

/// <summary>How a command ends, for scripts.</summary>
internal static class ExitCode
{
    public const int Fine = 0;

    /// <summary>There are findings at or above the threshold, differences, or what was asked could not be done.</summary>
    public const int Failed = 1;

    /// <summary>The command line was not understood.</summary>
    public const int Usage = 2;
}
