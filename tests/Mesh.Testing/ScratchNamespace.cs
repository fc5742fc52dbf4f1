using System.Diagnostics;
using Mesh.Interop.Linux;

namespace Mesh.Testing;

/// <summary>
/// A network namespace for one test, with its loopback up and nothing else. It has no name and leaves nothing behind: the kernel
/// removes it with its last descriptor.
/// </summary>
public sealed class ScratchNamespace : IDisposable
{
    private ScratchNamespace(NetNamespace network) => Network = network;

    /// <summary>The namespace, to make sockets in.</summary>
    public NetNamespace Network { get; }

    public static async Task<ScratchNamespace> CreateAsync()
    {
        var created = new ScratchNamespace(NetNamespace.Create());
        await created.ExecuteAsync("ip link set lo up");
        return created;
    }

    /// <summary>Runs a program inside.</summary>
    /// <param name="command">A program and arguments separated by single spaces; there is no shell.</param>
    /// <returns>What it wrote to standard output.</returns>
    /// <exception cref="InvalidOperationException">It could not be run, or failed; the message has what it wrote.</exception>
    public async Task<string> ExecuteAsync(string command)
    {
        // nsenter enters in the child: were this process to fork from a thread inside, threads it makes meanwhile would stay inside.
        var start = new ProcessStartInfo("nsenter", ["--net=" + Network.DescriptorPath, "--", .. command.Split(' ')])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };

        // Debian keeps ip and iptables where an ordinary user's PATH does not look.
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin";

        // Namespaces are independent, and the lock of iptables-legacy is one for all unless it is told otherwise.
        start.Environment["XTABLES_LOCKFILE"] = Path.Combine(Path.GetTempPath(), $"xtables-{Network.Id.Inode}.lock");
        using Process process = Process.Start(start) ?? throw new InvalidOperationException($"{command}: not started.");
        Task<string> reading = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        string errors = await reading;
        await process.WaitForExitAsync();

        // Streams that were taken are not closed with the process.
        process.StandardOutput.Dispose();
        process.StandardError.Dispose();
        return process.ExitCode == 0
            ? output
            : throw new InvalidOperationException($"{command}: status {process.ExitCode}: {errors}{output}");
    }

    public void Dispose() => Network.Dispose();
}
