using System.Globalization;
using Mesh.Lab;

namespace Mesh.Bench.Load.Measuring;

/// <summary>A proxy in the lab with the processes it started: what it costs.</summary>
/// <param name="Lab">Where it runs.</param>
/// <param name="Name">What messages call it.</param>
/// <param name="ProcessId">Inside the lab.</param>
internal sealed record ProxyProcess(MeshLab Lab, string Name, int ProcessId)
{
    /// <summary>Processor time so far, workers included.</summary>
    public double CpuSeconds() => Family().Sum(id => ProcFiles.ParseProcessCpuSeconds(Read(id, "stat")));

    /// <summary>Memory resident of all its processes; what they share counts for each.</summary>
    public long ResidentBytes() => Family().Sum(id => ProcFiles.ParseResidentBytes(Read(id, "status")));

    /// <summary>The library of that name it has loaded, or null.</summary>
    public string? Library(string namePrefix) => ProcFiles.FindMapped(Read(ProcessId, "maps"), namePrefix);

    public bool IsListening(int port) =>
        ProcFiles.HasListener(Read(ProcessId, "net/tcp"), port) || ProcFiles.HasListener(Read(ProcessId, "net/tcp6"), port);

    // Workers are children: nginx has one process for each.
    private IEnumerable<int> Family()
    {
        string children = Read(ProcessId, $"task/{ProcessId.ToString(CultureInfo.InvariantCulture)}/children");
        return children.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(id => int.Parse(id, CultureInfo.InvariantCulture))
            .Prepend(ProcessId);
    }

    private string Read(int id, string file)
    {
        try
        {
            return File.ReadAllText(Lab.PathInside(string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/{file}")));
        }
        catch (IOException exception)
        {
            throw new BenchException($"{Name} has ended while it was measured: {exception.Message}");
        }
    }
}
