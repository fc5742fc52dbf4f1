using System.Net.Sockets;
using Mesh.Node.Model;
using Mesh.Node.Model.Balancing;
using Mesh.Node.Model.Workloads;

namespace Mesh.Node.Proxy.Http.Destinations;

/// <summary>What a choice of an endpoint depends on, besides the destination.</summary>
internal readonly ref struct PickRequest
{
    /// <summary>The configuration in force.</summary>
    public required MeshSnapshot Snapshot { get; init; }

    /// <summary>The client's workload.</summary>
    public required Workload Source { get; init; }

    /// <summary>The family the client dialled; endpoints with both are reached over it.</summary>
    public required AddressFamily Family { get; init; }

    /// <summary>The loop's milliseconds.</summary>
    public required long NowMs { get; init; }

    /// <summary>What the request is hashed to (<see cref="RequestHash.TryGet"/>); null when it has nothing to be hashed by.</summary>
    public ulong? Hash { get; init; }

    /// <summary>Endpoints the request was tried at: avoided while others are left, but where it is hashed.</summary>
    public ReadOnlySpan<DestinationEndpoint> Tried { get; init; }
}

/// <summary>What choosing an endpoint came to.</summary>
/// <param name="Choice">
/// Where the request goes, or why nowhere. With every endpoint ejected that is <see cref="EndpointStatus.NoHealthyEndpoint"/>.
/// </param>
/// <param name="Endpoint">What the node knows of the endpoint; null where none was chosen.</param>
internal readonly record struct EndpointPick(EndpointChoice Choice, DestinationEndpoint? Endpoint);
