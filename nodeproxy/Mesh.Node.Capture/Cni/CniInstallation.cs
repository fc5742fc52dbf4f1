using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Mesh.Cni.Contract;

namespace Mesh.Node.Capture.Cni;

/// <summary>
/// The plug-in on the host: its file beside other plug-ins, its entry in the configuration that runtimes use, which is the lexically first
/// that can be read. Every change replaces a file whole.
/// </summary>
/// <param name="options">Where.</param>
/// <param name="plugin">The plug-in's entry.</param>
internal sealed class CniInstallation(CniOptions options, JsonObject plugin)
{
    private const string ListSuffix = ".conflist";
    private const string SavedSuffix = ".mesh-node-saved";
    private const string TemporarySuffix = ".mesh-node-new";

    // libcni takes both for a single plug-in's configuration.
    private static readonly string[] s_singleSuffixes = [".conf", ".json"];

    private readonly string _binaries = options.HostPrefix + options.BinDirectory;
    private readonly string _configurations = options.HostPrefix + options.ConfigurationDirectory;

    /// <summary>The entry of our plug-in, as the agent's options say.</summary>
    public static JsonObject EntryOf(CniOptions options, IReadOnlyList<string> excludedNamespaces)
    {
        PluginOptions own = new()
        {
            SocketPath = options.SocketPath,
            TimeoutSeconds = options.AddTimeoutSeconds + 5,
            ExcludedNamespaces = excludedNamespaces,
            OwnNamespace = options.OwnNamespace,
            OwnPodPrefixes = options.OwnPodPrefixes,
            ReportsStatus = options.ReportsStatus,
        };
        return new JsonObject
        {
            ["type"] = PluginOptions.PluginType,
            [PluginOptions.Key] = JsonSerializer.SerializeToNode(own, PluginOptionsJson.Default.PluginOptions),
        };
    }

    /// <summary>Makes the host what it must be, where it is not.</summary>
    /// <param name="problems">Files that cannot be read or written, and why. They are as they were.</param>
    /// <returns>What was changed, for an operator; none when all was right.</returns>
    public IReadOnlyList<string> Ensure(out IReadOnlyList<string> problems)
    {
        List<string> changes = [];
        List<string> found = [];
        bool isThere = Try(_binaries, found, () => CopyPlugin(changes));
        bool isChained = false;
        foreach (string file in isThere ? Configurations(found) : [])
        {
            if (Try(file, found, () => Chain(file, changes)))
            {
                isChained = true;
                break;
            }
        }

        if (isThere && !isChained)
        {
            found.Add($"{_configurations}: no network configuration can be used; pods get no network before there is one");
        }

        problems = found;
        return changes;
    }

    /// <summary>Takes the plug-in out of every configuration, gives back what was converted, and removes its file.</summary>
    /// <param name="problems">What could not be done, and why.</param>
    /// <returns>What was changed.</returns>
    public IReadOnlyList<string> Remove(out IReadOnlyList<string> problems)
    {
        List<string> changes = [];
        List<string> found = [];
        foreach (string file in Configurations(found))
        {
            Try(file, found, () => Unchain(file, changes));
        }

        // Last: a configuration that names a plug-in that is not there starts no pod.
        string installed = Path.Combine(_binaries, PluginOptions.PluginType);
        if (found.Count == 0 && File.Exists(installed))
        {
            Try(installed, found, () => File.Delete(installed));
            changes.Add($"{installed} is removed");
        }

        problems = found;
        return changes;
    }

    private static bool Try(string what, List<string> problems, Action action)
    {
        try
        {
            action();
            return true;
        }
        catch (Exception wrong) when (wrong is CaptureException or IOException or UnauthorizedAccessException)
        {
            problems.Add($"{what}: {wrong.Message}");
            return false;
        }
    }

