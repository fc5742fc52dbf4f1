using System.Diagnostics;

namespace Mesh.Node.Protocols.Tests.Interop;

/// <summary>
/// Runs a program of another project. Where it is not installed, the test fails in CI and is skipped with a reason elsewhere.
/// </summary>
internal static class Tool
{
    private static readonly string[] s_folders = ["/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

    public static string Find(string name, string package)
    {
        string? path = s_folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        if (path is null)
        {
            string reason = $"{name} is not installed (package {package}), so interoperation with it was NOT tested.";
            Assert.SkipWhen(Environment.GetEnvironmentVariable("CI") is null, reason);
            Assert.Fail(reason);
        }

        return path;
    }

    public static (int ExitCode, string Output) Run(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        process.ErrorDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        string output = process.StandardOutput.ReadToEnd();
        Assert.True(process.WaitForExit(60_000), $"{program} does not end.");
        return (process.ExitCode, output);
    }
}
