using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Mesh.Lab.Processes;

namespace Mesh.Lab;

/// <summary>Starts the process a lab lives in, inside namespaces of its own.</summary>
internal static class LabStarter
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromSeconds(90);

    /// <summary>Starts a lab and waits until it answers.</summary>
    /// <param name="isOwned">The lab ends with this process; otherwise it stays until `lab down`.</param>
    /// <returns>A client of it, and what to keep open while an owned lab is wanted.</returns>
    /// <exception cref="LabException">A lab of that name runs already, or this one could not be started; then nothing of it is left
    /// running.</exception>
    public static async Task<(LabClient Client, Process Unshare)> StartAsync(
        LabOptions options, bool isOwned, CancellationToken cancellation)
    {
        LabDirectory directory = LabDirectory.Of(options.Name);
        if (directory.FindHolder() is not null)
        {
            throw new LabException($"the lab '{options.Name}' runs already; `lab down` ends it, and `--name` starts another beside it");
        }

        if (directory.Exists)
        {
            directory.EnsureReadable();
            Directory.Delete(directory.FullPath, recursive: true); // Left by a lab that crashed.
        }

        try
        {
            Directory.CreateDirectory(directory.FullPath, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new LabException($"{exception.Message} {LabDirectory.StateHint}.", exception);
        }

        await File.WriteAllTextAsync(
            Path.Combine(directory.FullPath, "options.json"), JsonSerializer.Serialize(options), CancellationToken.None);
        string[] holder = [.. Executable.OfTheLab, "hold", directory.FullPath, .. isOwned ? (string[])["--owned"] : []];
        Process unshare = Command.Start(Describe(await NamespaceFlagsAsync(options.WantsUserNamespace), holder, directory.HolderLog));
        try
        {
            LabClient client = await ConnectAsync(directory, unshare, cancellation);
            return (client, unshare);
        }
        catch (Exception exception)
        {
            unshare.Kill();
            await unshare.WaitForExitAsync(CancellationToken.None);
            if (exception is OperationCanceledException)
            {
                // There is nothing to be learnt from its logs.
                Directory.Delete(directory.FullPath, recursive: true);
            }

            throw;
        }
    }

    /// <summary>Ends a lab and removes its directory.</summary>
    public static async Task EndAsync(LabClient client)
    {
        try
        {
            using var process = Process.GetProcessById(client.Holder.ProcessId);
            process.Kill();
        }
        catch (ArgumentException)
        {
            // It has ended by itself.
        }

        while (client.Holder.IsAlive)
        {
            // The kernel takes everything in the lab away with its process 1.
            await Task.Delay(TimeSpan.FromMilliseconds(5), TimeProvider.System);
        }

        // `lab down` may have been there before.
        if (client.Directory.Exists)
        {
            Directory.Delete(client.Directory.FullPath, recursive: true);
        }
    }

    // The shell is process 1 of the lab: it reaps what nobody else waits for, and ends with the holder. `unshare` passes its own death on
    // to it.
    private static ProcessStartInfo Describe(string[] flags, string[] holder, string log)
    {
        const string Outside = "exec >\"$0\" 2>&1; exec setsid unshare \"$@\"";
        const string Inside = "exec 3<&0; \"$0\" \"$@\" <&3 3<&- & exec 3<&-; wait $!";
        return new ProcessStartInfo("sh", ["-c", Outside, log, .. flags, "--fork", "--kill-child", "--", "sh", "-c", Inside, .. holder])
        {
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
    }

    // Whoever may make namespaces makes them as he is; others get a user namespace of their own as well, in which they may.
    private static async Task<string[]> NamespaceFlagsAsync(bool wantsUserNamespace)
    {
        string[] plain = ["--net", "--mount", "--pid", "--mount-proc"];
        string[] user = ["--user", "--map-root-user", .. plain];
        string refusal = "";
        foreach (string[] flags in wantsUserNamespace ? (string[][])[user] : [plain, user])
        {
            CommandResult tried = await Command.TryRunAsync(["unshare", .. flags, "--fork", "true"]);
            if (tried.ExitCode == 0)
            {
                return flags;
            }

            refusal += $"{Environment.NewLine}  unshare {string.Join(' ', flags)}: {tried.Errors.Trim()}";
        }

        throw new LabException("this machine lets the lab make no namespaces:" + refusal + Environment.NewLine
            + "Be root, or look at the settings user.max_user_namespaces, kernel.unprivileged_userns_clone and "
            + "kernel.apparmor_restrict_unprivileged_userns (`sysctl NAME`).");
    }

    private static async Task<LabClient> ConnectAsync(LabDirectory directory, Process unshare, CancellationToken cancellation)
    {
        long startedAt = Stopwatch.GetTimestamp();
        while (true)
        {
            if (unshare.HasExited)
            {
                throw new LabException($"the lab could not be started:{Environment.NewLine}{LogFile.Tail(directory.HolderLog, 30)}");
            }

            if (Stopwatch.GetElapsedTime(startedAt) > s_startLimit)
            {
                string log = LogFile.Tail(directory.HolderLog, 30);
                throw new LabException($"the lab did not start within {s_startLimit.TotalSeconds} s:{Environment.NewLine}{log}");
            }

            if (FindChild(unshare.Id) is { } holder && File.Exists(LabClient.SocketPathOf(holder)))
            {
                directory.WriteHolder(holder);
                return new LabClient(directory, holder);
            }

            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, cancellation);
        }
    }

    private static HolderProcess? FindChild(int parent)
    {
        string children = string.Create(CultureInfo.InvariantCulture, $"/proc/{parent}/task/{parent}/children");
        try
        {
            string first = File.ReadAllText(children).Split(' ')[0];
            return int.TryParse(first, CultureInfo.InvariantCulture, out int id) ? HolderProcess.Of(id) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
