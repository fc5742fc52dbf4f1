using System.Diagnostics;

namespace Mesh.Node.Transport.Tests.Children;

/// <summary>This program again, in a process of its own, running one scenario.</summary>
internal static class ChildProcess
{
    public const string Command = "scenario";

    /// <summary>128 and SIGABRT: how the runtime ends a process that must not go on.</summary>
    public const int AbortedExitCode = 134;

    /// <summary>Runs a scenario to its end.</summary>
    /// <param name="scenario">A method of <see cref="Scenarios"/>.</param>
    /// <param name="under">A program and its arguments that run what follows them, such as <c>unshare -Ur</c>.</param>
    public static async Task<ChildResult> RunAsync(string scenario, params string[] under)
    {
        string self = Path.ChangeExtension(typeof(ChildProcess).Assembly.Location, null);
        string[] commandLine = [.. under, self, Command, scenario];
        var start = new ProcessStartInfo(commandLine[0], commandLine[1..])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // The runtime starts threads when it first needs them, to recompile and to complete socket operations, and ends where it cannot.
        start.Environment["DOTNET_TieredCompilation"] = "0";
        start.Environment["DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS"] = "1";
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{commandLine[0]} did not start.");
        using var limit = new CancellationTokenSource(SocketIo.Patience);
        try
        {
            Task<string> output = process.StandardOutput.ReadToEndAsync(limit.Token);
            Task<string> errors = process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            return new ChildResult(process.ExitCode, await output + await errors);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{scenario} did not end within {SocketIo.Patience}.");
        }
    }
}

/// <summary>How a child ended, and all it wrote.</summary>
internal sealed record ChildResult(int ExitCode, string Text);
