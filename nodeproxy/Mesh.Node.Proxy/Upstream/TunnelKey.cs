using System.Net;
using Mesh.Api.Identity;

namespace Mesh.Node.Proxy.Upstream;

/// <summary>What two connections must agree in to share a tunnel. The source pod is the pool's own.</summary>
/// <param name="Source">The identity we present.</param>
/// <param name="SourceAddress">
/// The pod's address the connections come from, which the far side sees and judges. Null leaves it to the kernel: for connections over IPv6
/// whose endpoint is reached over IPv4, and the other way round.
/// </param>
/// <param name="Accepted">The identities we accept at the other end, as one text (<see cref="AcceptedIdentities.Key"/>).</param>
/// <param name="Destination">The peer's HBONE address and port.</param>
/// <param name="WorkloadUid">The workload at that address: an address that passes to another workload gets another tunnel.</param>
internal readonly record struct TunnelKey(
    SpiffeId Source, IPAddress? SourceAddress, string Accepted, IPEndPoint Destination, string WorkloadUid);
