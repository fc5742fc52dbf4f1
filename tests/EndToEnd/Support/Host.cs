using System.Diagnostics;
using Mesh.Lab;

namespace Mesh.EndToEnd.Support;

/// <summary>Programs of the machine, run to their end.</summary>
internal static class Host
{
    /// <returns>What it printed.</returns>
    /// <exception cref="LabException">It failed; with what it said.</exception>
    public static async Task<string> RunAsync(string program, params IEnumerable<string> arguments)
    {
        string[] all = [.. arguments];
        (int status, string output, string errors) = await TryAsync(program, all);
        return status == 0
            ? output
            : throw new LabException($"{program} {string.Join(' ', all)}: status {status}: {errors.Trim()} {output.Trim()}");
    }

    /// <summary>The same, whatever its status.</summary>
    public static async Task<(int Status, string Output, string Errors)> TryAsync(string program, params IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await errors);
    }
}
