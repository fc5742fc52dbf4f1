using System.Net;
using Mesh.Bench.Load.Measuring;
using Mesh.Lab;

namespace Mesh.Bench.Load.Topology;

/// <summary>One side of a comparison: how the client's traffic is carried.</summary>
/// <param name="Name">mesh-node, or the peer as it stands in the report.</param>
/// <param name="PacketPath">What a packet passes from client to server.</param>
/// <param name="Client">Where the generator runs.</param>
/// <param name="Target">What it connects to.</param>
/// <param name="Proxies">Who is charged with the processor time.</param>
internal sealed record Contender(string Name, string PacketPath, LabPod Client, IPEndPoint Target, IReadOnlyList<ProxyProcess> Proxies)
{
    /// <summary>How long it runs before anything counts: more for who is compiled meanwhile.</summary>
    public int WarmUpSeconds { get; init; } = 1;
}

/// <summary>Both sides of a row, running.</summary>
/// <param name="Ours">The mesh.</param>
/// <param name="Peers">Those it is compared with.</param>
/// <param name="Programs">What was started for it and ends with it.</param>
internal sealed record Contest(Contender Ours, IReadOnlyList<Contender> Peers, ProgramList Programs) : IAsyncDisposable
{
    public IEnumerable<Contender> Sides => Peers.Prepend(Ours);

    public ValueTask DisposeAsync() => Programs.DisposeAsync();
}
