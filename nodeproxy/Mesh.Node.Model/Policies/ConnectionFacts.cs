using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model.Addresses;

namespace Mesh.Node.Model.Policies;

/// <summary>
/// What is known of a connection when it is decided: enough for every L4 condition and nothing a client could choose freely except its
/// address. Made without allocation.
/// </summary>
public readonly struct ConnectionFacts
{
    /// <param name="peer">The authenticated identity; null for plaintext.</param>
    /// <param name="source">The client's address as the destination sees it.</param>
    /// <param name="destination">The workload's address.</param>
    /// <param name="destinationPort">The application's port.</param>
    /// <param name="network">The network both addresses belong to.</param>
    public ConnectionFacts(SpiffeId? peer, IPAddress source, IPAddress destination, ushort destinationPort, string network)
        : this(peer, IpValue.From(source), IpValue.From(destination), destinationPort, network)
    {
    }

    /// <inheritdoc cref="ConnectionFacts(SpiffeId?, IPAddress, IPAddress, ushort, string)"/>
    public ConnectionFacts(SpiffeId? peer, IpValue source, IpValue destination, ushort destinationPort, string network)
    {
        Peer = peer;
        Source = source;
        Destination = destination;
        DestinationPort = destinationPort;
        Network = network;
    }

    /// <summary>The authenticated identity; null for plaintext.</summary>
    public SpiffeId? Peer { get; }

    /// <summary>The client's address as the destination sees it.</summary>
    public IpValue Source { get; }

    /// <summary>The workload's address.</summary>
    public IpValue Destination { get; }

    /// <summary>The application's port.</summary>
    public ushort DestinationPort { get; }

    /// <summary>The network both addresses belong to.</summary>
    public string Network { get; }

    /// <summary>
    /// The server name the application's own TLS asks for, in lower case; empty where it asks for none or speaks no TLS, null while nobody
    /// has looked.
    /// </summary>
    public string? ServerName { get; init; }
}
