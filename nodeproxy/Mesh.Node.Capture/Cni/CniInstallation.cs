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

    // The plug-in's file and the installed one when they were last found to be the same: megabytes that need not be read at each look.
    private (FileStamp Source, FileStamp Installed)? _same;

    private string Installed => Path.Combine(_binaries, PluginOptions.PluginType);

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

        // An older one that is there serves too, where it cannot be replaced now.
        bool isThere = Try(_binaries, found, () => CopyPlugin(changes)) || File.Exists(Installed);
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
        if (found.Count == 0 && File.Exists(Installed) && Try(Installed, found, () => File.Delete(Installed)))
        {
            changes.Add($"{Installed} is removed");
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
        string source = options.PluginFile ?? Path.Combine(AppContext.BaseDirectory, PluginOptions.PluginType);
        FileStamp wantedStamp = FileStamp.Of(source);
        if (_same is { } same && same.Source == wantedStamp && File.Exists(Installed) && same.Installed == FileStamp.Of(Installed))
        {
            return;
        }

        byte[] wanted = File.ReadAllBytes(source);
        if (!File.Exists(Installed) || !File.ReadAllBytes(Installed).AsSpan().SequenceEqual(wanted))
        {
            Directory.CreateDirectory(_binaries);
            const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
            Replace(Installed, wanted, Executable);
            changes.Add($"{Installed} is installed");
        }

        // Taken before the reading: what is written meanwhile differs from it.
        _same = (wantedStamp, FileStamp.Of(Installed));
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
        else if (SavedSingleOf(file) is string saved && File.Exists(saved[..^SavedSuffix.Length]))
        {
            // Its owner has written anew what this list was made of.
            Convert(saved[..^SavedSuffix.Length], changes);
        }
        else if (NetworkChain.Insert(Read(file), plugin) is string chained)
        {
            if (Without(Read(file)) is null)
            {
                // Its owner has written it, and has it no longer made of what is kept.
                DeleteSaved(file);
            }

            Replace(file, Encoding.UTF8.GetBytes(chained), ModeOf(file));
            changes.Add($"{file} has the plug-in");
        }
    }

    private void Convert(string file, List<string> changes)
    {
        byte[] converted = Encoding.UTF8.GetBytes(NetworkChain.Convert(Read(file), plugin));
        string list = Path.ChangeExtension(file, ListSuffix);
        KeepList(list, converted);

        // The list is there before the single configuration goes: between the two, the runtime still uses the latter.
        Replace(list, converted, ModeOf(file));
        File.Move(file, file + SavedSuffix, overwrite: true);
        changes.Add($"{list} is made of {Path.GetFileName(file)}, which is kept as {Path.GetFileName(file)}{SavedSuffix}");
    }

    /// <summary>Keeps a list that stands where one is about to be made, unless it was made by us.</summary>
    private void KeepList(string list, byte[] converted)
    {
        if (!File.Exists(list))
        {
            return;
        }

        byte[] present = Read(list);
        bool isOurs = SavedSingleOf(list) is not null && Without(present) is not null;
        if (!isOurs && !present.AsSpan().SequenceEqual(converted))
        {
            Replace(list + SavedSuffix, Without(present) ?? present, ModeOf(list));
        }
    }

    /// <returns>A list without the plug-in; null where it is not in it, or where this is no list.</returns>
    private byte[]? Without(byte[] list)
    {
        try
        {
            return NetworkChain.Remove(list, plugin) is string without ? Encoding.UTF8.GetBytes(without) : null;
        }
        catch (CaptureException)
        {
            return null;
        }
    }

    private void Unchain(string file, List<string> changes)
    {
        if (Path.GetExtension(file) != ListSuffix)
        {
            return;
        }

        if (NetworkChain.Remove(Read(file), plugin) is not string without)
        {
            // Its owner's: what was kept of an earlier one is nobody's any more.
            DeleteSaved(file);
            return;
        }

        if (SavedSingleOf(file) is string saved)
        {
            // In this order: there is always one that the runtime can use.
            string single = saved[..^SavedSuffix.Length];
            File.Move(saved, single, overwrite: true);
            GiveBackList(file);
            changes.Add($"{single} is given back");
        }
        else if (File.Exists(file + SavedSuffix) || IsMadeOfSingle(file))
        {
            // The same, when it was interrupted before.
            GiveBackList(file);
        }
        else
        {
            Replace(file, Encoding.UTF8.GetBytes(without), ModeOf(file));
            changes.Add($"{file} is without the plug-in");
        }
    }

    private bool IsMadeOfSingle(string list) =>
        s_singleSuffixes.Select(suffix => Path.ChangeExtension(list, suffix)).FirstOrDefault(File.Exists) is string single
        && Encoding.UTF8.GetBytes(NetworkChain.Convert(Read(single), plugin)).AsSpan().SequenceEqual(Read(list));

    private static void GiveBackList(string list)
    {
        if (File.Exists(list + SavedSuffix))
        {
            File.Move(list + SavedSuffix, list, overwrite: true);
        }
        else
        {
            File.Delete(list);
        }
    }

    private static void DeleteSaved(string list)
    {
        foreach (string suffix in s_singleSuffixes.Append(ListSuffix))
        {
            File.Delete(Path.ChangeExtension(list, suffix) + SavedSuffix);
        }
    }

    /// <summary>What a list was made of; null where it was a list from the beginning.</summary>
    private static string? SavedSingleOf(string list) =>
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
        FileStreamOptions created = new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            // Nobody else reads it before it has the mode of what it replaces.
            created.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (FileStream stream = new(temporary, created))
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
