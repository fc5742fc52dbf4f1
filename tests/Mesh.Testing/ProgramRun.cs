using System.Diagnostics;

namespace Mesh.Testing;

/// <summary>What a program that stands beside the tests said, and how it ended.</summary>
public sealed record ProgramRun(int Code, string Output, string Errors)
{
    /// <summary>Runs it to its end.</summary>
    /// <param name="program">The name of its file, which the build put beside the tests.</param>
    /// <param name="arguments">Its arguments.</param>
    public static async Task<ProgramRun> OfAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, program), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{program}: not started.");
        process.StandardInput.Close();
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new ProgramRun(process.ExitCode, await output, await errors);
    }
}
