using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Rules;

/// <summary>Runs the system's network tools inside network namespaces. Safe on any thread.</summary>
/// <remarks>
/// The child enters the namespace by itself (nsenter). Forking from a thread that is inside would do too, but a thread the runtime makes
/// meanwhile would be born inside and keep a dead pod's namespace alive.
/// </remarks>
/// <param name="lockDirectory">Where lock files of iptables-legacy go, one per namespace; made when missing.</param>
/// <param name="time">For the limit on each run.</param>
internal sealed class NamespaceTools(string lockDirectory, TimeProvider time)
{
    private const int OutputCharactersMax = 8 << 20;

    private static readonly TimeSpan s_timeLimit = TimeSpan.FromSeconds(20);

    // Fixed, so that neither PATH nor the working directory chooses what runs with our privileges.
    private static readonly string[] s_directories = ["/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

    /// <summary>The full path of a tool; null when it is not installed.</summary>
    public static string? Find(string tool) =>
        s_directories.Select(directory => Path.Combine(directory, tool)).FirstOrDefault(File.Exists);

    /// <summary>Runs a tool to its end.</summary>
    /// <param name="network">Where.</param>
    /// <param name="tool">Its name, without a path.</param>
    /// <param name="arguments">Its arguments; there is no shell.</param>
    /// <param name="input">What it reads.</param>
    /// <param name="cancellation">Ends it by force.</param>
    /// <exception cref="CaptureException">It is not installed, could not be started, or took too long.</exception>
    public async Task<ToolResult> RunAsync(
        NetNamespace network, string tool, IReadOnlyList<string> arguments, string input, CancellationToken cancellation)
    {
        string command = string.Join(' ', [tool, .. arguments]);
        string path = Find(tool) ?? throw new CaptureException($"{tool} is not installed (looked in {string.Join(", ", s_directories)}).");
        string enter = Find("nsenter") ?? throw new CaptureException("nsenter is not installed; it comes with util-linux.");
        ProcessStartInfo start = new(enter, ["--net=" + network.DescriptorPath, "--", path, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            WorkingDirectory = "/",
        };
        start.Environment.Clear();
        start.Environment["LC_ALL"] = "C";
        start.Environment["PATH"] = string.Join(':', s_directories);
        start.Environment["XTABLES_LOCKFILE"] = LockFileOf(network);

        using CancellationTokenSource limit = new(s_timeLimit, time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellation);
        using Process process = StartOrThrow(start, command);
        try
        {
            Task<string> output = ReadAsync(process.StandardOutput, command, either.Token);
            Task<string> errors = ReadAsync(process.StandardError, command, either.Token);
            await WriteAsync(process.StandardInput, input, either.Token);
            await process.WaitForExitAsync(either.Token);
            return new ToolResult(command, process.ExitCode, await output, (await errors).TrimEnd());
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellation.IsCancellationRequested)
        {
            throw new CaptureException($"{command} did not end within {s_timeLimit.TotalSeconds} s.");
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }

    private static Process StartOrThrow(ProcessStartInfo start, string command)
    {
        try
        {
            return Process.Start(start) ?? throw new CaptureException($"{command} could not be started.");
        }
        catch (Win32Exception failure)
        {
            throw new CaptureException($"{command} could not be started: {failure.Message}", failure);
        }
    }

    private static async Task WriteAsync(StreamWriter writer, string input, CancellationToken cancellation)
    {
        try
        {
            await writer.WriteAsync(input.AsMemory(), cancellation);
            writer.Close();
        }
        catch (IOException)
        {
            // It ended without reading everything. Its status and its words say why.
        }
    }

    private static async Task<string> ReadAsync(StreamReader reader, string command, CancellationToken cancellation)
    {
        var text = new StringBuilder();
        char[] part = new char[4096];
        while (await reader.ReadAsync(part, cancellation) is int count and > 0)
        {
            if (text.Length + count > OutputCharactersMax)
            {
                throw new CaptureException($"{command} printed more than {OutputCharactersMax} characters.");
            }

            text.Append(part, 0, count);
        }

        return text.ToString();
    }

    // /run may be read-only, and one lock for all namespaces would make pods wait for each other.
    private string LockFileOf(NetNamespace network)
    {
        Directory.CreateDirectory(lockDirectory);
        return Path.Combine(lockDirectory, $"xtables-{network.Id.Device}-{network.Id.Inode}.lock");
    }
}
