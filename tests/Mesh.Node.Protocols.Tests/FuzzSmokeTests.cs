using System.Diagnostics;

namespace Mesh.Node.Protocols.Tests;

/// <summary>
/// Goal: no parser disagrees with its oracle, and the fuzzers still run. Method: every target for five seconds, all at once.
/// </summary>
public sealed class FuzzSmokeTests
{
    private const string Seconds = "5";

    [Fact]
    public async Task Every_target_agrees_with_its_oracle_for_five_seconds()
    {
        string program = FindProgram();
        string[] targets = (await RunAsync(program, "list")).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Contains("http2-frames", targets);

        (int ExitCode, string Output)[] runs = await Task.WhenAll(targets.Select(target => RunAsync(program, target, "--seconds", Seconds)));

        Assert.All(runs, run => Assert.True(run.ExitCode == 0, run.Output));
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        string output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output);
    }

    /// <summary>Built beside the tests, in the same configuration.</summary>
    private static string FindProgram()
    {
        string path = AppContext.BaseDirectory.Replace(
            Path.Combine("tests", "Mesh.Node.Protocols.Tests"), Path.Combine("tests", "Fuzz"), StringComparison.Ordinal);
        string program = Path.Combine(path, "Mesh.Fuzz");
        Assert.True(File.Exists(program), $"{program} is not built.");
        return program;
    }
}
