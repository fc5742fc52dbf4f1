using System.Globalization;
using Mesh.Interop.Linux;

namespace Mesh.Node.Capture.Tests.Kubernetes;

/// <summary>A proc file system of a host, as far as the agent reads it: a folder whose namespaces are real.</summary>
internal sealed class HostProcFolder : IDisposable
{
    public HostProcFolder()
    {
        // What every host has: its first process, in the host's own network.
        Add(1, startedTicks: 1, "0::/init.scope\n", "/proc/self/ns/net");
        Directory.CreateSymbolicLink(Path.Combine(Root, "sys"), "/proc/sys");
    }

    public string Root { get; } = Directory.CreateTempSubdirectory("mesh-proc-").FullName;

    public void AddOfPod(int id, string uid, NetNamespace network, ulong startedTicks = 100) =>
        Add(id, startedTicks, $"0::/kubepods/besteffort/pod{uid}/c{id}\n", network.DescriptorPath);

    public void Add(int id, ulong startedTicks, string cgroup, string network)
    {
        string folder = Folder(id);
        Directory.CreateDirectory(Path.Combine(folder, "ns"));
        File.WriteAllText(Path.Combine(folder, "cgroup"), cgroup);
        string fields = string.Join(' ', Enumerable.Repeat("0", 18));
        File.WriteAllText(
            Path.Combine(folder, "stat"), string.Create(CultureInfo.InvariantCulture, $"{id} (a ) name) S {fields} {startedTicks} 0 0\n"));
        File.CreateSymbolicLink(Path.Combine(folder, "ns", "net"), network);
    }

    public void Remove(int id) => Directory.Delete(Folder(id), recursive: true);

    public void Dispose() => Directory.Delete(Root, recursive: true);

    private string Folder(int id) => Path.Combine(Root, id.ToString(CultureInfo.InvariantCulture));
}
