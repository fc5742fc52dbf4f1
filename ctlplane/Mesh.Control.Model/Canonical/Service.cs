using System.Collections.Immutable;
using System.Net;

namespace Mesh.Control.Model.Canonical;

public enum ApplicationProtocol
{
    Unknown,
    Http11,
    Http2,
    Grpc,
    Tcp,
    Tls,
}

/// <summary>A service's name in the mesh: its namespace and its fully qualified host name.</summary>
public readonly record struct ServiceKey(string Namespace, string Hostname)
{
    public static int Compare(ServiceKey left, ServiceKey right)
    {
        int order = string.CompareOrdinal(left.Namespace, right.Namespace);
        return order != 0 ? order : string.CompareOrdinal(left.Hostname, right.Hostname);
    }

    public override string ToString() => $"{Namespace}/{Hostname}";
}

/// <param name="Port">1 to 65535.</param>
/// <param name="TargetPort">1 to 65535, or 0 where it differs by endpoint.</param>
/// <param name="Protocol">What is spoken there, as far as declared.</param>
public sealed record ServicePort(int Port, int TargetPort, ApplicationProtocol Protocol)
{
    /// <summary>As routes may name it; empty where it has no name.</summary>
    public string Name { get; init; } = string.Empty;
}

/// <summary>A virtual address, or a range of them.</summary>
/// <param name="Address">The address, or the first of the range.</param>
/// <param name="PrefixLength">Null for a single address.</param>
public readonly record struct VirtualAddress(IPAddress Address, int? PrefixLength);

public enum AddressFamilies
{
    Automatic,
    IPv4Only,
    IPv6Only,
    Dual,
}

public enum LocalityScope
{
    Region,
    Zone,
    Subzone,
    Node,
    Network,
}

public enum LocalityMode
{
    /// <summary>No preference.</summary>
    None,

    /// <summary>Only endpoints that match every scope.</summary>
    Strict,

    /// <summary>The endpoints that match most scopes, in order.</summary>
    Failover,

    /// <summary>To the address the client dialled; no endpoint is chosen.</summary>
    Passthrough,
}

/// <summary>How a client chooses among endpoints.</summary>
public sealed record EndpointPreference(ImmutableArray<LocalityScope> Scopes, LocalityMode Mode, bool AdmitsUnhealthy)
{
    public static EndpointPreference Default { get; } = new([], LocalityMode.None, AdmitsUnhealthy: false);
}

/// <summary>Something clients address. Immutable.</summary>
public sealed record Service
{
    public required ServiceKey Key { get; init; }

    public required string Name { get; init; }

    /// <summary>The network the virtual addresses belong to.</summary>
    public string Network { get; init; } = string.Empty;

    public ImmutableArray<VirtualAddress> Addresses { get; init; } = [];

    public ImmutableArray<ServicePort> Ports { get; init; } = [];

    /// <summary>Ports of UDP and SCTP, which the mesh does not carry; those that are of TCP too aside.</summary>
    public ImmutableArray<int> UncarriedPorts { get; init; } = [];

    /// <summary>Said to have no address of its own: clients go to its endpoints themselves.</summary>
    public bool IsHeadless { get; init; }

    /// <summary>SPIFFE identities accepted besides those of the endpoints.</summary>
    public ImmutableArray<string> SubjectAltNames { get; init; } = [];

    public EndpointPreference Preference { get; init; } = EndpointPreference.Default;

    public AddressFamilies Families { get; init; }

    /// <summary>The one to prefer where several services claim a host name: those of Kubernetes itself.</summary>
    public bool IsCanonical { get; init; }

    /// <summary>
    /// Requests and TLS connections that ask for its host name are its own, at its ports, whatever address they were sent to.
    /// </summary>
    public bool IsReachedByName { get; init; }

    /// <summary>So is whatever else is said at its ports to an address that nobody owns.</summary>
    public bool IsReachedByPort { get; init; }

    /// <summary>Of the addresses that a name of an endpoint has, only the one named first is used.</summary>
    public bool TakesFirstAnswer { get; init; }

    /// <summary>Seen from its own namespace only.</summary>
    public bool IsNamespaceLocal { get; init; }
}
