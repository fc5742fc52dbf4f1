using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Mesh.Lab;

/// <summary>
/// The directory of one lab on disk: options.json, holder.json, holder.log, logs/, config/, control/, nodes/. Everything that is a secret
/// or
/// a socket of a running lab disappears with it; this directory is removed by `lab down`.
/// </summary>
public sealed class LabDirectory
{
    private LabDirectory(string path)
    {
        FullPath = path;
    }

    public string FullPath { get; }

    public string HolderLog => Path.Combine(FullPath, "holder.log");

    public string Logs => Path.Combine(FullPath, "logs");

    private string HolderFile => Path.Combine(FullPath, "holder.json");

    /// <summary>Where labs are kept: MESH_LAB_STATE, else artifacts/lab of the repository.</summary>
    public static string Root => Environment.GetEnvironmentVariable("MESH_LAB_STATE") is { Length: > 0 } root
        ? Path.GetFullPath(root)
        : Path.Combine(Repository.Root, "artifacts", "lab");

    public static LabDirectory Of(string name)
    {
        return Manifests.DnsName.IsLabel(name)
            ? new LabDirectory(Path.Combine(Root, name))
            : throw new LabException($"'{name}' cannot name a lab: lower case letters, digits and '-'");
    }

    /// <summary>Labs that have a directory, running or not.</summary>
    public static IReadOnlyList<string> Names()
    {
        return Directory.Exists(Root)
            ? [.. Directory.EnumerateDirectories(Root).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)]
            : [];
    }

    public bool Exists => Directory.Exists(FullPath);

    /// <summary>The process the lab lives in, or null when it does not run: never started, ended, or crashed.</summary>
    public HolderProcess? FindHolder()
    {
        if (!File.Exists(HolderFile))
        {
            return null;
        }

        HolderProcess holder = JsonSerializer.Deserialize<HolderProcess>(File.ReadAllText(HolderFile))!;
        return holder.IsAlive ? holder : null;
    }

    /// <summary>What a directory holds is for who made it.</summary>
    /// <exception cref="LabException">Somebody else made it.</exception>
    public void EnsureReadable()
    {
        try
        {
            _ = Directory.GetFileSystemEntries(FullPath);
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new LabException($"{FullPath} is another user's lab; {StateHint}", exception);
        }
    }

    internal const string StateHint = "MESH_LAB_STATE names another directory for labs of your own";

    internal void WriteHolder(HolderProcess holder) => File.WriteAllText(HolderFile, JsonSerializer.Serialize(holder));
}

/// <summary>A process, told apart from a later one of the same number by the time it started.</summary>
/// <param name="ProcessId">As seen from outside the lab: process 1 of the lab.</param>
/// <param name="StartTicks">Field 22 of /proc/PID/stat (proc(5)).</param>
public sealed record HolderProcess(int ProcessId, long StartTicks)
{
    [JsonIgnore]
    public bool IsAlive => ReadStartTicks(ProcessId) == StartTicks;

    internal static HolderProcess? Of(int processId) => ReadStartTicks(processId) is { } ticks ? new HolderProcess(processId, ticks) : null;

    // The name in field 2 may hold anything, spaces and brackets too, so fields are counted from the last bracket.
    private static long? ReadStartTicks(int processId)
    {
        try
        {
            string stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
            string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
