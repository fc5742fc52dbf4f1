using System.Globalization;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Kubernetes;

/// <summary>
/// Finds pods' network namespaces through the processes of the host. What was found once is looked at again each time it is used: a process
/// number may be another's by then. Any thread.
/// </summary>
/// <param name="root">The host's proc file system.</param>
/// <param name="time">The clock.</param>
internal sealed class HostProcesses(string root, TimeProvider time)
{
    private const int FileBytesMax = 16 * 1024;

    // Many pods ask at once when an agent starts; one scan answers all.
    private static readonly TimeSpan s_scanAgain = TimeSpan.FromMilliseconds(50);

    private readonly Lock _gate = new();

    // Guarded by _gate: the processes of each pod, the oldest first.
    private Dictionary<string, List<HostProcess>> _byPod = new(StringComparer.Ordinal);
    private long? _scannedAt;

    /// <summary>Opens the namespace of a pod: that of its oldest process which is not in the host's own.</summary>
    /// <param name="uid">As control groups name the pod.</param>
    /// <returns>Null when no process of the pod is there.</returns>
    /// <exception cref="PosixException">A namespace cannot be opened, for want of rights.</exception>
    /// <exception cref="IOException">The proc file system cannot be read.</exception>
    public NetNamespace? Open(string uid)
    {
        using NetNamespace host = NetNamespace.OpenPath(Path.Combine(root, "1", "ns", "net"));
        List<HostProcess>? known;
        lock (_gate)
        {
            known = _byPod.GetValueOrDefault(uid);
        }

        if (known is not null && OpenFirst(known, uid, host) is NetNamespace opened)
        {
            return opened;
        }

        lock (_gate)
        {
            if (_scannedAt is not long scanned || time.GetElapsedTime(scanned) >= s_scanAgain)
            {
                _byPod = Scan();
                _scannedAt = time.GetTimestamp();
            }

            known = _byPod.GetValueOrDefault(uid);
        }

        return known is null ? null : OpenFirst(known, uid, host);
    }

    private NetNamespace? OpenFirst(List<HostProcess> processes, string uid, NetNamespace host)
    {
        foreach (HostProcess process in processes)
        {
            NetNamespace opened;
            try
            {
                opened = NetNamespace.OpenPath(Path.Combine(root, process.Id, "ns", "net"));
            }
            catch (PosixException gone) when (gone.Error is Errno.ENOENT or Errno.ESRCH)
            {
                continue;
            }

            // Opened first and looked at then: the process was this pod's while its number led to this namespace.
            if (opened.Id != host.Id && Read(process.Id) == process && PodOf(process.Id) == uid)
            {
                return opened;
            }

            opened.Dispose();
        }

        return null;
    }

    private Dictionary<string, List<HostProcess>> Scan()
    {
        var found = new Dictionary<string, List<HostProcess>>(StringComparer.Ordinal);
        foreach (string directory in Directory.EnumerateDirectories(root))
        {
            string id = Path.GetFileName(directory);
            if (id.AsSpan().ContainsAnyExceptInRange('0', '9') || PodOf(id) is not string uid || Read(id) is not HostProcess process)
            {
                continue;
            }

            if (!found.TryGetValue(uid, out List<HostProcess>? processes))
            {
                found.Add(uid, processes = []);
            }

            processes.Add(process);
        }

        foreach (List<HostProcess> processes in found.Values)
        {
            processes.Sort(static (one, other) => one.StartedTicks.CompareTo(other.StartedTicks));
        }

        return found;
    }

    private string? PodOf(string id) => TryRead(id, "cgroup") is string cgroup ? PodCgroup.UidOf(cgroup) : null;

    /// <summary>The process of a number: which one, its start says.</summary>
    private HostProcess? Read(string id)
    {
        // The name in parentheses may hold anything; 20 fields behind it is the start (proc(5)).
        string? stat = TryRead(id, "stat");
        int name = stat?.LastIndexOf(')') ?? -1;
        string[] fields = name < 0 ? [] : stat![(name + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 19 && ulong.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out ulong started)
            ? new HostProcess(id, started)
            : null;
    }

    private string? TryRead(string id, string file)
    {
        try
        {
            using FileStream stream = new(Path.Combine(root, id, file), FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 1);
            byte[] content = new byte[FileBytesMax];
            int length = stream.ReadAtLeast(content, content.Length, throwOnEndOfStream: false);
            return System.Text.Encoding.Latin1.GetString(content, 0, length);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile.
            return null;
        }
    }

    /// <param name="Id">Its number.</param>
    /// <param name="StartedTicks">When it started, in ticks of the kernel since the boot.</param>
    private sealed record HostProcess(string Id, ulong StartedTicks);
}
