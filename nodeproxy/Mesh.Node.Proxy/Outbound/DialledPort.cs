using System.Net;
using Mesh.Node.Model;
using Mesh.Node.Model.Addresses;
using Mesh.Node.Model.Naming;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Protocols.Http;
using Mesh.Node.Proxy.Http.Detection;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>What a captured client dialled: the service, if one owns the address, and what its port speaks as far as declared.</summary>
/// <param name="Address">The address that was dialled.</param>
/// <param name="Port">The port.</param>
/// <param name="Service">The service that owns the address; null where none does, or it is not to be looked at.</param>
/// <param name="Protocol">What the port declares, HTTP of whatever version.</param>
internal readonly record struct DialledPort(NetworkAddress Address, ushort Port, Service? Service, PortProtocol Protocol)
{
    /// <summary>Whether what the client asks for may lead it to another service than the address does.</summary>
    public bool IsNamed { get; private init; }

    /// <summary>Whether requests, though known for what they are, go by the routes of connections as anything else does.</summary>
    public bool IsUnread { get; private init; }

    /// <summary>
    /// Whether its clients are looked at before it is decided where they go. Not where they go nowhere: what cannot be reached is refused
    /// at once. Nor where nothing depends on what they say.
    /// </summary>
    public bool IsLookedAt => Protocol is PortProtocol.Http or PortProtocol.Detect or PortProtocol.Tls;

    /// <summary>Finds it. Of an address that nobody owns it is asked what services clients reach at its port by name.</summary>
    public static DialledPort Find(MeshSnapshot snapshot, Workload source, IPEndPoint destination)
    {
        ushort port = (ushort)destination.Port;
        var address = NetworkAddress.From(source.Network, destination.Address);
        if (snapshot.FindServiceByAddress(address, source.Namespace) is Service service)
        {
            return service is { Waypoint: null, WeightedWaypoints.IsEmpty: true } && service.TryGetPort(port, out ServicePort declared)
                ? new DialledPort(address, port, service, Beginnings.IsHttp(declared.Protocol) ? PortProtocol.Http : declared.Protocol)
                {
                    IsNamed = (service.Reach & ServiceReach.Names) != 0,
                    IsUnread = declared.Protocol == PortProtocol.Detect
                        && snapshot.FindTraffic(service.Key)?.ScopeOf(source.Namespace).IsUnread(port) == true,
                }
                : new DialledPort(address, port, null, PortProtocol.Tcp);
        }

        Workload? workload = snapshot.FindWorkload(address);
        if (MeshPorts.IsReserved(port) || workload is not (null or { TunnelProtocol: TunnelProtocol.None, Node: "" }))
        {
            return new DialledPort(address, port, null, PortProtocol.Tcp);
        }

        // Who may go nowhere else is told so in the words of what it speaks.
        NamedPort? named = snapshot.NamedPorts.Find(port);
        bool isLookedAt = named is { HasHosts: true } or { HasServerNames: true }
            || (source.IsRegistryOnly && workload is null && named?.FindByPort(source.Namespace) is null);
        return new DialledPort(address, port, null, isLookedAt ? PortProtocol.Detect : PortProtocol.Tcp) { IsNamed = isLookedAt };
    }

    /// <summary>A service whose requests are our own: nobody has dialled it.</summary>
    public static DialledPort Of(Service service, ushort port) => new(default, port, service, PortProtocol.Http);

    /// <summary>The service that a request is for; null for none, and then it goes on as its client dialled, or nowhere.</summary>
    /// <param name="snapshot">The configuration in force.</param>
    /// <param name="source">The client's workload.</param>
    /// <param name="head">The request.</param>
    public Service? ServiceOf(MeshSnapshot snapshot, Workload source, RequestHead head)
    {
        if (!IsNamed || snapshot.NamedPorts.Find(Port)?.FindByAuthority(head.Authority, source.Namespace) is not Service named)
        {
            return Service;
        }

        // An address chooses among the services that have it, and a host among those.
        return Service is null || named.Owns(Address) ? named : Service;
    }

    /// <summary>Whether the requests of a client that begins with one are read.</summary>
    public bool ReadsRequests(MeshSnapshot snapshot, Workload source) =>
        Service is not null
            ? !IsUnread
            : snapshot.NamedPorts.Find(Port) is not NamedPort named
                || named.HasHosts
                || (source.IsRegistryOnly && named.FindByPort(source.Namespace) is null);

    /// <summary>The port as one client's workload sees it.</summary>
    public PortKey KeyFor(Workload source) => new(source.Uid, Service?.Key ?? "", Port);
}
