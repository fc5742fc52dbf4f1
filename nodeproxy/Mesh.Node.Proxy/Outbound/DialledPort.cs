using System.Net;
using Mesh.Node.Model;
using Mesh.Node.Model.Workloads;
using Mesh.Node.Proxy.Http.Detection;

namespace Mesh.Node.Proxy.Outbound;

/// <summary>What a captured client dialled: the service, and what its port speaks as far as declared.</summary>
/// <param name="Service">The service.</param>
/// <param name="Port">The port of it.</param>
/// <param name="Protocol">What the port declares, HTTP of whatever version.</param>
internal readonly record struct DialledPort(Service Service, ushort Port, PortProtocol Protocol)
{
    /// <summary>
    /// Whether its clients are looked at before it is decided where they go. Not where they go nowhere: what cannot be reached is refused
    /// at once.
    /// </summary>
    public bool IsLookedAt => Protocol is PortProtocol.Http or PortProtocol.Detect or PortProtocol.Tls;

    /// <summary>Finds it; of an address that no service owns nothing is known, and nobody looks.</summary>
    public static DialledPort Find(MeshSnapshot snapshot, Workload source, IPEndPoint destination)
    {
        ushort port = (ushort)destination.Port;
        return snapshot.FindServiceByAddress(source.Network, destination.Address, source.Namespace) is Service service
            && service is { Waypoint: null, WeightedWaypoints.IsEmpty: true }
            && service.LoadBalancing.Mode != LoadBalancingMode.Passthrough
            && service.TryGetPort(port, out ServicePort declared)
            ? new DialledPort(service, port, Beginnings.IsHttp(declared.Protocol) ? PortProtocol.Http : declared.Protocol)
            : new DialledPort(null!, port, PortProtocol.Tcp);
    }

    /// <summary>The port as one client's workload sees it.</summary>
    public PortKey KeyFor(Workload source) => new(source.Uid, Service.Key, Port);
}
