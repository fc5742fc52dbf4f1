using System.Diagnostics;
using System.Text;

namespace Mesh.Lab.Processes;

/// <summary>A program run to its end.</summary>
internal static class Command
{
    /// <summary>Runs a program that must succeed and returns what it wrote.</summary>
    /// <exception cref="LabException">It cannot be started or ends with a status other than zero; the message holds what it
    /// said.</exception>
    public static async Task<string> RunAsync(IReadOnlyList<string> command, string? input = null, CancellationToken cancellation = default)
    {
        CommandResult result = await TryRunAsync(command, input, cancellation);
        return result.ExitCode == 0
            ? result.Output
            : throw new LabException($"{string.Join(' ', command)}: status {result.ExitCode}: {result.Errors.Trim()}{Quote(input)}");
    }

    /// <summary>Runs a program whatever its status.</summary>
    /// <exception cref="LabException">It cannot be started.</exception>
    public static async Task<CommandResult> TryRunAsync(
        IReadOnlyList<string> command, string? input = null, CancellationToken cancellation = default)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
        };
        using Process process = Start(start);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(cancellation);
            Task<string> errors = process.StandardError.ReadToEndAsync(cancellation);
            try
            {
                await process.StandardInput.WriteAsync(input.AsMemory(), cancellation);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended without reading; its status and its words say why.
            }

            await process.WaitForExitAsync(cancellation);
            return new CommandResult(process.ExitCode, await output, await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    public static Process Start(ProcessStartInfo start)
    {
        try
        {
            return Process.Start(start) ?? throw new LabException($"{start.FileName}: cannot be started");
        }
        catch (System.ComponentModel.Win32Exception exception)
        {
            throw new LabException($"{start.FileName}: cannot be started: {exception.Message}", exception);
        }
    }

    private static string Quote(string? input) => input is null ? "" : $"{Environment.NewLine}its input was:{Environment.NewLine}{input}";
}

/// <param name="Output">What it wrote to standard output.</param>
/// <param name="Errors">What it wrote to standard error.</param>
public sealed record CommandResult(int ExitCode, string Output, string Errors);
