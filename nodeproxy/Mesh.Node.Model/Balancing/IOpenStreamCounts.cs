using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Model.Balancing;

/// <summary>How busy endpoints are, as far as whoever picks knows. Called twice per pick; must not allocate.</summary>
public interface IOpenStreamCounts
{
    /// <summary>Connections and streams now open to the workload, 0 or more.</summary>
    int OpenStreams(Workload workload);
}