    private void CopyPlugin(List<string> changes)
    {
        byte[] wanted = File.ReadAllBytes(options.PluginFile ?? Path.Combine(AppContext.BaseDirectory, PluginOptions.PluginType));
        string installed = Path.Combine(_binaries, PluginOptions.PluginType);
        if (File.Exists(installed) && File.ReadAllBytes(installed).AsSpan().SequenceEqual(wanted))
        {
            return;
        }

        Directory.CreateDirectory(_binaries);
        const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        Replace(installed, wanted, Executable);
        changes.Add($"{installed} is installed");
    }

    private string[] Configurations(List<string> problems)
    {
        string[] files = [];
        Try(_configurations, problems, () => files =
        [
            .. Directory.EnumerateFiles(_configurations)
                .Where(file => s_singleSuffixes.Append(ListSuffix).Contains(Path.GetExtension(file), StringComparer.Ordinal))
                .Order(StringComparer.Ordinal),
        ]);
        return files;
    }

    private void Chain(string file, List<string> changes)
    {
        if (Path.GetExtension(file) != ListSuffix)
        {
            Convert(file, changes);
        }
        else if (SavedOf(file) is string saved && File.Exists(saved[..^SavedSuffix.Length]))
        {
            // Its owner has written anew what this list was made of.
            Convert(saved[..^SavedSuffix.Length], changes);
        }
        else if (NetworkChain.Insert(Read(file), plugin) is string chained)
        {
            Replace(file, Encoding.UTF8.GetBytes(chained), ModeOf(file));
            changes.Add($"{file} has the plug-in");
        }
    }

    private void Convert(string file, List<string> changes)
    {
        // The list is there before the single configuration goes: between the two, the runtime still uses the latter.
        string list = Path.ChangeExtension(file, ListSuffix);
        Replace(list, Encoding.UTF8.GetBytes(NetworkChain.Convert(Read(file), plugin)), ModeOf(file));
        File.Move(file, file + SavedSuffix, overwrite: true);
        changes.Add($"{list} is made of {Path.GetFileName(file)}, which is kept as {Path.GetFileName(file)}{SavedSuffix}");
    }

    private void Unchain(string file, List<string> changes)
    {
        if (Path.GetExtension(file) != ListSuffix)
        {
            return;
        }

        string? saved = SavedOf(file);
        if (NetworkChain.Remove(Read(file), plugin) is not string without)
        {
            return;
        }

        if (saved is not null)
        {
            File.Move(saved, saved[..^SavedSuffix.Length], overwrite: true);
            File.Delete(file);
            changes.Add($"{saved[..^SavedSuffix.Length]} is given back");
            return;
        }

        Replace(file, Encoding.UTF8.GetBytes(without), ModeOf(file));
        changes.Add($"{file} is without the plug-in");
    }

    /// <summary>What a list was made of; null where it was a list from the beginning.</summary>
    private static string? SavedOf(string list) =>
        s_singleSuffixes.Select(suffix => Path.ChangeExtension(list, suffix) + SavedSuffix).FirstOrDefault(File.Exists);

    private static byte[] Read(string file)
    {
        using FileStream stream = new(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] text = new byte[NetworkChain.FileBytesMax + 1];
        return text[..stream.ReadAtLeast(text, text.Length, throwOnEndOfStream: false)];
    }

    private static UnixFileMode ModeOf(string file) => OperatingSystem.IsWindows() ? UnixFileMode.None : File.GetUnixFileMode(file);

    /// <summary>
    /// Readers see the old file or the new one, also after a power cut. Runtimes pass over the name of the one being written.
    /// </summary>
    private static void Replace(string file, byte[] content, UnixFileMode mode)
    {
        string temporary = file + TemporarySuffix;
        File.Delete(temporary);
        using (FileStream stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            stream.Write(content);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(stream.SafeFileHandle, mode);
            }

            stream.Flush(flushToDisk: true);
        }

        File.Move(temporary, file, overwrite: true);
    }
}
