using System.Diagnostics;
using System.Net;
using Mesh.Api.Identity;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Telemetry.Metrics;
using Mesh.Node.Transport.Relay;

namespace Mesh.Node.Proxy.Telemetry;

/// <summary>What is known about one connection, from accept to its log line. Paths fill it in as they learn.</summary>
/// <remarks>
/// Made at accept, one per connection and never reused, so a reader that still holds a closed one reads the truth about it.
/// Written by: the connection's loop only. Read by: any thread through <see cref="OpenConnections"/>, a field at a time and without
/// order between fields; everything here is therefore a reference or at most 64 bits wide.
/// </remarks>
public sealed class ConnectionRecord : IRelayMeter
{
    /// <summary>Makes the record of a connection that was just accepted.</summary>
    /// <param name="path">The path it enters; a path may still change it while it decides (<see cref="Path"/>).</param>
    /// <param name="client">The application that connected, as its socket shows it.</param>
    /// <param name="destination">What it connected to, or null when even that could not be told.</param>
    /// <param name="startedMs">The loop's clock at accept.</param>
    public ConnectionRecord(ConnectionPath path, IPEndPoint client, IPEndPoint? destination, long startedMs)
    {
        ArgumentNullException.ThrowIfNull(client);
        Path = path;
        Client = client;
        Destination = destination;
        StartedMs = startedMs;
    }

    /// <summary>Unique within the process; 0 until <see cref="ConnectionTelemetry.Opened"/>.</summary>
    public long Id { get; internal set; }

    /// <summary>The way it takes. Fixed once <see cref="ConnectionTelemetry.PartiesKnown"/> was called.</summary>
    public ConnectionPath Path { get; set; }

    /// <summary>The application that connected.</summary>
    public IPEndPoint Client { get; }

    /// <summary>What it connected to: the original destination of captured traffic, our own address for HBONE.</summary>
    public IPEndPoint? Destination { get; set; }

    /// <summary>Where we connected to for it: the endpoint, or the far proxy's HBONE port. Null before that is decided.</summary>
    public IPEndPoint? Upstream { get; set; }

    /// <summary>The CONNECT request's authority: an <see cref="IPEndPoint"/>, or a <see cref="DnsEndPoint"/> for a host name.</summary>
    public EndPoint? HboneAuthority { get; set; }

    /// <summary>The server name the application's own TLS asks for; null or empty where it asks for none, or nobody has looked.</summary>
    public string? ServerName { get; set; }

    /// <summary>The client's workload; null when it is none, or not known yet.</summary>
    public Workload? Source { get; set; }

    /// <summary>The endpoint's workload; null when it is none, or not known yet.</summary>
    public Workload? DestinationWorkload { get; set; }

    /// <summary>The service that was dialled; null when none was.</summary>
    public Service? Service { get; set; }

    /// <summary>Who the client is: from its certificate, or attested by the namespace it was captured in. Null when unknown.</summary>
    public SpiffeId? SourceIdentity { get; set; }

    /// <summary>Who the server is. Null when the destination has no identity.</summary>
    public SpiffeId? DestinationIdentity { get; set; }

    /// <summary>Whether the bytes cross the network under mutual TLS. Never true for a same-node connection.</summary>
    public bool IsMutualTls { get; set; }

    /// <summary>The loop's clock at accept.</summary>
    public long StartedMs { get; }

    /// <summary>When its last line was handed to the log. Milliseconds since 1970.</summary>
    public long LoggedUnixMs { get; internal set; }

    /// <summary>Whether <see cref="ConnectionTelemetry.PartiesKnown"/> was called.</summary>
    public bool ArePartiesKnown { get; internal set; }

    /// <summary>Whether its requests are read: then they are counted, each for itself, and it is in no series of istio's TCP.</summary>
    public bool CarriesRequests { get; set; }

    /// <summary>How long it was open; 0 while it is.</summary>
    public long DurationMs { get; internal set; }

    /// <summary>Bytes carried from the client to the server.</summary>
    public long BytesSent { get; private set; }

    /// <summary>Bytes carried from the server to the client.</summary>
    public long BytesReceived { get; private set; }

    /// <summary>Why it ended; <see cref="CloseReason.None"/> until something ended it.</summary>
    public CloseReason Reason { get; private set; }

    /// <summary>What a reader needs beyond the reason: a policy and rule, OpenSSL's words, an errno. At most a sentence.</summary>
    public string? Detail { get; private set; }

    /// <summary>What policies in a dry run would have done, and which rule; null where none decided.</summary>
    public string? DryRun { get; set; }

    /// <summary>Where <see cref="OpenConnections"/> keeps it; -1 when it does not.</summary>
    internal int Slot { get; set; } = -1;

    /// <summary>Where it counts as its source reports it; null where no pod of this node is the source, and for tunnels.</summary>
    internal TcpCell? SourceCell { get; set; }

    /// <summary>Where it counts as its destination reports it.</summary>
    internal TcpCell? DestinationCell { get; set; }

    /// <summary>What of <see cref="BytesSent"/> the series have already.</summary>
    internal long ReportedSent { get; set; }

    /// <summary>What of <see cref="BytesReceived"/> the series have already.</summary>
    internal long ReportedReceived { get; set; }

    /// <summary>Counts bytes from the client to the server.</summary>
    public void AddSent(long bytes) => BytesSent += bytes;

    /// <summary>Counts bytes from the server to the client.</summary>
    public void AddReceived(long bytes) => BytesReceived += bytes;

    /// <summary>Says why the connection ends. The first reason stands: what tearing the sockets down brings is not the cause.</summary>
    /// <returns>Whether this was the first reason.</returns>
    public bool TryEnd(CloseReason reason, string? detail = null)
    {
        Debug.Assert(reason != CloseReason.None, "A connection ends with a reason.");
        if (Reason != CloseReason.None)
        {
            return false;
        }

        Detail = detail;
        Reason = reason;
        return true;
    }
}
